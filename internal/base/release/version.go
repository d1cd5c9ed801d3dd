package release

import (
	"cmp"
	"strings"
)

// compareVersions orders versions as deb-version(7) does, so that packages and
// updates agree on which one is newer: numbers by their value, and a tilde
// before everything else, even before the end.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a = cutWhere(a, isDigit)
		y, b = cutWhere(b, isDigit)
		if c := compareText(x, y); c != 0 {
			return c
		}
		x, a = cutWhere(a, isNoDigit)
		y, b = cutWhere(b, isNoDigit)
		if c := compareNumbers(x, y); c != 0 {
			return c
		}
	}
	return 0
}

func isDigit(c rune) bool   { return '0' <= c && c <= '9' }
func isNoDigit(c rune) bool { return !isDigit(c) }

// cutWhere cuts s before its first character for which is returns true.
func cutWhere(s string, is func(rune) bool) (before, rest string) {
	if i := strings.IndexFunc(s, is); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// compareNumbers compares digits by their value, however many there are.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func compareText(a, b string) int {
	for i := range max(len(a), len(b)) {
		if c := cmp.Compare(rank(a, i), rank(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// rank orders the characters of a version: the tilde, the end, letters, others.
func rank(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case 'A' <= s[i] && s[i] <= 'Z', 'a' <= s[i] && s[i] <= 'z':
		return int(s[i])
	}
	return int(s[i]) + 256
}
