#!/bin/sh
# deb-test.sh RELEASE DEB installs, upgrades, removes and purges a Debian package
# of pxebox in a minimal Debian of that release (12 or 13), and checks after each
# step what is there. It has systemd check the units, and lintian the package. It
# makes the system in a folder with debootstrap, and needs root. systemd does not
# run in it: make peers runs the programs as the units do.
#
# Debian's mirror, proxies and apt's settings are this machine's. In the
# environment:
#   DEB_CACHE  a folder that keeps Debian packages for the next run
#   TMPDIR     where the system is made instead of /var/tmp; keep 2 GB free
#   KEEP=1     leave the system's folder
set -eu

fail() {
	echo "deb-test.sh: $*" >&2
	exit 1
}

# repository PATH prints the URL of the first repository at this machine's
# mirror whose path ends so.
repository() {
	# shellcheck disable=SC2016 # apt's own variable
	apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 "/$1/*\$" | sed 's,/*$,,'
}

# inside runs a command in the system.
inside() {
	# shellcheck disable=SC2046 # a word for each setting
	chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		$(env | grep -E '^(https?|ftp|no)_proxy=|^(HTTPS?|FTP|NO)_PROXY=' || true) "$@"
}

# apt runs apt-get in the system, and shows its output if it fails.
apt() {
	inside apt-get -q -y --no-install-recommends "$@" >"$log" 2>&1 </dev/null || {
		tail -n 30 "$log" >&2
		fail "apt-get $* failed"
	}
}

make_system() {
	proxy=
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	[ -z "$proxy" ] || export http_proxy="$proxy" # debootstrap does not ask apt
	set --
	if [ -n "${DEB_CACHE:-}" ]; then
		mkdir -p "$DEB_CACHE/base-$release" "$DEB_CACHE/archives-$release/partial"
		set -- --cache-dir="$DEB_CACHE/base-$release"
	fi
	debootstrap --variant=minbase "$@" --include=ca-certificates "$codename" "$root" "$mirror" >"$log" 2>&1 || {
		tail -n 5 "$log" >&2
		fail "debootstrap cannot make Debian $release from $mirror"
	}
	echo "deb $mirror $codename main" >"$root/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(http|https|Check-[A-Za-z-]*)(::[^ ]*)? ' \
		>"$root/etc/apt/apt.conf.d/90deb-test" || true
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	if [ -d /usr/local/share/ca-certificates ]; then
		cp -r /usr/local/share/ca-certificates "$root/usr/local/share/"
		inside update-ca-certificates >>"$log" 2>&1
	fi
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=755 run "$root/run"
	[ -z "${DEB_CACHE:-}" ] || mount --bind "$DEB_CACHE/archives-$release" "$root/var/cache/apt/archives"
	apt update
}

# has and lacks check files of the system.
has() { for file; do [ -e "$root$file" ] || fail "after $step, $file is missing"; done; }
lacks() { for file; do [ ! -e "$root$file" ] || fail "after $step, $file is still there"; done; }

# says LINE checks what apt printed.
says() { grep -qF "$1" "$log" || { cat "$log" >&2; fail "$step did not print \"$1\""; }; }

# enabled UNIT reports whether the system would start it.
enabled() { [ -L "$root/etc/systemd/system/multi-user.target.wants/$1" ]; }

# begin STEP begins a step.
begin() {
	step=$1
	echo "deb-test.sh: Debian $release: $step"
}

run_steps() {
	begin "install"
	apt install /root/old.deb
	says "pxebox: the page is https://"
	says "pxebox: settings are in /etc/pxebox/pxebox.toml, boot files in /srv/pxebox."
	has /usr/sbin/pxed /usr/sbin/menuwatch /usr/bin/pxebox /srv/pxebox
	[ -z "$(grep -v '^#' "$root/etc/pxebox/pxebox.toml" | tr -d '\n')" ] || fail "the conffile has settings"
	inside pxebox check --boot /srv/pxebox /etc/pxebox/pxebox.toml >/dev/null
	# Each example is right.
	sed 's/^#\([^ ]\)/\1/' "$root/etc/pxebox/pxebox.toml" >"$root/root/examples.toml"
	inside pxebox check /root/examples.toml >/dev/null
	for program in "pxed -version" "menuwatch -version" "pxebox --version"; do
		# shellcheck disable=SC2086 # a program and its flag
		printed=$(inside $program | head -n 1)
		case $printed in
		"${program%% *} $version ("*) ;; # and the commit
		*) fail "$program prints \"$printed\", not version $version" ;;
		esac
	done
	[ "$(inside stat -c '%a %U %G %s' /etc/pxebox/password)" = "640 root pxebox 21" ] ||
		fail "the password's file is $(inside stat -c '%a %U %G %s' /etc/pxebox/password)"
	password=$(cat "$root/etc/pxebox/password")
	! grep -qF "$password" "$log" || fail "the password is in apt's log"
	inside getent passwd pxebox >/dev/null || fail "there is no user pxebox"
	# shellcheck disable=SC2015 # fail exits
	enabled pxed.service && enabled menuwatch.service || fail "the units are not enabled"
	[ -z "$(inside dpkg -V pxebox)" ] || fail "installed files differ: $(inside dpkg -V pxebox)"

	begin "systemd-analyze"
	for unit in pxed menuwatch; do
		inside systemd-analyze verify --man=no "$unit.service" >"$log" 2>&1 || { cat "$log" >&2; fail "$unit.service is wrong"; }
		[ ! -s "$log" ] || { cat "$log" >&2; fail "systemd-analyze verify complains about $unit.service"; }
		# 20 is an exposure of 2.0, "OK".
		inside systemd-analyze security --offline=true --threshold=20 "$unit.service" >"$log" 2>&1 ||
			{ cat "$log" >&2; fail "$unit.service is too exposed"; }
		grep 'Overall exposure' "$log"
	done

	begin "upgrade"
	echo '# a change of the administrator' >>"$root/etc/pxebox/pxebox.toml"
	echo 'a kernel' >"$root/srv/pxebox/linux"
	inside install -d -o pxebox -g pxebox /var/lib/pxebox # as systemd does at the first start
	echo 'a lease' >"$root/var/lib/pxebox/leases.journal"
	inside systemctl disable -q menuwatch.service
	apt install /root/new.deb
	! grep -qF "https://" "$log" || fail "an upgrade prints the page's address"
	# shellcheck disable=SC2016 # dpkg's own variable
	[ "$(inside dpkg-query -W -f '${Version}' pxebox)" = "$version" ] || fail "it is not the new version"
	tail -n 1 "$root/etc/pxebox/pxebox.toml" | grep -q administrator || fail "the upgrade replaced pxebox.toml"
	[ "$(cat "$root/etc/pxebox/password")" = "$password" ] || fail "the upgrade changed the password"
	has /srv/pxebox/linux /var/lib/pxebox/leases.journal
	enabled pxed.service || fail "the upgrade disabled pxed"
	! enabled menuwatch.service || fail "the upgrade enabled a unit that the administrator disabled"

	begin "remove"
	apt remove pxebox
	lacks /usr/sbin/pxed /usr/bin/pxebox /usr/lib/systemd/system/pxed.service
	has /etc/pxebox/pxebox.toml /etc/pxebox/password /srv/pxebox/linux /var/lib/pxebox/leases.journal

	begin "install again"
	apt install /root/new.deb
	[ "$(cat "$root/etc/pxebox/password")" = "$password" ] || fail "the password changed"
	tail -n 1 "$root/etc/pxebox/pxebox.toml" | grep -q administrator || fail "pxebox.toml was replaced"

	begin "purge"
	apt purge pxebox
	lacks /etc/pxebox /var/lib/pxebox
	has /srv/pxebox/linux
	left=$(find "$root/etc/systemd" "$root/var/lib/systemd" \( -name '*pxed*' -o -name '*menuwatch*' \))
	[ -z "$left" ] || fail "after purge, there is still $left"
	rm "$root/srv/pxebox/linux"
	apt install /root/new.deb
	apt purge pxebox
	lacks /srv/pxebox /etc/pxebox

	begin "lintian"
	apt install lintian
	inside lintian --fail-on error,warning --no-cfg --allow-root /root/new.deb >"$log" 2>&1 ||
		{ cat "$log" >&2; fail "lintian complains"; }
	cat "$log"
	echo "deb-test.sh: Debian $(cat "$root/etc/debian_version"): all passed, pxebox $version"
}

release=${1:-} deb=${2:-}
case $release in
12) codename=bookworm ;;
13) codename=trixie ;;
*) fail "which release? make deb-test RELEASE=12 or RELEASE=13" ;;
esac
[ -f "$deb" ] || fail "there is no package $deb"
version=$(dpkg-deb -f "$deb" Version)

if [ -n "${DEB_TEST_ROOT:-}" ]; then # in the namespaces
	root=$DEB_TEST_ROOT log=$root.log mirror=$DEB_TEST_MIRROR
	make_system
	cp "$deb" "$root/root/new.deb"
	# The version before: the same files with a lower number.
	dpkg-deb -R "$deb" "$root/root/old"
	sed -i "s/^Version: .*/&~before/" "$root/root/old/DEBIAN/control"
	dpkg-deb -Zgzip -z1 --root-owner-group -b "$root/root/old" "$root/root/old.deb" >/dev/null
	chmod 644 "$root"/root/*.deb
	run_steps
	exit
fi

[ "$(id -u)" = 0 ] || fail "debootstrap and chroot need root"
for program in debootstrap unshare dpkg-deb; do
	command -v $program >/dev/null || fail "the program $program is missing"
done
mirror=${MIRROR:-$(repository debian || true)}
[ -n "$mirror" ] || fail "apt knows no mirror of Debian: run apt-get update, or set MIRROR"
root=$(mktemp -d -p "${TMPDIR:-/var/tmp}" "deb-test-$release.XXXXXX")
chmod 755 "$root" # it becomes /
clean() { [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root" "$root.log"; }
trap clean EXIT
trap 'exit 130' HUP INT TERM
DEB_TEST_ROOT=$root DEB_TEST_MIRROR=$mirror unshare --mount --pid --fork "$0" "$release" "$deb"
