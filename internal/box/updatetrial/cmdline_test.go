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
	return "console=tty1 console=ttyS0,115200 root=" + root +
		" ro init=/gokrazy/init panic=10 oops=panic rootdelay=10 pci=nommconf rootdelay=0 rootwait pxebox.room=1" +
		strings.Repeat(" ", 64)
}

func entry(root string) string { return "title gokrazy\nlinux /vmlinuz\noptions " + text(root) }

func TestNamed(t *testing.T) {
	for _, tt := range []struct {
		situation, text string
		want            Slot
		err             string
	}{
		{situation: "GPT, first root", text: text(gptID + "1"), want: 2},
		{situation: "GPT, second root", text: text(gptID + "2"), want: 3},
		{situation: "MBR, first root", text: text(mbrID + "2"), want: 2},
		{situation: "MBR, second root", text: text(mbrID + "3"), want: 3},
		{situation: "systemd-boot's entry", text: entry(gptID + "2"), want: 3},
		{situation: "a trial: what the kernel mounts",
			text: "ubd0=" + gptID + "2 root=" + gptID + "1 init=/user/appliance", want: 2},
		{situation: "the boot partition", text: text(gptID + "0"), err: "not a root"},
		{situation: "by device name", text: text("/dev/sda2"), err: "no root=PARTUUID="},
		{situation: "overwritten", text: strings.Repeat("\x00", 249), err: "no root=PARTUUID="},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, err := named(tt.text)
			if got != tt.want || (tt.err == "") != (err == nil) ||
				err != nil && !strings.Contains(err.Error(), tt.err) {
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
		{situation: "cmdline.txt", text: text, a: gptID + "1", b: gptID + "2"},
		{situation: "systemd-boot's entry", text: entry, a: gptID + "1", b: gptID + "2"},
		{situation: "MBR", text: text, a: mbrID + "2", b: mbrID + "3"},
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
			if first, second := strings.Index(trial, "ubd0="+tt.b+" "), strings.Index(trial, " root="+tt.a+
				" "); first < 0 || second < first {
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
		{situation: "no room", text: strings.TrimSpace(text(gptID + "1")), err: "does not fit"},
		{situation: "another init", text: strings.Replace(text(gptID+"1"), "/gokrazy/init", "/sbin/init", 1),
			err: "no init=/gokrazy/init"},
		{situation: "no root", text: "console=tty1", err: "no root=PARTUUID="},
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
