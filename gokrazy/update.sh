#!/bin/sh
# update.sh NAME HOST sends this build of the instance gokrazy/NAME to a
# running box, and waits until the box has kept the new root or has gone back
# to its old one. The box decides that by itself within two minutes, whether
# somebody waits or not.
set -eu

cd "$(dirname "$0")/.."
name=$1
host=$2
export GOWORK=off # a workspace would hide the pinned builddir

gokrazy/instance.sh "$name" "$host"

# What the appliance's own log says; gokrazy sends what there is, and goes on
# with what comes. The password goes by the standard input: arguments are for
# all to see.
says() {
	printf 'user = "gokrazy:%s"\n' "$(cat build/update-password)" |
		curl -K - -sfN --max-time 3 "http://$host:8080/log?path=/user/appliance&stream=stderr" | grep -q "$1"
}

if ! go tool -modfile=tools/go.mod gok --parent_dir build/gokrazy -i "$name" update; then
	says 'was tried and was not healthy' && echo "update.sh: the box is back on its old root" >&2
	exit 1
fi
echo "waiting for the box to find itself healthy"
end=$(($(date +%s) + 300))
while [ "$(date +%s)" -lt $end ]; do
	if says 'this root is kept'; then
		echo "the box keeps the update"
		exit 0
	fi
	if says 'was tried and was not healthy'; then
		echo "update.sh: the update was not healthy, and the box is back on its old root" >&2
		exit 1
	fi
	sleep 2
done
echo "update.sh: $host does not say what became of the update" >&2
exit 1
