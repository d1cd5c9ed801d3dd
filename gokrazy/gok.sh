#!/bin/sh
# gok.sh ARGS... runs gok. With SOURCE_DATE_EPOCH in the environment, for a
# release, it runs one that is built here, which puts nothing of the build's
# place and time into an image. The pinned gok puts in:
#   - the current time: gokrazy's build timestamp, and the times of directories
#     and generated files in the boot and root file systems
#   - times of files from the module cache and from build/, also in the signatures
#     of the Raspberry Pi's EEPROM, and times of temporary files in an update file
#   - modes of files, which follow from the umask
#   - absolute paths, in etc/gokrazy/sbom.json
#   - the host's time zone and its certificate authorities. A release has no time
#     zone, which means UTC, and the authorities that gok's own module brings.
set -eu

fail() {
	echo "gok.sh: $*" >&2
	exit 1
}

cd "$(dirname "$0")/.."
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
	exec go tool -modfile=tools/go.mod gok "$@"
fi
case $SOURCE_DATE_EPOCH in
*[!0-9]*) fail "SOURCE_DATE_EPOCH is $SOURCE_DATE_EPOCH; it has to be a number of seconds" ;;
esac

module=github.com/gokrazy/tools
pinned=$(go list -modfile=tools/go.mod -m -f '{{.Dir}}' $module)
[ -n "$pinned" ] || pinned=$(go mod download -modfile=tools/go.mod -json $module | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
work=$PWD/build/release-gok
rm -rf "$work"
mkdir -p "$work"
cp -R "$pinned" "$work/tools"
chmod -R u+w "$work"

# change FILE COUNT FROM TO replaces the text in as many lines of a file as it has
# to be in. Another version of gok may differ: then the build ends.
change() {
	file=$work/tools/internal/packer/$1
	count=$(grep -cF -- "$3" "$file") || true
	[ "$count" = "$2" ] || fail "$module: $1 has $count lines with $3, not $2: adapt gokrazy/gok.sh"
	from=$(printf '%s' "$3" | sed 's/[][\.*^$|]/\\&/g')
	to=$(printf '%s' "$4" | sed 's/[&|\]/\\&/g')
	sed -i "s|$from|$to|" "$file"
}
time="time.Unix($SOURCE_DATE_EPOCH, 0).UTC()"
change packerprepare.go 1 'time.Now()' "$time"
change write.go 7 'time.Now()' "$time"
change write.go 3 'st.ModTime()' "time.Unix($SOURCE_DATE_EPOCH+0*st.Size(), 0).UTC()"
# 0755 for what is a program, 0644 for the rest.
change write.go 1 'st.Mode()&os.ModePerm' '0o644|st.Mode()&0o100>>6*0o111'
change gaf.go 1 'header.Method = zip.Store' "header.Method, header.Modified = zip.Store, $time; header.SetMode(0o644)"
change gaf.go 1 '"path/filepath"' '"path/filepath"; "time"'
change sbom.go 1 'Path: fi.FromHost,' "Path: strings.TrimPrefix(fi.FromHost, \"$PWD/\"),"
change sbom.go 1 'Path: config.InstanceConfigPath(),' \
	"Path: strings.TrimPrefix(config.InstanceConfigPath(), \"$PWD/\"),"
change localtime.go 1 'hostLocaltime := "/etc/localtime"' 'return "", nil; hostLocaltime := ""'
change cacerts.go 1 'var source string' 'return xrf(), nil; var source string'

cp tools/go.sum "$work/go.sum"
cp tools/go.mod "$work/go.mod"
go mod edit -replace "$module=$work/tools" "$work/go.mod"
# For this host: a caller may build for another one.
env -u GOOS -u GOARCH go build -modfile="$work/go.mod" -o "$work/gok" $module/cmd/gok
exec "$work/gok" "$@"
