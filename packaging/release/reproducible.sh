#!/bin/sh
# reproducible.sh VERSION KEY builds a release twice and compares all files. Each
# build is in its own clone, in folders with names of different lengths; the
# second has an empty build cache, another user's umask and another time zone.
# The boot programs and their sources are copied, and the kernel if make kernel has
# built one: a mirror may have newer ones the next minute.
set -eu

fail() {
	echo "reproducible.sh: $*" >&2
	exit 1
}

cd "$(dirname "$0")/../.."
version=${1:-} key=${2:-}
if [ -z "$version" ] || [ -z "$key" ]; then
	fail "which version, which key? make release-reproducible VERSION=1.0.0 KEY=path/to/minisign.key"
fi
key=$(realpath "$key")
[ -f assets/manifest.json ] || fail "the boot programs are missing: run make assets"
[ -f build/sources/packages.txt ] || fail "the sources of the boot programs are missing: run make sources"
mkdir -p build
work=$(mktemp -d build/reproducible.XXXXXX)
work=$PWD/$work
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

commit=$(git rev-parse HEAD)
# build TREE FOLDER builds in a new clone.
build() {
	git clone -q --no-checkout . "$1"
	git -C "$1" checkout -q --detach "$commit"
	cp assets/manifest.json "$1/assets/"
	for folder in assets/*/usr; do
		cp -R "$folder" "$1/$folder"
	done
	mkdir -p "$1/build"
	# Links: the sources are large, and nothing changes them.
	cp -Rl build/sources "$1/build/"
	if [ -d build/kernel ]; then
		cp -R build/kernel "$1/build/"
	fi
	"$1/packaging/release/build.sh" "$version" "$key" "$2"
}

rm -rf build/release-1 build/release-2
build "$work/1" "$PWD/build/release-1"
(
	mkdir "$work/cache"
	export GOCACHE="$work/cache" TZ=Pacific/Auckland
	umask 077
	build "$work/the-second" "$PWD/build/release-2"
)
# cmp says where a file begins to differ; diff finds files that only one build has.
different=
for file in build/release-1/*; do
	cmp "$file" "build/release-2/${file##*/}" || different=yes
done
diff -rq build/release-1 build/release-2 || different=yes
[ -z "$different" ] || fail "the builds differ, see above; they are in build/release-1 and build/release-2"
echo "both builds are equal: $(find build/release-1 -type f | wc -l) files"
