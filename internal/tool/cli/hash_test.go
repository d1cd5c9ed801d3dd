package cli

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
)

// line extracts the password from HashPassword's output, by parsing it as a
// configuration.
func line(t *testing.T, out string) config.Password {
	t.Helper()
	c, err := parser.Parse("f", []byte("[menu]\n"+out))
	if err != nil {
		t.Fatalf("%v, from:\n%s", err, out)
	}
	return c.Menu.Password
}

func TestHashPasswordFromAPipe(t *testing.T) {
	for _, tt := range []struct{ name, in, err string }{
		{name: "a line", in: "secret\nnothing\n"},
		{name: "a line of Windows", in: "secret\r\n"},
		{name: "no end of the line", in: "secret"},
		{name: "nothing", err: "EOF"},
		{name: "an empty line", in: "\n", err: "empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			io.WriteString(w, tt.in)
			w.Close()
			var out, prompt strings.Builder
			err = HashPassword(r, &out, &prompt)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if prompt.Len() > 0 {
				t.Errorf("a pipe was asked: %q", &prompt)
			}
			if err == nil && !regexp.MustCompile(`^\$6\$`).MatchString(line(t, out.String()).Crypt) {
				t.Errorf("it printed %q", &out)
			}
		})
	}
}
