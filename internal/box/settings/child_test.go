package settings

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
)

// child builds a program that checks settings in a separate process. It builds
// without the race detector, which reserves more memory than a check may use.
func child(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "child")
	cmd := exec.Command("go", "build", "-o", program, "./testdata/child")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func TestCheckIn(t *testing.T) {
	program := child(t)
	const bounds = "pxebox.toml:1: file: "
	for _, tt := range []struct {
		situation, mode, text string
		limit                 time.Duration
		mistake, failure      string // a mistake in the settings, or a failure of the box
		warning               string
	}{
		{situation: "right", mode: "check", text: mine, limit: checkTime},
		{situation: "a mistake", mode: "check", text: wrong, limit: checkTime,
			mistake: "pxebox.toml:3: menu.timeuot: is not known; write timeout"},
		{situation: "an interface that no box has", mode: "check", limit: checkTime,
			text:    "[menu]\ntitle = \"interface = x\"\n[network]\ninterface = \"enp99s0\"\n",
			mistake: `pxebox.toml:4: network.interface: the box has no interface "enp99s0", and none that is plugged in`},
		{situation: "an interface that may be plugged in later", mode: "check", limit: checkTime,
			text:    "network.interface = \"eth99\"\n",
			warning: `pxebox.toml:1: network.interface: the box has no interface "eth99" now`},
		{situation: "menus without end", mode: "check", text: manyMenus(), limit: checkTime,
			mistake: "pxebox.toml:8001: machine: all menus together exceed the box's limit of 16 MiB"},
		{situation: "more memory than it may have", mode: "hog", text: mine, limit: checkTime,
			mistake: bounds + "takes more than 256 MiB of memory to check; use fewer"},
		{situation: "no end", mode: "hang", text: mine, limit: time.Second,
			mistake: bounds + "takes longer than 1s to check; use fewer"},
		{situation: "a mistake of the program's", mode: "panic", text: mine, limit: checkTime,
			mistake: bounds + "cannot be checked: the check failed with exit status 2; use fewer"},
		{situation: "it cannot begin", mode: "fail", text: mine, limit: checkTime,
			failure: "check the settings: no pipe"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			warnings, err := checkIn(tt.limit, []byte(tt.text), program, tt.mode)
			want := tt.mistake + tt.failure
			if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v", err)
			}
			if got := warnings.Error(); (got == "") != (tt.warning == "") || !strings.HasPrefix(got, tt.warning) {
				t.Errorf("the warnings are %q", got)
			}
			if got := errors.As(err, new(config.Errors)); got != (tt.mistake != "") {
				t.Errorf("it is a mistake: %v; %v", got, err)
			}
		})
	}
	if _, err := CheckIn(filepath.Join(t.TempDir(), "missing"))(nil); err == nil || errors.As(err, new(config.Errors)) {
		t.Errorf("without the program: %v", err)
	}
}

// manyMenus returns settings of 345 KiB whose menus take 300 MiB.
func manyMenus() string {
	var f strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&f, "[[entry]]\nname = \"e%d\"\nkernel = \"linux\"\nappend = %q\n", i, strings.Repeat("x", 110))
	}
	for i := range 300 {
		fmt.Fprintf(&f, "[[machine]]\nmac = [\"52:54:00:00:%02x:%02x\"]\ndefault = \"e%d\"\n", i>>8, i&0xff, i)
	}
	return f.String()
}
