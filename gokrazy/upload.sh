#!/bin/sh
# upload.sh HOST FILE [FOLDER] sends a boot file to a box by SFTP, with its sum
# first, so that machines see it only once all of it is there. Run again after
# a break, it goes on where it was. PORT is the box's, if not 22.
set -eu

cd "$(dirname "$0")/.."
host=$1
file=$2
folder=${3:-}
name=$(basename "$file")
password=build/update-password

for text in "$host" "$name" "$folder"; do
	case $text in *[\"\\*?[]* | -*)
		echo "upload.sh: $text: no name with one of \" \\ * ? [ or a - at its beginning" >&2
		exit 1
		;;
	esac
done
[ -f "$file" ] || { echo "upload.sh: $file is no file" >&2; exit 1; }
[ -n "${PXEBOX_PASSWORD:-}" ] || [ -s $password ] || { echo "upload.sh: $password is missing: it is the update password; or set PXEBOX_PASSWORD" >&2; exit 1; }

mkdir -p build # where nothing was built yet
work=$(mktemp -d build/upload.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# OpenSSH takes a password from a program, and from nothing else.
cat >"$work/ask" <<EOF
#!/bin/sh
[ -n "\${PXEBOX_PASSWORD:-}" ] && printf '%s\n' "\$PXEBOX_PASSWORD" || cat "$PWD/$password"
EOF
chmod 700 "$work/ask"
box() {
	SSH_ASKPASS=$PWD/$work/ask SSH_ASKPASS_REQUIRE=force LC_ALL=C sftp -P "${PORT:-22}" \
		-o BatchMode=no -o NumberOfPasswordPrompts=1 -o PubkeyAuthentication=no \
		-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile="${KNOWN_HOSTS:-build/known_hosts}" \
		"$@" "gokrazy@$host"
}

to=${folder:+$folder/}$name
echo "the sum of $name:"
sha256sum "$file" | cut -c1-64 | tee "$work/sum"
{
	path=
	IFS=/
	for part in $folder; do
		[ -n "$part" ] || continue
		path=$path${path:+/}$part
		echo "-mkdir \"$path\""
	done
	unset IFS
	echo "put \"$work/sum\" \"$to.sha256\""
	echo "-ls -l \"$to\""
} >"$work/first"
box -q -b "$work/first" >"$work/answer" 2>"$work/errors" || { cat "$work/errors" >&2; exit 1; }

# The box shows a file that is not whole as one that only its owner may read.
sent=
if grep -q '^-rw------- ' "$work/answer"; then
	echo "going on with what the box has"
	echo "reput \"$file\" \"$to\"" | box -b - && sent=yes
fi
[ -n "$sent" ] || echo "put \"$file\" \"$to\"" | box -b -
echo "rm \"$to.sha256\"" | box -q -b - >/dev/null
echo "$to is on the box"
