package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal opens a pseudo-terminal (pty(7)).
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

func TestHashPasswordOnATerminal(t *testing.T) {
	for _, tt := range []struct{ name, typed, err string }{
		{name: "twice the same", typed: "secret\nsecret\n"},
		{name: "not the same", typed: "secret\nsecrets\n", err: "passwords differ"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keyboard, terminal := openTerminal(t)
			io.WriteString(keyboard, tt.typed)
			var out, prompt strings.Builder
			err := HashPassword(terminal, &out, &prompt)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if got := prompt.String(); got != "Password of the menu: \nThe same again: \n" {
				t.Errorf("it asked %q", got)
			}
			if err == nil && line(t, out.String()).PBKDF2 == "" {
				t.Errorf("it printed %q", &out)
			}
		})
	}
}

func TestPasswordOfTheBoxOnATerminal(t *testing.T) {
	t.Setenv(passwordEnv, "")
	keyboard, terminal := openTerminal(t)
	io.WriteString(keyboard, "correct horse\n")
	var asked strings.Builder
	got, err := (&app{in: terminal, err: &asked}).password(t.TempDir()+"/none", false)
	if got != "correct horse" || err != nil || asked.String() != "Password of the box: \n" {
		t.Errorf("got %q, %v; it asked %q", got, err, &asked)
	}
}

func TestYes(t *testing.T) {
	for typed, want := range map[string]bool{
		"y\n": true, "YES\n": true, " y \n": true, "n\n": false, "\n": false, "yesterday\n": false, "\x04": false,
	} {
		keyboard, terminal := openTerminal(t)
		io.WriteString(keyboard, typed)
		if got := (&app{in: terminal}).yes(); got != want {
			t.Errorf("%q: %v", typed, got)
		}
	}
}
