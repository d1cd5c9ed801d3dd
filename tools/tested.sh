#!/bin/bash
# tested.sh runs a command that runs go test -v, shows its output, and ends it
# with the tests that were skipped and those that failed, each with what it said
# last. Without that, one failure is lost among the lines of a thousand tests.
set -uo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log"
code=$?

grep -aE '^ *--- SKIP: ' "$log" | sort -u
[ $code -eq 0 ] && exit 0

# The lines of parallel tests are interleaved: go test names the test before
# them. Lines that begin with time= are logs of the box and of servers. A message
# of several lines is indented further.
awk '
	{ more = open && /^        / && !/_test\.go:[0-9]+: /; open = 0 }
	more {
		if (length(said[test, count[test]]) < 2000) said[test, count[test]] = said[test, count[test]] "\n" substr($0, 1, 400)
		open = 1
		next
	}
	/^=== / { test = $3; next }
	/^ *--- FAIL: / { failed[++n] = $3; next }
	/^ *--- / { test = ""; next }
	/_test\.go:[0-9]+: / && !/_test\.go:[0-9]+: time=/ { said[test, ++count[test]] = substr($0, 1, 400); open = 1; next }
	/^(panic|FAIL|fatal error):? / { rest[++m] = $0 }
	END {
		for (i = 1; i <= n; i++) {
			print "FAILED: " failed[i]
			for (j = count[failed[i]] - 7; j <= count[failed[i]]; j++)
				if (j > 0) print said[failed[i], j]
		}
		for (i = 1; i <= m; i++) print rest[i]
	}' "$log"
exit $code
