#!/bin/sh
# instance.sh NAME [FOLDER] makes gok's working copy of the committed instance
# gokrazy/NAME in build/gokrazy/NAME: gok and pxebox update change it. FOLDER
# replaces build/gokrazy, and has to be directly below build. For PCs it names the
# kernel from make kernel, if there is one, instead of gokrazy's.
#
# For a release, the root says which one it is of, and by which key the box
# verifies updates: PXEBOX_VERSION is the version, and PXEBOX_RELEASE_KEY the
# file of the minisign public key. Set both or neither.
set -eu

fail() {
	echo "instance.sh: $*" >&2
	exit 1
}

key=${PXEBOX_RELEASE_KEY:-}
[ -z "$key" ] || key=$(realpath -e -- "$key") || fail "PXEBOX_RELEASE_KEY: there is no such public key"
cd "$(dirname "$0")/.."
name=$1
dir=${2:-build/gokrazy}/$name
version=${PXEBOX_VERSION:-}
mkdir -p "$dir"
cp "gokrazy/$name/config.json" "$dir/config.json"
ln -sfn ../../../gokrazy/builddir "$dir/builddir"
if [ "$name" = pxebox-amd64 ] && [ -e build/kernel/vmlinuz ]; then
	sed -i 's,"KernelPackage": "[^"]*","KernelPackage": "github.com/pxebox/pxebox/build/kernel",' "$dir/config.json"
fi
rm -f "$dir/pxebox-version" "$dir/pxebox-release.pub"
[ -n "$version$key" ] || exit 0

[ -n "$version" ] || fail "PXEBOX_RELEASE_KEY is set, and PXEBOX_VERSION is not: set both, or neither"
[ -n "$key" ] || fail "PXEBOX_VERSION is set, and PXEBOX_RELEASE_KEY is not: set it to the file of the public key"
case $version in
[!0-9]* | *[!0-9A-Za-z.+~]*) fail "PXEBOX_VERSION: $version is not a version; for example 1.2.0 or 1.3.0~rc1" ;;
esac
[ ${#version} -le 64 ] || fail "PXEBOX_VERSION: a version has at most 64 characters"
echo "$version" >"$dir/pxebox-version"
cat "$key" >"$dir/pxebox-release.pub"
chmod 644 "$dir/pxebox-version" "$dir/pxebox-release.pub"
# gok runs in this folder.
sed -i '/^    "PackageConfig": {$/a\
        "github.com/pxebox/pxebox/cmd/appliance": {\
            "ExtraFilePaths": {\
                "/etc/pxebox-release.pub": "pxebox-release.pub",\
                "/etc/pxebox-version": "pxebox-version"\
            }\
        },' "$dir/config.json"
grep -q '"/etc/pxebox-version"' "$dir/config.json" || fail "gokrazy/$name/config.json has no line \"PackageConfig\": {"
