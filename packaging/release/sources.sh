#!/bin/sh
# sources.sh [FOLDER] downloads the source of the boot programs, and of the kernel if
# make kernel has built one, into the folder, or build/sources: for each package of
# Debian in assets/manifest.json the source packages in exactly the versions that it
# was built from, and the package with the kernel's source. apt verifies them.
# What is there stays, as long as it is what these packages need.
#
# The folder gets:
#   debian/       the files
#   packages.txt  the packages, as "release packages" prints them
#   control.txt   what Debian says about the packages; it names their sources
#   files.txt     a line for each file: source, version, name, size, SHA-256
#
# A file that the mirror lacks ends the script. With MISSING_SOURCES=list in the
# environment it stays in files.txt, and the release's README.txt says where it is.
set -eu

cd "$(dirname "$0")/../.."
into=${1:-build/sources}
mkdir -p build "$(dirname "$into")"
into=$(cd "$(dirname "$into")" && pwd)/$(basename "$into")
assets=$PWD/assets
stage=$PWD/$(mktemp -d build/sources.XXXXXX)
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$stage/apt" "$stage/sources/debian"

# missing FOLDER prints the files that the folder lacks.
missing() {
	while read -r _ _ file _; do
		[ -e "$1/debian/$file" ] || echo "  $file"
	done <"$1/files.txt"
}

env -u GOOS -u GOARCH GOWORK=off go -C tools build -o "$stage/release" ./release
"$stage/release" packages >"$stage/sources/packages.txt"
if cmp -s "$stage/sources/packages.txt" "$into/packages.txt"; then
	lacking=$(missing "$into")
	if [ -z "$lacking" ] || [ "${MISSING_SOURCES:-}" = list ]; then
		echo "$into is current${lacking:+, without the files that the mirror lacked}"
		exit
	fi
fi

cd "$stage/apt"
# shellcheck source=assets/apt.sh
. "$assets/apt.sh"

# gone NAME VERSION ends the script.
gone() {
	cat apt.log >&2
	fail "the mirror $mirror has no source of $1 $2 (any more). If it has newer versions, build the release with those:" \
		"make assets REFRESH=1 for a boot program, make kernel REFRESH=1 for the kernel"
}

# download NAME VERSION COMMAND... downloads what apt-get's command does, and adds the
# files, also those that the mirror lacks, to files.txt.
download() {
	name=$1 version=$2
	shift 2
	if cut -d' ' -f1,2 "$stage/sources/files.txt" | grep -qxF "$name $version"; then
		return
	fi
	private apt-get --print-uris "$@" "$name=$version" >uris || gone "$name" "$version"
	sed -n "s/^'[^']*' \([^ ]*\) \([0-9]*\) SHA256:\([0-9a-f]*\)\$/$name $version \1 \2 \3/p" uris >files
	[ -s files ] || gone "$name" "$version"
	cat files >>"$stage/sources/files.txt"
	(cd "$stage/sources/debian" && private apt-get "$@" "$name=$version" >>"$stage/apt/apt.log") || :
}

: >"$stage/sources/files.txt"
: >"$stage/sources/control.txt"
# shellcheck disable=SC2013 # a word a line
for release in $(cut -d' ' -f4 "$stage/sources/packages.txt" | sort -u); do
	echo "downloading sources of Debian's $release"
	lists "deb deb-src" "$release" || give_up "the lists of packages"
	grep " $release\$" "$stage/sources/packages.txt" >packages
	while read -r kind package version _; do
		if [ "$kind" = deb ]; then
			download "$package" "$version" download
			continue
		fi
		private apt-cache show "$package=$version" >control || :
		[ -s control ] || gone "$package" "$version"
		cat control >>"$stage/sources/control.txt"
		"$stage/release" built-from control >built
		while read -r source of; do
			download "$source" "$of" source --download-only --only-source
		done <built
	done <packages
done
LC_ALL=C sort -o "$stage/sources/files.txt" "$stage/sources/files.txt"

lacking=$(missing "$stage/sources")
if [ -n "$lacking" ]; then
	[ "${MISSING_SOURCES:-}" = list ] || {
		cat apt.log >&2
		fail "the mirror $mirror lacks the files
$lacking
Name a mirror that has them in /etc/apt/sources.list. For a release that stays with you, set MISSING_SOURCES=list: then README.txt says where they are"
	}
	echo "sources.sh: the mirror $mirror lacks these files, and README.txt will say where they are:
$lacking" >&2
fi
rm -rf "$into"
mv "$stage/sources" "$into"
echo "$into is ready: $(find "$into/debian" -type f | wc -l) files, $(du -sm "$into" | cut -f1) MB"
