#!/bin/sh
# build.sh builds a kernel for the amd64 image into build/kernel, in the form of
# gokrazy's kernel package: vmlinuz, cmdline.txt, lib/modules, and a Go file.
# The source is Debian's package, which apt verifies. The configuration is that
# of gokrazy's kernel, read from its module, with config.addendum.txt.
# What is current stays: REFRESH=1 builds from Debian's current source.
# It takes 17 minutes with two idle processors, and some GB in build/_kernel; an
# interrupted build goes on there.
set -eu

cd "$(dirname "$0")/../.."
release=trixie
source=linux-source-6.12
jobs=${JOBS:-$(nproc)}
addendum=$PWD/gokrazy/kernel/config.addendum.txt
result=$PWD/build/kernel
work=$PWD/build/_kernel # go ./... does not look into folders with this name
# A make that runs this hands down its own options, and a person's environment
# a version.
unset MAKEFLAGS MAKELEVEL MFLAGS LOCALVERSION
export LC_ALL=C TZ=UTC GOWORK=off

gokrazy=$(cd gokrazy/builddir && go mod download -json github.com/gokrazy/kernel.amd64 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
[ -e "$gokrazy/_build/config.addendum.txt" ] || {
	echo "build.sh: gokrazy's kernel module has no _build/config.addendum.txt: ${gokrazy:-it cannot be downloaded}" >&2
	exit 1
}

mkdir -p "$work"
{
	echo "$release $source"
	gcc --version | head -n 1
	cat gokrazy/kernel/build.sh gokrazy/kernel/check-config.sh "$addendum" "$gokrazy/_build/config.addendum.txt" "$gokrazy/cmdline.txt" | sha256sum
} >"$work/inputs.txt"
if [ -z "${REFRESH:-}" ] && cmp -s "$work/inputs.txt" "$result/inputs.txt"; then
	echo "build/kernel is current: $(cat "$result/version.txt")"
	[ -e "$work/linux" ] || rm -r "$work"
	exit
fi

if [ -n "${REFRESH:-}" ]; then
	rm -rf "$work/debian" "$work/linux"
fi
if [ ! -e "$work/debian" ]; then
	echo "downloading $source of Debian's $release"
	rm -rf "$work/debian.new" "$work/linux"
	assets/unpack.sh -r $release "$work/debian.new" $source
	mv "$work/debian.new" "$work/debian"
fi
if [ ! -e "$work/linux" ]; then
	rm -rf "$work/linux.new"
	mkdir "$work/linux.new"
	tar -xf "$work/debian/usr/src/$source.tar.xz" -C "$work/linux.new" --strip-components=1
	mv "$work/linux.new" "$work/linux"
fi

# The time, user and host of the build are in the kernel. The time is that of
# Debian's source, whose files all have it.
date=@$(stat -c %Y "$work/linux/Makefile")
kernel() {
	make -C "$work/linux" -s ARCH=x86_64 LOCALVERSION= KBUILD_BUILD_VERSION=1 KBUILD_BUILD_USER=pxebox \
		KBUILD_BUILD_HOST=pxebox KBUILD_BUILD_TIMESTAMP="$(date -u -d "$date")" "$@" >>"$work/log" 2>&1 || {
		tail -n 40 "$work/log" >&2
		echo "build.sh: make $*: failed (log: $work/log)" >&2
		exit 1
	}
}

: >"$work/log"
# Writing the same configuration again would compile everything again.
cp -p "$work/linux/.config" "$work/config.before" 2>/dev/null || :
kernel defconfig
cat "$gokrazy/_build/config.addendum.txt" "$addendum" >>"$work/linux/.config"
kernel olddefconfig
gokrazy/kernel/check-config.sh "$addendum" "$work/linux/.config"
! cmp -s "$work/linux/.config" "$work/config.before" || cp -p "$work/config.before" "$work/linux/.config"

echo "building the kernel with $jobs jobs (log: build/_kernel/log)"
kernel -j"$jobs" bzImage modules

rm -rf "$result.new"
mkdir -p "$result.new"
kernel INSTALL_MOD_PATH="$result.new" modules_install
cd "$result.new"
# Those lead to this folder.
rm -f lib/modules/*/build lib/modules/*/source
cp "$work/linux/arch/x86/boot/bzImage" vmlinuz
cp "$gokrazy/cmdline.txt" "$gokrazy/config.txt" . # gok wants both
cp "$work/linux/.config" config
cp "$work/linux/COPYING" COPYING
cp "$work/linux/LICENSES/preferred/GPL-2.0" LICENSE.GPL-2.0
cp "$work/linux/LICENSES/exceptions/Linux-syscall-note" LICENSE.Linux-syscall-note
cp "$work/debian/usr/share/doc/$source/copyright" LICENSE.debian
# Which source it is: package, version, sum, release.
cp "$work/debian/packages.txt" packages.txt
(cd lib/modules && echo *) >version.txt
# What gokrazy's kernel has, and this one lacks.
sed 's,.*/,,' "$gokrazy"/lib/modules/*/modules.builtin | sort >"$work/theirs"
sed 's,.*/,,' lib/modules/*/modules.builtin lib/modules/*/modules.order | sed 's/\.o$/.ko/' | sort >"$work/ours"
comm -23 "$work/theirs" "$work/ours" >missing.txt
cat >kernel.go <<END
// Package kernel marks the folder that gok takes the kernel from.
package kernel
END
cp "$work/inputs.txt" inputs.txt
# gok copies the time into the boot partition.
find . -exec touch -h -d "$date" {} +
chmod -R u=rwX,go=rX .
cd "$OLDPWD"
rm -rf "$result"
mv "$result.new" "$result"
[ -n "${KEEP:-}" ] || rm -rf "$work"
echo "build/kernel is ready: $(cat "$result/version.txt"), $(wc -c <"$result/vmlinuz") bytes"
