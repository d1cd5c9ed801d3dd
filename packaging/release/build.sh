#!/bin/sh
# build.sh VERSION KEY FOLDER builds everything that a release offers for download
# into the folder, signed with minisign's secret key in the file KEY. RELEASE_URL is
# where the files will be.
#
# Two builds of one commit with the same boot programs, key, Go and tools of Debian
# are equal bit for bit, in any folder: reproducible.sh shows it. What differed, and
# what makes it equal:
#   - Go programs: -trimpath. Version control's state is part of them, and is equal.
#   - gok: times, paths, the host's time zone and authorities; see gokrazy/gok.sh
#   - mkfs.ext4 and mtools: times; see gokrazy/image.sh
#   - modes of files: umask
#   - xz: one thread writes other blocks than several do. The number of threads is
#     not part of the file as long as there are two or more, and the block size is
#     given.
#   - qemu-img: VMDK's content ID, and VHDX's GUIDs, sequence numbers and log of old changes; see
#     tools/release/identify.go. It writes qcow2 in the same way each time.
#   - OVA, the SBOM, the sources and the list for Raspberry Pi Imager: the commit's
#     time instead of the current one, and a serial number that follows from the
#     content.
#   - .deb files: see packaging/debian/build.sh. The container image is made of them.
#   - signatures: Ed25519 is deterministic, and the comments have no time.
set -eu

fail() {
	echo "build.sh: $*" >&2
	exit 1
}

cd "$(dirname "$0")/../.."
version=${1:-} key=${2:-} into=${3:-build/release}
if [ -z "$version" ] || [ -z "$key" ]; then
	fail "which version, which key? make release VERSION=1.0.0 KEY=path/to/minisign.key"
fi
case $version in
*[!0-9A-Za-z.+~]*) fail "$version is not a version that a Debian package can have, too; for example 1.0.0 or 1.1.0~rc1" ;;
[0-9]*) ;;
*) fail "$version has to begin with a digit; for example 1.0.0" ;;
esac
[ -r "$key" ] || fail "$key is not there; make release-key KEY=$key makes a key"
changes=$(git status --porcelain --untracked-files=no)
[ -z "$changes" ] || fail "these files differ from the commit; commit them, or put them back:
$changes"
for program in qemu-img xz; do
	command -v $program >/dev/null || fail "$program is missing: run make deps"
done

umask 022
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
time=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
url=${RELEASE_URL:-https://github.com/pxebox/pxebox/releases/download/v$version}
# For all programs here. A variable of the caller would get into them.
unset GOOS GOARCH GOAMD64 GOARM64 GOEXPERIMENT
export SOURCE_DATE_EPOCH GOWORK=off GOFLAGS=-trimpath TZ=UTC LC_ALL=C
mkdir -p build
stage=$PWD/$(mktemp -d build/release.XXXXXX)
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
files=$stage/files
mkdir "$files"

go -C tools build -o "$stage/release" ./release
release=$stage/release
# With these two gokrazy/instance.sh puts the version and the key, by which a box
# knows its updates, into an image.
PXEBOX_VERSION=$version
PXEBOX_RELEASE_KEY=$stage/release.pub
export PXEBOX_VERSION PXEBOX_RELEASE_KEY
"$release" public "$key" >"$PXEBOX_RELEASE_KEY"

# step prints how long a part takes, for docs/release.md.
step() {
	now=$(date +%s)
	[ -z "${begun:-}" ] || echo "  $((now - begun)) s"
	begun=$now
	echo "$*"
}

# First: it ends the build if the sources do not fit the boot programs.
step "sources"
"$release" sources "$version" "$time" "$(git rev-parse HEAD)" build/sources "$files/pxebox-$version-sources.tar"

for hardware in amd64 rpi; do
	step "pxebox-$version-$hardware: image and update file"
	image=$stage/pxebox-$version-$hardware.img
	gaf=$files/pxebox-$version-$hardware.gaf
	gokrazy/image.sh pxebox-$hardware "$image" "$gaf"
	"$release" sign "$key" "$gaf" "pxebox $version pxebox-$hardware"
	step "pxebox-$version-$hardware: xz"
	xz --keep --threads=2 --block-size=32MiB -6 --check=crc64 --stdout "$image" >"$files/pxebox-$version-$hardware.img.xz"
	printf '%s  %s  %s bytes\n' "$(sha256sum "$image" | cut -d' ' -f1)" "pxebox-$version-$hardware.img" \
		"$(stat -c %s "$image")" >>"$files/pxebox-$version-images.txt"
done

step "virtual disks"
image=$stage/pxebox-$version-amd64.img
disk=$files/pxebox-$version-amd64
qemu-img convert -f raw -O qcow2 -c -o compat=1.1 "$image" "$disk.qcow2"
# ESXi takes a disk of the kind streamOptimized for a SCSI disk or none; the
# descriptor of the virtual machine says where it really is.
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized,adapter_type=lsilogic "$image" "$disk.vmdk"
qemu-img convert -f raw -O vhdx -o subformat=dynamic "$image" "$disk.vhdx"
"$release" identify "$version" "$disk.vmdk"
"$release" identify "$version" "$disk.vhdx"
"$release" ova "$version" "$time" "$disk.vmdk" "$disk.ova"

step "command-line tool"
make -s cli VERSION="$version" CLI_DIR="$stage/cli"
for program in "$stage"/cli/*; do
	name=$(basename "$program")
	mv "$program" "$files/pxebox-$version-${name#pxebox-}"
done

step "Debian packages"
packaging/debian/build.sh "$version" "$files"

step "container image"
go -C tools build -o "$stage/oci" ./oci
"$stage/oci" -o "$files/pxebox-$version-oci.tar" "$files/pxebox_${version}_amd64.deb" "$files/pxebox_${version}_arm64.deb"

step "lists"
"$release" imager "$version" "$time" "$url" "$stage/pxebox-$version-rpi.img" "$files/pxebox-$version-rpi.img.xz" \
	>"$files/os_list.json"
"$release" sbom "$version" "$time" >"$files/pxebox-$version-sbom.cdx.json"
(cd "$files" && sha256sum -- * >"$stage/SHA256SUMS" && mv "$stage/SHA256SUMS" SHA256SUMS)
"$release" sign "$key" "$files/SHA256SUMS" "pxebox $version SHA256SUMS"
cp "$PXEBOX_RELEASE_KEY" "$files/pxebox-release.pub"
step "sizes"

# Only a whole release ever bears the name.
rm -rf "$into"
mkdir -p "$(dirname "$into")"
mv "$files" "$into"
stat -c '%12s  %n' "$into"/*
if tar -xOf "$into/pxebox-$version-sources.tar" "pxebox-$version-sources/README.txt" | grep -q '^Not in this file'; then
	echo "build.sh: pxebox-$version-sources.tar lacks sources, see README.txt in it: do not publish this release" >&2
fi
