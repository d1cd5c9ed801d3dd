package console

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A screen is drawn from the top left corner, and only if it has changed.
func TestDraw(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tty")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	drawn := &terminal{file: f}
	defer drawn.close()
	other := serving()
	other.Cable = false
	for _, s := range []State{serving(), serving(), other} {
		drawn.draw(s, nil)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	screens := strings.Split(string(b), "\x1b[?25l\x1b[H")
	if len(screens) != 3 || screens[0] != "" {
		t.Fatalf("%d screens are drawn, want 2: %q", len(screens)-1, b)
	}
	for i, want := range []string{"Serving machines", "The cable at eth0 is out"} {
		lines := strings.Split(screens[i+1], "\r\n")
		if len(lines) != 25 || !strings.Contains(screens[i+1], want) {
			t.Errorf("%d lines, want 25 with %q: %q", len(lines), want, screens[i+1])
		}
		for _, l := range lines {
			if text, ok := strings.CutSuffix(l, "\x1b[K"); !ok || len(text) > 79 {
				t.Errorf("a line that is too long, or whose rest is not erased: %q", l)
			}
		}
	}
	// A box without a screen.
	new(terminal).draw(serving(), nil)
}
