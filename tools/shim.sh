#!/bin/sh
# shim.sh DIR builds shim as another distribution does: from the source that
# Debian's package has, with that distribution's certificate in it. DIR gets
# shimx64.efi, without a signature, and the distribution's key and certificate,
# vendor.key and vendor.der. It takes half a minute.
set -eu

dir=$1
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=pxebox lab, another distribution" \
	-keyout "$dir/vendor.key" -outform DER -out "$dir/vendor.der" 2>"$work/log" ||
	{ cat "$work/log" >&2; exit 1; }
# Any release's source builds with any release's compiler.
assets/unpack.sh -r trixie -s "$work" shim
cd "$work"/shim-*
# The last two are what Debian builds with: a list of revocations that Debian's
# signed GRUB is above, and no mark that says the program is fit for NX.
make -s -j"$(nproc)" shimx64.efi MAKELEVEL=0 CC=gcc EFIDIR=other COMMIT_ID=none VENDOR_CERT_FILE="$dir/vendor.der" \
	SBAT_AUTOMATIC_DATE=2025021800 POST_PROCESS_PE_FLAGS=-N >"$work/log" 2>&1 ||
	{ tail -n 40 "$work/log" >&2; exit 1; }
cp shimx64.efi "$dir/"
