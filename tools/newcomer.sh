#!/bin/sh
# newcomer.sh RELEASE [TARGET...] does what the README tells a newcomer to do,
# in a minimal Debian of that release (12 or 13), and reports how long it took.
# It makes the system in a folder with debootstrap, adds git, make and this
# machine's Go, clones the last commit into it, and runs the targets there:
# "run", "run-uefi" and "test" if none is named. It leaves no process and no
# mount behind: it has its own PID and mount namespaces.
#
# Debian's mirror, proxies, certificate authorities and Go's settings are this
# machine's. In the environment:
#   MIRROR          another mirror, for a release that this one no longer has
#   NEWCOMER_CACHE  a folder that keeps Debian packages and Go modules for the next run
#   TMPDIR          where the system is made instead of /var/tmp; keep 10 GB free
#   KEEP=1          leave the system's folder
set -eu

fail() {
	echo "newcomer.sh: $*" >&2
	exit 1
}

# repository PATH prints the URL of the first repository at this machine's
# mirror whose path ends so.
repository() {
	# shellcheck disable=SC2016 # apt's own variable
	apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 "/$1/*\$" | sed 's,/*$,,'
}

# checkout calls git; root may read the checkout of another user.
checkout() {
	git -C "$here" -c safe.directory="$here" "$@"
}

# inside runs a command in the system, with what a login sets, and this
# machine's proxies.
inside() {
	# shellcheck disable=SC2046 # a word for each setting
	chroot "$root" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" \
		PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		$(env | grep -E '^(https?|ftp|no)_proxy=|^(HTTPS?|FTP|NO)_PROXY=|^(ACCEL|FIRMWARE)=' || true) \
		"$@"
}

# make_system makes the system in $root.
make_system() {
	proxy=
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	[ -z "$proxy" ] || export http_proxy="$proxy" # debootstrap does not ask apt
	set --
	if [ -n "${NEWCOMER_CACHE:-}" ]; then
		mkdir -p "$NEWCOMER_CACHE/base-$release"
		set -- --cache-dir="$NEWCOMER_CACHE/base-$release"
	fi
	if ! debootstrap --variant=minbase "$@" --include=ca-certificates,git,make \
		"$codename" "$root" "$mirror" >"$log" 2>&1; then
		tail -n 5 "$log" >&2
		fail "debootstrap cannot make Debian $release from $mirror;" \
			"if it no longer has that release, set MIRROR to one that has it"
	fi
	{
		echo "deb $mirror $codename main"
		if [ -z "${MIRROR:-}" ]; then
			echo "deb $mirror $codename-updates main"
			security=$(repository debian-security || true)
			[ -z "$security" ] || echo "deb $security $codename-security main"
		fi
	} >"$root/etc/apt/sources.list"
	# How this machine's apt reaches its mirror.
	apt-config dump | grep -E '^Acquire::(http|https|Check-[A-Za-z-]*)(::[^ ]*)? ' \
		>"$root/etc/apt/apt.conf.d/90newcomer" || true
	# The system is in this machine's network.
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	if [ -d /usr/local/share/ca-certificates ]; then
		cp -r /usr/local/share/ca-certificates "$root/usr/local/share/"
		inside update-ca-certificates >>"$log" 2>&1
	fi
	mkdir -p "$root/root/.config/go"
	for name in GOPROXY GONOPROXY GOSUMDB GONOSUMDB GOPRIVATE GOINSECURE GOFLAGS GOTOOLCHAIN; do
		value=$(cd / && go env $name)
		[ -z "$value" ] || echo "$name=$value"
	done >"$root/root/.config/go/env"
	# No hard links into the checkout's objects: a clone as over a network.
	checkout clone -q --no-local . "$root/root/pxebox"
}

# enter_system mounts what a running system has.
enter_system() {
	# A chroot whose root is no mount point cannot make its mounts private.
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=755 run "$root/run"
	mkdir -p "$root/usr/local/go"
	mount --bind -o ro "$(cd / && go env GOROOT)" "$root/usr/local/go"
	if [ -n "${NEWCOMER_CACHE:-}" ]; then
		mkdir -p "$NEWCOMER_CACHE/archives-$release/partial" "$NEWCOMER_CACHE/mod" "$root/root/go/pkg/mod"
		mount --bind "$NEWCOMER_CACHE/archives-$release" "$root/var/cache/apt/archives"
		mount --bind "$NEWCOMER_CACHE/mod" "$root/root/go/pkg/mod"
	fi
}

# run_targets runs each target, and leaves a line for it in $log.
run_targets() {
	: >"$log"
	status=0
	for target; do
		what="make $target"
		[ "$target" != run-uefi ] || what="make run UEFI=1"
		echo "newcomer.sh: Debian $release: $what"
		result=passed
		start=$(date +%s)
		# shellcheck disable=SC2086 # a command and its arguments
		inside sh -c 'cd /root/pxebox && exec "$@"' sh $what </dev/null || result="FAILED ($?)"
		took=$(($(date +%s) - start))
		changed=$(inside git -C /root/pxebox status --porcelain)
		[ -z "$changed" ] || result="$result, and git status shows: $changed"
		[ "$result" = passed ] || status=1
		printf '%-20s %3d min %2d s  %s\n' "$what" $((took / 60)) $((took % 60)) "$result" >>"$log"
	done
	echo "newcomer.sh: Debian $(cat "$root/etc/debian_version"), $(nproc) CPUs," \
		"commit $(inside git -C /root/pxebox rev-parse --short HEAD)"
	cat "$log"
	return $status
}

here=$(cd "$(dirname "$0")/.." && pwd)
release=${1:-}
[ $# = 0 ] || shift
case $release in
12) codename=bookworm ;;
13) codename=trixie ;;
*) fail "which release? make newcomer RELEASE=12 or RELEASE=13" ;;
esac
[ $# != 0 ] || set -- run run-uefi test

if [ -n "${NEWCOMER_ROOT:-}" ]; then # in the namespaces
	root=$NEWCOMER_ROOT
	log=$root.log
	mirror=$NEWCOMER_MIRROR
	start=$(date +%s)
	echo "newcomer.sh: making Debian $release ($codename) in $root"
	make_system
	echo "newcomer.sh: made in $(($(date +%s) - start)) s, with $(cd / && go version | cut -d' ' -f3)"
	enter_system
	run_targets "$@"
	exit
fi

[ "$(id -u)" = 0 ] || fail "debootstrap and chroot need root"
missing=
for program in debootstrap unshare git go; do
	command -v $program >/dev/null || missing="$missing $program"
done
[ -z "$missing" ] || fail "missing:$missing"
mirror=${MIRROR:-$(repository debian || true)}
[ -n "$mirror" ] || fail "apt knows no mirror of Debian: run apt-get update, or set MIRROR"
[ -z "$(checkout status --porcelain)" ] || echo "newcomer.sh: only what is committed is tried" >&2
if [ -n "${NEWCOMER_CACHE:-}" ]; then
	mkdir -p "$NEWCOMER_CACHE"
	NEWCOMER_CACHE=$(cd "$NEWCOMER_CACHE" && pwd)
	export NEWCOMER_CACHE
fi

root=$(mktemp -d -p "${TMPDIR:-/var/tmp}" "newcomer-$release.XXXXXX")
chmod 755 "$root" # it becomes /
child=
clean() {
	# All processes of a PID namespace end with its first one, and unshare
	# returns when they have.
	if [ -n "$child" ]; then
		# shellcheck disable=SC2046 # one number, or none
		kill -KILL $(cat "/proc/$child/task/$child/children" 2>/dev/null) 2>/dev/null || true
		wait "$child" || true
	fi
	[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root" "$root.log"
}
trap clean EXIT
trap 'exit 130' HUP INT TERM

# In the background, so that a signal reaches this shell at once.
NEWCOMER_ROOT=$root NEWCOMER_MIRROR=$mirror unshare --mount --pid --fork --mount-proc "$here/tools/newcomer.sh" "$release" "$@" &
child=$!
status=0
wait "$child" || status=$?
child=
exit $status
