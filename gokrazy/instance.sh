#!/bin/sh
# instance.sh NAME makes gok's working copy of the committed instance
# gokrazy/NAME in build/gokrazy/NAME, with the update password filled in; and,
# once for all builds, the certificate of the update page. Left to itself, gok
# would invent both, and keep them in the home directory.
set -eu

cd "$(dirname "$0")/.."
name=$1
password=build/update-password
mkdir -p "build/gokrazy/$name"
umask 077

secret=${PXEBOX_PASSWORD:-}
if [ -s $password ]; then
	kept=$(cat $password)
	if [ -n "$secret" ] && [ "$secret" != "$kept" ]; then
		echo "instance.sh: $password and PXEBOX_PASSWORD differ: unset PXEBOX_PASSWORD, or move the file away to build with the new password; boxes with the old password then refuse make update, config and upload (gokrazy/README.md, Passwords)" >&2
		exit 1
	fi
	secret=$kept
fi
if [ -z "$secret" ]; then
	# 20 of 62 characters: 119 bits.
	secret=$(LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c 20)
fi

# internal/base/access.MinPassword: shorter ones are guessed.
least=12
if [ "${#secret}" -lt $least ]; then
	if [ ! -s $password ]; then
		echo "instance.sh: PXEBOX_PASSWORD has ${#secret} characters: choose one with at least $least, or unset it to have one generated" >&2
		exit 1
	fi
	# Boxes that were built with it know no other.
	echo "instance.sh: warning: the password in $password has ${#secret} characters, which is easy to guess; use at least $least: change it on the boxes, then here (gokrazy/README.md, Passwords)" >&2
fi

# It is written into JSON and into a URL, unquoted.
case $secret in *[!A-Za-z0-9._-]*)
	echo "instance.sh: the update password ($password, or PXEBOX_PASSWORD) may contain only letters, digits and . _ -" >&2
	exit 1
	;;
esac

go run ./gokrazy/certificate build/update-certificate.pem >/dev/null
printf '%s\n' "$secret" >$password
sed "s|@PASSWORD@|$secret|g" "gokrazy/$name/config.json" >"build/gokrazy/$name/config.json"
ln -sfn ../../../gokrazy/builddir "build/gokrazy/$name/builddir"
