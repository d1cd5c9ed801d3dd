#!/bin/sh
# image.sh NAME IMAGE [UPDATE] builds the instance gokrazy/NAME into the disk image
# IMAGE, with /perm formatted and filled, and into the update file UPDATE for
# boxes that run. It needs no root. With SOURCE_DATE_EPOCH, for a release, all times
# in it are that one, and two builds of one commit are equal.
set -eu

cd "$(dirname "$0")/.."
name=$1
image=$2
update=${3:-}
PATH=$PATH:/usr/sbin:/sbin # mkfs.ext4, for those who are not root
export GOWORK=off          # a workspace would hide the pinned builddir

# The smallest disk that gok accepts: boot 100 MiB, two roots of 500 MiB, and
# 96 MiB of /perm. gok leaves /perm unformatted, and gokrazy never formats it.
size=1258299392
perm_offset=1157627904
perm_kib=98292

gokrazy/instance.sh "$name"
gokrazy/licenses.sh "$name" # of what that instance has

work=$(mktemp -d build/image.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# gok builds with -mod=mod: where builddir lacks a requirement it picks a
# version by itself, and the image is no longer what was committed.
cp gokrazy/builddir/go.mod gokrazy/builddir/go.sum "$work/"
echo "building $name (log: build/gok.log)"
gok() {
	gokrazy/gok.sh --parent_dir build/gokrazy -i "$name" overwrite "$@" >build/gok.log 2>&1 || {
		tail -n 30 build/gok.log >&2
		echo "image.sh: gok failed" >&2
		exit 1
	}
}
gok --full "$PWD/$work/image" --target_storage_bytes=$size
if [ -n "$update" ]; then
	# Without the Raspberry Pi's EEPROM program, which the image installs once: by an
	# update a Pi 4 would write its EEPROM each time, over the owner's settings.
	sed -i '1a\    "EEPROMPackage": "",' "build/gokrazy/$name/config.json"
	gok --gaf "$PWD/$work/update"
	gokrazy/instance.sh "$name"
fi
for file in go.mod go.sum; do
	if ! diff -u "$work/$file" gokrazy/builddir/$file >&2; then
		cp "$work/go.mod" "$work/go.sum" gokrazy/builddir/
		echo "image.sh: gokrazy/builddir/$file lacks the lines above: run make tidy, and commit the result" >&2
		exit 1
	fi
done

mkdir -p "$work/perm/pxebox/boot"
cp config/default.toml "$work/perm/pxebox/pxebox.toml"
echo "Put boot files here: kernels, initrds, disk images. File names in pxebox.toml are relative to this folder." \
	>"$work/perm/pxebox/boot/README.txt"
chmod -R u=rwX,go=rX "$work/perm"
# mke2fs reads the time from one variable before 1.47.1, and from another since.
# mtools knows SOURCE_DATE_EPOCH, and writes local time.
if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
	find "$work/perm" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
	export E2FSPROGS_FAKE_TIME="$SOURCE_DATE_EPOCH" TZ=UTC
fi
# remount-ro: a damaged file system must not be written to. The fixed UUID
# and hash seed make two builds alike; nothing mounts by them.
# For the first boot, which grows it: room for the group descriptors of 1 TiB,
# in blocks; and an inode for 128 KiB, since each new one costs 256 bytes of
# zeros that an SD card has to write. Boot files are few and large.
# -m 0: nothing kept for root, which all programs here are. What uploads leave
# free is their own matter.
# The features are listed, because mke2fs.conf differs between releases: Debian
# 13's adds orphan_file, with which no power cut was tried. No metadata_csum: its
# checksum of the superblock spans two sectors. A power cut between the two would
# leave a file system that no longer mounts. uninit_bg keeps the checksums of the
# group descriptors.
features=none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg
features=$features,sparse_super,large_file,huge_file,uninit_bg,dir_nlink,extra_isize
mkfs.ext4 -q -F -b 4096 -e remount-ro -L perm -d "$work/perm" -i 131072 -m 0 -I 256 -O $features \
	-U 70786562-6f78-4000-8000-7065726d0000 \
	-E offset=$perm_offset,root_owner=0:0,resize=268435456,hash_seed=70786562-6f78-4000-8000-7065726d0001 \
	"$work/image" ${perm_kib}k

# mke2fs copies the time of the last change of a file's properties, which no program
# can set, from the host.
if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
	for file in pxebox pxebox/pxebox.toml pxebox/boot pxebox/boot/README.txt; do
		echo "set_inode_field /$file ctime @$SOURCE_DATE_EPOCH"
	done >"$work/ctime"
	debugfs -w -f "$work/ctime" "$work/image?offset=$perm_offset" >"$work/debugfs.log" 2>&1
fi

# The partition that a person changes settings on, with any computer. It lies
# before the boot partition, where gok leaves 4 MiB, and an update does not
# reach it. The boot partition itself has no free cluster, and macOS hides it.
settings_offset=1048576
settings_sectors=6144
go run ./gokrazy/addsettings "$work/image"
sed 's/$/\r/' config/default.toml >"$work/pxebox.toml"
sed 's/$/\r/' internal/box/settings/README.txt >"$work/README.txt"
mformat -i "$work/image@@$settings_offset" -T $settings_sectors -h 16 -s 32 -v PXEBOX-CFG -N 70786562 ::
mcopy -i "$work/image@@$settings_offset" "$work/pxebox.toml" "$work/README.txt" ::

# Only a whole image ever bears the name.
mv "$work/image" "$image"
[ -z "$update" ] || mv "$work/update" "$update"
echo "$image is ready. At its first start the box makes its password and its keys, and shows them on its screen"
