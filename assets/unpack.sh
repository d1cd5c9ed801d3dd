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

fail() {
	echo "unpack.sh: $*" >&2
	exit 1
}

release=
if [ "$1" = -r ]; then
	release=$2
	shift 2
fi
source=
if [ "$1" = -s ]; then
	[ -n "$release" ] || fail "-s needs -r RELEASE"
	source=-src
	shift
fi
dir=$1
shift
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
command -v apt-get >/dev/null || fail "Debian's boot programs and test programs come by apt-get, which this machine lacks: build on Debian"

# The sources that the machine has, one URI a line, also where apt has no lists
# of them yet.
mirrors() { apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed 's:/*$::' | sort -u; }

private() { # lists of our own: the machine's are not ours to refresh
	mkdir -p state/lists/partial cache/archives/partial
	# With what is installed in view, apt would take nothing older than that.
	: >state/status
	apt-get -qq -o APT::Sandbox::User=root \
		-o Dir::State="$work/state" -o Dir::State::lists="$work/state/lists" \
		-o Dir::State::status="$work/state/status" \
		-o Dir::Etc::sourcelist="$sources" -o Dir::Etc::sourceparts="$parts" \
		-o Dir::Cache="$work/cache" "$@" >>apt.log 2>&1
}

give_up() {
	cat apt.log >&2
	hint="is a mirror of Debian in reach?"
	if grep -q NO_PUBKEY apt.log; then
		hint="this machine does not know the key of that release: apt-get install debian-archive-keyring"
	elif [ -n "$release" ] && grep -q "$release.* does not have a Release file" apt.log; then
		hint="the mirror $mirror has no $release (any more): name another release, or a mirror that has it, in /etc/apt/sources.list"
	fi
	fail "apt-get cannot download $wanted${release:+ of $release}: $hint"
}

wanted=$*
if [ -z "$release" ]; then
	# The machine's package lists may be missing (a container), or name a
	# version that a point release has removed. Then the same sources are read
	# into lists of our own.
	sources=/etc/apt/sources.list
	parts=/etc/apt/sources.list.d
	apt-get -qq -o APT::Sandbox::User=root download "$@" >apt.log 2>&1 ||
		{ private update && private download "$@"; } || give_up
else
	mirror=$(mirrors | grep -m1 '/debian$') || fail "no mirror of Debian in /etc/apt/sources.list"
	# A fix is in the security archive first, and in the release with its next
	# point release.
	security=$(mirrors | grep -m1 '/debian-security$') || security=$mirror-security
	sources=$work/sources.list
	parts=/dev/null
	key=[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]
	printf '%s\n' "deb$source $key $mirror $release main" "deb$source $key $mirror $release-updates main" >"$sources"
	cp "$sources" without-security
	echo "deb$source $key $security $release-security main" >>"$sources"
	if ! private update; then
		cp without-security "$sources"
		private update || give_up
		echo "unpack.sh: no security archive at $security: security fixes after the last point release of $release are missing" >&2
	fi
	if [ -n "$source" ]; then
		private source --download-only --tar-only "$@" || give_up
		for tarball in *.orig.tar.*; do tar -xf "$tarball" -C "$dir"; done
		exit
	fi
	private download "$@" || give_up
fi
for deb in *.deb; do
	dpkg-deb -x "$deb" "$dir"
	echo "$(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version) $(sha256sum "$deb" | cut -d' ' -f1) ${release:-own}" >>"$dir/packages.txt"
done
