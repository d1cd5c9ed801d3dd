#!/bin/sh
# check-config.sh ADDENDUM CONFIG names the lines of ADDENDUM that the kernel
# configuration CONFIG lacks: olddefconfig drops an option that does not exist,
# or whose dependencies are missing, without a word.
set -eu

addendum=$1
config=$2
missing=0
while read -r line || [ -n "$line" ]; do
	option=${line%%=*}
	case $line in
	'' | '#'*) continue ;;
	CONFIG_*=n) ! grep -q "^$option=" "$config" ;;
	CONFIG_*=?*) grep -qxF "$line" "$config" ;;
	*) false ;;
	esac && continue
	is=$(grep -E "^($option=|# $option is not set)" "$config") ||
		is="nothing: this kernel has no such option, or lacks what it depends on"
	echo "check-config.sh: $addendum has $line; the kernel's configuration has $is" >&2
	missing=1
done <"$addendum"
exit $missing
