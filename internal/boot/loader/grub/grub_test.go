package grub

import (
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	for _, tt := range []struct{ situation, in, want string }{
		{situation: "none"},
		{situation: "several, odd spacing", in: " a  b=c ", want: `'a' 'b=c'`},
		{situation: "a space in double quotes", in: `m.p="a b" c`, want: `'m.p=a b' 'c'`},
		{situation: "an empty one in double quotes", in: `a="" ""`, want: `'a=' ''`},
		{situation: "a single quote", in: `it's`, want: `'it'\''s'`},
		{situation: "what GRUB would expand", in: "$root ${x} *", want: `'$root' '${x}' '*'`},
		{situation: "a double quote that stays open", in: `a "b c`, want: `'a' 'b c'`},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := strings.Join(Arguments(tt.in), " "); got != tt.want {
				t.Errorf("Arguments(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}
