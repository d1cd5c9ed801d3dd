package grub

import (
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	for _, tt := range []struct{ situation, in, want string }{
		{"none", "", ""},
		{"several, odd spacing", " a  b=c ", `'a' 'b=c'`},
		{"a space in double quotes", `m.p="a b" c`, `'m.p=a b' 'c'`},
		{"an empty one in double quotes", `a="" ""`, `'a=' ''`},
		{"a single quote", `it's`, `'it'\''s'`},
		{"what GRUB would expand", "$root ${x} *", `'$root' '${x}' '*'`},
		{"a double quote that stays open", `a "b c`, `'a' 'b c'`},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := strings.Join(Arguments(tt.in), " "); got != tt.want {
				t.Errorf("Arguments(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}
