#!/bin/sh
# make.sh makes the WIMs of this folder with wimlib-imagex (Debian's package
# wimtools), from files that this script writes. None of them is Windows'.
set -eu

cd "$(dirname "$0")"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# put FILE TEXT [SIZE] writes a file that repeats the text.
put() {
	mkdir -p "$tree/$(dirname "$1")"
	yes "$2" | head -c "${3:-600}" >"$tree/$1"
}
# efi FILE MACHINE SIZE writes a file with the headers of a program for a
# processor, and with many call instructions, which LZX treats specially.
efi() {
	mkdir -p "$tree/$(dirname "$1")"
	{
		printf 'MZ'
		head -c 58 /dev/zero
		printf '\100\0\0\0PE\0\0'
		printf '%b' "$2"
		head -c 18 /dev/zero
		printf '\013\002'
		head -c 222 /dev/zero
		i=0
		while [ $i -lt 3000 ]; do
			printf '\350\020\047\0\0'"call $((i % 7))"
			i=$((i + 1))
		done
	} | head -c "$3" >"$tree/$1"
}

boot=setup/Windows/Boot
efi $boot/EFI/bootmgfw.efi '\0144\0206' 33000
efi $boot/EFI_EX/bootmgfw_EX.efi '\0144\0206' 30000
put $boot/EFI/boot.stl 'a list'
put $boot/DVD/EFI/BCD 'a store for UEFI' 8192
put $boot/DVD/EFI/boot.sdi 'a RAM disk' 100000
put $boot/DVD/PCAT/BCD 'a store for a BIOS' 4096
put $boot/PXE/pxeboot.n12 'a program for a BIOS'
put $boot/PXE/bootmgr.exe 'a second program for a BIOS' 40000
put $boot/Fonts/wgl4_boot.ttf 'a font'
put $boot/Fonts/segoe_slboot.ttf 'another font'
put $boot/Fonts/readme.txt 'not a font'
mkdir -p "$tree/setup/sources" "$tree/pe/Windows/Boot/EFI" "$tree/other/data"
put setup/sources/setup.exe 'a program' 3000
efi pe/Windows/Boot/EFI/bootmgfw.efi '\0144\0252' 2000
put pe/Windows/Boot/EFI/boot.stl 'the list of the first image'
put other/data/file 'no Windows'

# As on media: two images, of which the second one starts.
rm -f ./*.wim ./*.esd ./*.swm
wimlib-imagex capture "$tree/pe" lzx.wim PE --no-acls --compress=LZX --chunk-size=32K >/dev/null
wimlib-imagex append "$tree/setup" lzx.wim Setup --no-acls --boot >/dev/null

pe() { # FILE OPTIONS: a small one
	file=$1
	shift
	wimlib-imagex capture "$tree/pe" "$file" PE --no-acls "$@" >/dev/null
}
pe first.wim --compress=LZX --chunk-size=32K
pe none.wim --compress=none
pe xpress.wim --compress=XPRESS --chunk-size=32K
pe lzx64.wim --compress=LZX --chunk-size=64K
pe lzms.wim --compress=LZMS --chunk-size=128K
pe pipable.wim --compress=LZX --chunk-size=32K --pipable
wimlib-imagex export first.wim all solid.esd --solid >/dev/null
wimlib-imagex capture "$tree/other" other.wim Data --no-acls --compress=LZX --chunk-size=32K >/dev/null
head -c 2000000 /dev/urandom >"$tree/other/random"
wimlib-imagex capture "$tree/other" "$tree/all.wim" Data --no-acls --compress=LZX --chunk-size=32K >/dev/null
wimlib-imagex split "$tree/all.wim" "$tree/split.swm" 1 >/dev/null
head -c 300 "$tree/split2.swm" >split.swm # the header is all that is read of it
