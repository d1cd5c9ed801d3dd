#!/bin/sh
# unpack.sh [-r RELEASE] DIR PACKAGE... unpacks Debian packages below DIR:
# download and unpack, no installation and no root. Another RELEASE than the
# machine's own comes from the same mirror. What it downloads is as trustworthy
# as apt's own signature chain, no more; fetch.sh pins files on top of that.
set -eu

release=
if [ "$1" = -r ]; then
	release=$2
	shift 2
fi
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
if [ -n "$release" ] || ! apt-get -qq -o APT::Sandbox::User=root download "$@" >apt.log 2>&1; then
	mkdir -p state/lists/partial cache/archives/partial
	sources=/etc/apt/sources.list
	parts=/etc/apt/sources.list.d
	if [ -n "$release" ]; then
		# shellcheck disable=SC2016 # apt's own variable
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/*$') ||
			{ echo "unpack.sh: no mirror of Debian in /etc/apt/sources.list" >&2; exit 1; }
		sources=$work/sources.list
		parts=/dev/null
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" >"$sources"
	fi
	private() {
		apt-get -qq -o APT::Sandbox::User=root \
			-o Dir::State="$work/state" -o Dir::State::lists="$work/state/lists" \
			-o Dir::State::status=/var/lib/dpkg/status \
			-o Dir::Etc::sourcelist="$sources" -o Dir::Etc::sourceparts="$parts" \
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
