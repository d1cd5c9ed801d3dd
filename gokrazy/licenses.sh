#!/bin/sh
# licenses.sh NAME collects into build/licenses/NAME the licence texts of
# everything that is linked or copied into the image of build/gokrazy/NAME, which
# instance.sh makes: Go itself, the modules, the kernel, the firmware, systemd-boot,
# and the boot programs. A module without a text stops the build.
set -eu

cd "$(dirname "$0")/.."
name=$1
config=build/gokrazy/$name/config.json
new=$PWD/build/licenses/$name.new
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
# All that config.json names, and init, which gok adds by itself.
arch=$(sed -n 's/.*"GOARCH=\([^"]*\)".*/\1/p' "$config")
packages=$(sed -n 's/.*"\(github\.com[^"]*\)".*/\1/p' "$config" | sort -u)
if ! (cd gokrazy/builddir && GOOS=linux GOARCH="$arch" GOWORK=off go list -deps \
	-f '{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}' github.com/gokrazy/gokrazy $packages) >"$new/packages"; then
	echo "licenses.sh: if gokrazy/builddir/go.mod lacks a module: run make tidy, and commit the result" >&2
	exit 1
fi
sort -u "$new/packages" >"$new/modules"
while read -r module version dir; do
	copy "$module" "$dir"
	# The version says which source it is.
	echo "$module $version" >>"$new/modules.txt"
done <"$new/modules"
rm "$new/packages" "$new/modules"
case $packages in
*/build/kernel*) # make kernel's is no module, and packages.txt says which source it is
	copy linux build/kernel
	cp build/kernel/packages.txt build/kernel/config "$new/linux/"
	;;
esac
# gok puts systemd-boot into each image, and has no licence text for it.
install -D -m 644 /usr/share/common-licenses/LGPL-2.1 "$new/systemd-boot/LGPL-2.1"
for text in assets/*/usr/share/doc/*/copyright; do
	install -D -m 644 "$text" "$new/debian/${text#assets/*/usr/share/doc/}"
done
chmod -R u=rwX,go=rX "$new"
rm -rf "build/licenses/$name"
mv "$new" "build/licenses/$name"
