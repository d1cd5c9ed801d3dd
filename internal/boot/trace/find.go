package trace

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// maxTyped is how much of what a person typed is looked at, in characters.
const maxTyped = 300

// find returns the messages that a text may mean, the likeliest first. Case,
// punctuation and single typing errors do not matter.
func find(text string) []Message {
	if r := []rune(text); len(r) > maxTyped {
		text = string(r[:maxTyped])
	}
	type hit struct{ rank, i int }
	var hits []hit
	typed := words(text)
	for i, m := range messages {
		if rank := m.rank(text, typed); rank > 0 {
			hits = append(hits, hit{rank, i})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.rank - a.rank })
	var all []Message
	for _, h := range hits {
		if h.rank < hits[0].rank/2 {
			break // much less likely than the first
		}
		all = append(all, messages[h.i])
	}
	return all
}

// How likely a text means a message.
const (
	wholeCode = 100 // it has the code
	likeCode  = 60  // it has the code, with letters for digits
	everyWord = 40  // it has all words of the message
	someWords = 20  // all of its words are in the message
)

func (m Message) rank(text string, typed []string) int {
	if code := codeOf(m.Name); code != "" {
		exact, like := codes(text)
		switch {
		case slices.Contains(exact, code):
			return wholeCode
		case slices.Contains(like, code):
			return likeCode
		}
	}
	best := 0
	for _, phrase := range append([]string{m.Name, m.Text}, m.also...) {
		for part := range strings.SplitSeq(phrase, " · ") { // of UEFI and of a BIOS
			w := words(part)
			if len(w) == 0 || codeOf(part) != "" {
				continue
			}
			switch {
			case contains(typed, w):
				best = max(best, everyWord+len(w))
			case len(strings.Join(typed, "")) >= 6 && contains(w, typed):
				best = max(best, someWords+len(typed))
			}
		}
	}
	return best
}

var (
	pxeCode = regexp.MustCompile(`(?:^|[^a-z0-9])(p[xk]e)?[^a-z0-9]*([etm])[^a-z0-9]*([0-9a-z]{2})(?:$|[^a-z0-9])`)
	ntCode  = regexp.MustCompile(`(?:[0o]x)?(c[0o]{3,5}[0-9a-fo]{2,4})(?:$|[^a-z0-9])`)
)

// codes returns the codes in a text, in the form of codeOf: as they are typed,
// and with digits for the letters that look like them.
func codes(text string) (exact, like []string) {
	text = strings.ToLower(text)
	for rest := text; ; {
		at := pxeCode.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		code := rest[at[4]:at[5]] + rest[at[6]:at[7]]
		exact = append(exact, code)
		if at[2] >= 0 || strings.ContainsAny(code, "0123456789") { // not a word such as "tol"
			like = append(like, code[:1]+digits.Replace(code[1:]))
		}
		rest = rest[at[7]:] // what ends one code may begin the next one
	}
	for _, found := range ntCode.FindAllStringSubmatch(text, -1) {
		code := strings.ReplaceAll(found[1], "o", "0")
		tail := strings.TrimLeft(code[1:], "0") // the number of zeros is easily mistyped
		exact, like = append(exact, code), append(like, "c"+strings.Repeat("0", max(7-len(tail), 0))+tail)
	}
	return exact, like
}

var digits = strings.NewReplacer("o", "0", "i", "1", "l", "1", "s", "5", "g", "6", "z", "2")

// codeOf returns the code that a message's name is: "e16" for PXE-E16,
// "c0000272" for 0xc0000272. It is empty for a name that is a text.
func codeOf(name string) string {
	name = strings.ToLower(name)
	if code, ok := strings.CutPrefix(name, "pxe-"); ok && len(code) == 3 {
		return code
	}
	if code, ok := strings.CutPrefix(name, "0x"); ok && len(code) == 8 {
		return code
	}
	return ""
}

// words splits a text into words of lower-case letters and digits. It leaves out
// addresses of pages.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text),
		func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// contains reports whether each word of some is in all, but for typing errors.
func contains(all, some []string) bool {
	if len(some) == 0 {
		return false
	}
	for _, w := range some {
		if !slices.ContainsFunc(all, func(other string) bool { return alike(w, other) }) {
			return false
		}
	}
	return true
}

// alike reports whether two words are the same but for a typing error; long
// words, for two.
func alike(a, b string) bool {
	if a == b {
		return true
	}
	may := 0
	switch n := max(len(a), len(b)); {
	case n >= 8:
		may = 2
	case n >= 4:
		may = 1
	}
	if d := len(a) - len(b); may == 0 || d > may || -d > may {
		return false
	}
	return distance(a, b) <= may
}

// distance returns how many letters to insert, leave out, replace or swap with
// their neighbor make one word of the other.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
