package updatetrial

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The texts are as gok writes them, with 64 spaces at the end.
const (
	gptID = "PARTUUID=60c24cc1-f3f9-427a-8199-86445cf90001/PARTNROFF="
	mbrID = "PARTUUID=60c24cc1-0"
)

func text(root string) string {
	return "console=tty1 console=ttyS0,115200 root=" + root + " ro init=/gokrazy/init panic=10 oops=panic rootdelay=10 pci=nommconf rootdelay=0 rootwait pxebox.room=1" + strings.Repeat(" ", 64)
}

func entry(root string) string { return "title gokrazy\nlinux /vmlinuz\noptions " + text(root) }

func TestNamed(t *testing.T) {
	for _, tt := range []struct {
		situation, text string
		want            Slot
		err             string
	}{
		{"GPT, first root", text(gptID + "1"), 2, ""},
		{"GPT, second root", text(gptID + "2"), 3, ""},
		{"MBR, first root", text(mbrID + "2"), 2, ""},
		{"MBR, second root", text(mbrID + "3"), 3, ""},
		{"systemd-boot's entry", entry(gptID + "2"), 3, ""},
		{"a trial: what the kernel mounts", "ubd0=" + gptID + "2 root=" + gptID + "1 init=/user/appliance", 2, ""},
		{"the boot partition", text(gptID + "0"), 0, "not a root"},
		{"by device name", text("/dev/sda2"), 0, "no root=PARTUUID="},
		{"overwritten", strings.Repeat("\x00", 249), 0, "no root=PARTUUID="},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, err := named(tt.text)
			if got != tt.want || (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

// TestAnUpdatesLife takes a command line through everything that happens to it.
func TestAnUpdatesLife(t *testing.T) {
	for _, tt := range []struct {
		situation string
		text      func(root string) string
		a, b      string
	}{
		{"cmdline.txt", text, gptID + "1", gptID + "2"},
		{"systemd-boot's entry", entry, gptID + "1", gptID + "2"},
		{"MBR", text, mbrID + "2", mbrID + "3"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			// gokrazy has switched to B while A is running.
			switched := tt.text(tt.b)
			trial, err := tries(switched, 2)
			if err != nil {
				t.Fatal(err)
			}
			checkLength(t, trial, switched)
			if s, err := named(trial); s != 2 || err != nil {
				t.Errorf("the kernel mounts %d, %v: %q", s, err, trial)
			}
			if !isTrial(trial) || isTrial(switched) {
				t.Errorf("a trial is not told from others: %q", trial)
			}
			// gokrazy's init reads the first of the two.
			if first, second := strings.Index(trial, "ubd0="+tt.b+" "), strings.Index(trial, " root="+tt.a+" "); first < 0 || second < first {
				t.Errorf("the other root does not stand first: %q", trial)
			}
			again, err := tries(trial, 2)
			if err != nil || again != trial {
				t.Errorf("done twice: %q, %v", again, err)
			}

			back, err := boots(trial, 2)
			if err != nil {
				t.Fatal(err)
			}
			checkLength(t, back, switched)
			want := strings.Replace(tt.text(tt.a), " pxebox.room=1", "", 1)
			if strings.TrimSpace(back) != strings.TrimSpace(want) {
				t.Errorf("got  %q\nwant %q", back, want)
			}
			noted, err := hasTried(back, 3)
			if err != nil || !strings.HasPrefix(noted, strings.TrimSpace(back)+" pxebox.tried=3 ") {
				t.Errorf("noted: %q, %v", noted, err)
			}
			checkLength(t, noted, switched)

			kept, err := boots(noted, 3)
			if err != nil || strings.TrimSpace(kept) != strings.TrimSpace(strings.Replace(want, tt.a, tt.b, 1)) {
				t.Errorf("kept: %q, %v", kept, err)
			}
			checkLength(t, kept, switched)
		})
	}
}

func checkLength(t *testing.T, got, want string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d bytes, want %d: %q", len(got), len(want), got)
	}
}

func TestTextsThatCannotBeTried(t *testing.T) {
	for _, tt := range []struct{ situation, text, err string }{
		{"no room", strings.TrimSpace(text(gptID + "1")), "does not fit"},
		{"another init", strings.Replace(text(gptID+"1"), "/gokrazy/init", "/sbin/init", 1), "no init=/gokrazy/init"},
		{"no root", "console=tty1", "no root=PARTUUID="},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got, err := tries(tt.text, 2); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestInstancesLeaveRoom(t *testing.T) {
	files, err := filepath.Glob("../../../gokrazy/*/config.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no instances: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var config struct{ KernelExtraArgs []string }
		if err := json.Unmarshal(b, &config); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if arg := strings.TrimSpace(room); !slices.Contains(config.KernelExtraArgs, arg) {
			t.Errorf("%s: KernelExtraArgs need %q", file, arg)
		}
	}
}
