#!/bin/sh
# words.sh lists words that this project does not use: they read like a translation,
# and a plain one says the same (no host for nobody, fix for mend, next to for
# beside). Lines that have to have one are in words.allow, a part of each that is
# enough to know it by.
set -eu

cd "$(dirname "$0")/.."
words='nobody|somebody|whoever|mend|mends|mended|anew|whence|for ever|told of|tells of|hears of|beside|becomes of|of its own|of their own|be it'
if git grep -nIwiE "$words" -- '*.go' '*.md' '*.toml' '*.sh' '*.txt' Makefile ':!tools/words.sh' | grep -vFf tools/words.allow; then
	echo "words.sh: write the lines above with plain words, or add a part of one to tools/words.allow" >&2
	exit 1
fi
