#!/bin/sh
# licenses.sh collects into build/licenses the licence texts of everything
# that is linked or copied into the appliance: Go itself, the modules, the
# kernel, and the boot programs. A module without a text stops the build.
set -eu

cd "$(dirname "$0")/.."
new=$PWD/build/licenses.new
rm -rf "$new"
mkdir -p "$new"
trap 'rm -rf "$new"' EXIT

copy() { # NAME DIR
	mkdir -p "$new/$1"
	find "$2" -maxdepth 1 -type f \( -iname 'licen[sc]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'patents*' \) \
		-exec cp {} "$new/$1/" \;
	if [ -z "$(ls "$new/$1")" ]; then
		echo "licenses.sh: $1: no licence text in $2" >&2
		return 1
	fi
}

copy go "$(go env GOROOT)"
# "tool" is every package that builddir/go.mod puts into an image.
if ! (cd gokrazy/builddir && GOOS=linux GOARCH=amd64 GOWORK=off go list -deps \
	-f '{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}' tool) >"$new/packages"; then
	echo "licenses.sh: if gokrazy/builddir/go.mod lacks something: run make tidy, and commit it" >&2
	exit 1
fi
sort -u "$new/packages" >"$new/modules"
while read -r module version dir; do
	copy "$module" "$dir"
	# The version says which source it is.
	echo "$module $version" >>"$new/modules.txt"
done <"$new/modules"
rm "$new/packages" "$new/modules"
for text in assets/*/usr/share/doc/*/copyright; do
	install -D -m 644 "$text" "$new/debian/${text#assets/*/usr/share/doc/}"
done
chmod -R u=rwX,go=rX "$new"
rm -rf build/licenses
mv "$new" build/licenses
