# shellcheck shell=sh
# apt.sh has what unpack.sh and packaging/release/sources.sh share: apt with package
# lists in a separate folder, because the machine's may be of another release. A
# script sources this in an empty folder, where it all is.

fail() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

work=$PWD

# The sources that the machine has, one URI a line, also where apt has no lists
# of them yet.
# shellcheck disable=SC2016 # apt's own variable
mirrors() { apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed 's:/*$::' | sort -u; }

# private PROGRAM ARGS... runs apt-get or apt-cache with lists of our own: the
# machine's are not ours to refresh.
private() {
	mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
	# With what is installed in view, apt would take nothing older than that.
	: >"$work/state/status"
	program=$1
	shift
	"$program" -qq -o APT::Sandbox::User=root \
		-o Dir::State="$work/state" -o Dir::State::lists="$work/state/lists" \
		-o Dir::State::status="$work/state/status" \
		-o Dir::Etc::sourcelist="$sources" -o Dir::Etc::sourceparts="$parts" \
		-o Dir::Cache="$work/cache" "$@" </dev/null 2>>"$work/apt.log"
}

# lists KINDS RELEASE reads the lists of a release of Debian from the mirror that the
# machine uses: of binary packages (deb), of source packages (deb-src), or of both.
lists() {
	release=$2
	mirror=$(mirrors | grep -m1 '/debian$') || fail "no mirror of Debian in /etc/apt/sources.list"
	# A fix is in the security archive first, and in the release with its next
	# point release.
	security=$(mirrors | grep -m1 '/debian-security$') || security=$mirror-security
	sources=$work/sources.list
	parts=/dev/null
	key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	for kind in $1; do
		printf '%s\n' "$kind $key $mirror $release main" "$kind $key $mirror $release-updates main"
	done >"$work/without-security"
	{
		cat "$work/without-security"
		for kind in $1; do
			echo "$kind $key $security $release-security main"
		done
	} >"$sources"
	private apt-get update >>"$work/apt.log" && return
	cp "$work/without-security" "$sources"
	private apt-get update >>"$work/apt.log" || return 1
	echo "$(basename "$0"): no security archive at $security: security fixes after the last point release of $release are missing" >&2
}

# give_up WANTED ends the script, with what apt said.
give_up() {
	cat "$work/apt.log" >&2
	hint="is a mirror of Debian in reach?"
	if grep -q NO_PUBKEY "$work/apt.log"; then
		hint="this machine does not know the key of that release: apt-get install debian-archive-keyring"
	elif [ -n "$release" ] && grep -q "$release.* does not have a Release file" "$work/apt.log"; then
		hint="the mirror $mirror has no $release (any more): name another release, or a mirror that has it, in /etc/apt/sources.list"
	fi
	fail "apt-get cannot download $1${release:+ of $release}: $hint"
}
