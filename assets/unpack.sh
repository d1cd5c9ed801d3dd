#!/bin/sh
# unpack.sh [-r RELEASE [-s]] DIR PACKAGE... unpacks Debian packages below DIR:
# download and unpack, no installation and no root. RELEASE is the code name of
# a release of Debian, whatever the machine runs: its current packages with all
# fixes, from the mirror that the machine uses. Without it they are the
# machine's own release's. apt verifies each against Debian's signature.
# DIR/packages.txt gets a line for each: name, version, SHA-256 of the .deb,
# release. With -s, which needs -r, it unpacks what upstream released as the
# source of each package, without Debian's changes.
set -eu

release=
if [ "$1" = -r ]; then
	release=$2
	shift 2
fi
source=
if [ "$1" = -s ]; then
	[ -n "$release" ] || {
		echo "unpack.sh: -s needs -r RELEASE" >&2
		exit 1
	}
	source=-src
	shift
fi
dir=$1
shift
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
# shellcheck source=assets/apt.sh
. "$here/apt.sh"
command -v apt-get >/dev/null || fail "Debian's boot programs and test programs come by apt-get, which this machine lacks: build on Debian"

wanted=$*
if [ -z "$release" ]; then
	# The machine's package lists may be missing (a container), or name a
	# version that a point release has removed. Then the same sources are read
	# into lists of our own.
	sources=/etc/apt/sources.list
	parts=/etc/apt/sources.list.d
	apt-get -qq -o APT::Sandbox::User=root download "$@" >apt.log 2>&1 ||
		{ private apt-get update && private apt-get download "$@"; } >>apt.log || give_up "$wanted"
else
	lists "deb$source" "$release" || give_up "$wanted"
	if [ -n "$source" ]; then
		private apt-get source --download-only --tar-only "$@" >>apt.log || give_up "$wanted"
		for tarball in *.orig.tar.*; do tar -xf "$tarball" -C "$dir"; done
		exit
	fi
	private apt-get download "$@" >>apt.log || give_up "$wanted"
fi
for deb in *.deb; do
	dpkg-deb -x "$deb" "$dir"
	echo "$(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version) $(sha256sum "$deb" | cut -d' ' -f1) ${release:-own}" >>"$dir/packages.txt"
done
