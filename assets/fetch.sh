#!/bin/sh
# fetch.sh DIR brings the files that DIR/SHA256SUMS lists into DIR, out of the
# Debian packages that its "# package NAME VERSION [RELEASE]" lines name,
# RELEASE where it is not the machine's own. A file with any other sum is
# refused, and then nothing in DIR changes. Where all is right already nothing
# is downloaded, so that a rebuild works offline.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
sha256sum --check --status SHA256SUMS 2>/dev/null && exit 0

# Beside the files' final place, so that moving them there is a rename.
work=$(mktemp -d -p . .fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

packages() { # of a release
	sed -n "s/^# package \([^ ]*\) [^ ]* *$1\$/\1/p" SHA256SUMS
}
echo "fetching $1 from Debian's packages"
own=$(packages '')
# shellcheck disable=SC2086 # a list of names
[ -z "$own" ] || "$here/unpack.sh" "$work" $own
for release in $(sed -n 's/^# package [^ ]* [^ ]* \([^ ]*\)$/\1/p' SHA256SUMS | sort -u); do
	# shellcheck disable=SC2046 # a list of names
	"$here/unpack.sh" -r "$release" "$work" $(packages "$release")
done

refused=0
while read -r want name; do
	case $want in '#'*) continue ;; esac
	got=missing
	[ ! -f "$work/$name" ] || got=$(sha256sum "$work/$name" | cut -d' ' -f1)
	if [ "$got" != "$want" ]; then
		printf '%s/%s: refused\n  want sha256 %s\n  got  sha256 %s\n' "$1" "$name" "$want" "$got" >&2
		refused=1
	fi
done <SHA256SUMS
if [ $refused = 1 ]; then
	{
		echo "The sums belong to these packages; is another release in /etc/apt/sources.list?"
		sed -n 's/^# package /  /p' SHA256SUMS
		echo "Take Debian 12's packages, or, to move to another version, check its files and change $1/SHA256SUMS."
	} >&2
	exit 1
fi

while read -r want name; do
	case $want in '#'*) continue ;; esac
	mkdir -p "$(dirname "$name")"
	chmod 644 "$work/$name"
	mv "$work/$name" "$name"
done <SHA256SUMS
