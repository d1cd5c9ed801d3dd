#!/bin/sh
# unpack.sh DIR PACKAGE... unpacks Debian packages below DIR: download and
# unpack, no installation and no root. What it downloads is as trustworthy as
# apt's own signature chain, no more; fetch.sh pins files on top of that.
set -eu

dir=$1
shift
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"

# The system's package lists may be missing (a container), out of date (a
# point release removed the version they name), or not ours to refresh. Then
# the same sources are read into lists of our own.
if ! apt-get -qq -o APT::Sandbox::User=root download "$@" >apt.log 2>&1; then
	mkdir -p state/lists/partial cache/archives/partial
	private() {
		apt-get -qq -o APT::Sandbox::User=root \
			-o Dir::State="$work/state" -o Dir::State::lists="$work/state/lists" \
			-o Dir::State::status=/var/lib/dpkg/status \
			-o Dir::Cache="$work/cache" "$@" >>apt.log 2>&1
	}
	if ! private update || ! private download "$@"; then
		cat apt.log >&2
		echo "unpack.sh: apt-get cannot download: $*; it takes a Debian machine with a mirror in reach" >&2
		exit 1
	fi
fi
for deb in *.deb; do
	dpkg-deb -x "$deb" "$dir"
done
