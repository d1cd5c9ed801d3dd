#!/bin/sh
# build.sh VERSION FOLDER [ARCH...] builds pxebox_VERSION_amd64.deb and _arm64.deb,
# or those that are named, in the folder. Two builds of one commit with the same
# boot loaders are equal bit for bit: all times are the commit's
# (SOURCE_DATE_EPOCH replaces it). MAINTAINER sets the package's field of that name.
set -eu

fail() {
	echo "build.sh: $*" >&2
	exit 1
}

cd "$(dirname "$0")/../.."
version=${1:-} into=${2:-}
[ $# -lt 2 ] || shift 2
case $version in
"") fail "which version? make deb VERSION=1.0.0" ;;
*[!0-9A-Za-z.+~]*) fail "$version is not a version of a Debian package; for example 1.0.0 or 1.1.0~rc1" ;;
[0-9]*) ;;
*) fail "$version is not a version of a Debian package, which begins with a digit; for example 1.0.0" ;;
esac

umask 022
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
time=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
maintainer=${MAINTAINER:-The pxebox authors <pxebox@users.noreply.github.com>}
mkdir -p "$into" build
stage=$(mktemp -d build/deb.XXXXXX)
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
export SOURCE_DATE_EPOCH GOWORK=off
variables=github.com/pxebox/pxebox/internal/base/version
commit=$(git describe --always --exclude='*' --abbrev=12 --dirty)

# section prints a heading of the copyright file, and the texts that follow it.
section() {
	title=$1
	shift
	printf '\n%s\n%s\n\n' "$title" "$(printf '%s' "$title" | tr -c '\n' '=')"
	texts "$@"
}

# texts prints licence texts. Of the Apache licence, Debian has the text.
texts() {
	for text; do
		if grep -q 'TERMS AND CONDITIONS FOR USE, REPRODUCTION' "$text"; then
			grep -E '^ *Copyright .*[0-9]{4}' "$text" || true
			echo "Licensed under the Apache License, Version 2.0: /usr/share/common-licenses/Apache-2.0"
		else
			cat "$text"
		fi
	done
}

# copyrights prints the licence texts of all that the programs contain.
copyrights() {
	echo "pxebox, https://github.com/pxebox/pxebox, and what its programs contain."
	echo "The release that has this package offers the source of the boot programs:"
	echo "pxebox-$version-sources.tar."
	section pxebox LICENSE
	section "Go, https://go.dev" "$(go env GOROOT)/LICENSE"
	go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' \
		./cmd/pxed ./cmd/menuwatch ./cmd/pxebox | LC_ALL=C sort -u >"$stage/modules"
	while read -r module at dir; do
		files=$(find "$dir" -maxdepth 1 -type f \( -iname 'licen[sc]e*' -o -iname 'copying*' -o -iname 'notice*' \
			-o -iname 'patents*' \) | LC_ALL=C sort)
		[ -n "$files" ] || fail "$module: no licence text in $dir"
		# shellcheck disable=SC2086 # no space is in these paths
		section "$module $at, a Go module" $files
	done <"$stage/modules"
	for text in assets/*/usr/share/doc/*/copyright; do
		package=$(basename "$(dirname "$text")")
		section "Boot programs of Debian's package $package; pxed -version prints its version" "$text"
	done
}

GOOS=linux GOARCH=amd64 CGO_ENABLED=0
export GOOS GOARCH CGO_ENABLED
copyrights >"$stage/copyright"
for page in pxebox.1 pxed.8 menuwatch.8; do
	gzip -9n <packaging/debian/man/$page >"$stage/$page.gz"
done
printf 'pxebox (%s) unstable; urgency=medium\n\n  * Version %s. %s\n\n -- %s  %s\n' "$version" "$version" \
	"https://github.com/pxebox/pxebox has the changes." "$maintainer" \
	"$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$stage/changelog.gz"

# shellcheck disable=SC2048 # no space is in an architecture
for arch in ${*:-amd64 arm64}; do
	GOARCH=$arch
	for program in pxed menuwatch pxebox; do
		go build -trimpath -ldflags "-s -w -buildid= -X $variables.release=$version -X $variables.commit=$commit" \
			-o "$stage/$program" ./cmd/$program
	done
	file=pxebox_${version}_$arch.deb
	sed -e "s|@ARCH@|$arch|; s|@VERSION@|$version|; s|@MAINTAINER@|$maintainer|; s|@TIME@|$time|; s|@STAGE@|$stage|" \
		packaging/debian/nfpm.yaml >"$stage/nfpm.yaml"
	env -u GOOS -u GOARCH -u CGO_ENABLED go tool -modfile=tools/go.mod nfpm package -f "$stage/nfpm.yaml" -p deb \
		-t "$stage/$file" >"$stage/log" || {
		cat "$stage/log" >&2
		exit 1
	}
	mv "$stage/$file" "$into/$file"
	ls -sh "$into/$file"
done
