#!/bin/sh
# instance.sh NAME [HOST] makes gok's working copy of the committed instance
# gokrazy/NAME in build/gokrazy/NAME: the update password, the box to update
# (default: the instance's host name) and the licence texts filled in. Left
# to itself, gok would invent a password and keep it in the home directory.
set -eu

cd "$(dirname "$0")/.."
name=$1
host=${2:-pxebox}
password=build/update-password
mkdir -p "build/gokrazy/$name"
umask 077

secret=${PXEBOX_PASSWORD:-}
if [ -z "$secret" ] && [ -s $password ]; then
	secret=$(cat $password)
fi
if [ -z "$secret" ]; then
	# 20 of 62 letters: 119 bits.
	secret=$(LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c 20)
fi

# Both stand in JSON and in a URL, unquoted.
case $secret in *[!A-Za-z0-9._-]*)
	echo "instance.sh: the update password ($password, or PXEBOX_PASSWORD) may hold letters, digits and . _ - only" >&2
	exit 1
	;;
esac
case $host in *[!A-Za-z0-9.-]*)
	echo "instance.sh: HOST=$host is no host name or IPv4 address" >&2
	exit 1
	;;
esac

printf '%s\n' "$secret" >$password
sed -e "s|@PASSWORD@|$secret|" -e "s|@HOST@|$host|" \
	"gokrazy/$name/config.json" >"build/gokrazy/$name/config.json"
ln -sfn ../../../gokrazy/builddir "build/gokrazy/$name/builddir"
