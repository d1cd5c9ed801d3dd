package console

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

const fingerprint = "3F:A1:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD"

func serving() State {
	return State{
		Interface: "eth0", Addr: netip.MustParsePrefix("192.168.77.1/24"), Cable: true, Name: "pxebox.local",
		Fingerprint: fingerprint, Mode: spec.ModeServer,
	}
}

func TestLines(t *testing.T) {
	with := func(change func(*State)) State { s := serving(); change(&s); return s }
	for _, tt := range []struct {
		situation string
		state     State
		want      string // among the lines, not wrapped
		not       string
	}{
		{
			situation: "at the start", state: State{},
			want: "No network yet: the box looks for a network interface.", not: "Page",
		},
		{situation: "serving", state: serving(), want: "Serving machines that boot from the network.", not: "WDS"},
		{situation: "its address", state: serving(), want: "Address     192.168.77.1/24 on eth0"},
		{situation: "its page", state: serving(), want: "Page        https://192.168.77.1 or https://pxebox.local"},
		{situation: "its certificate", state: serving(), want: "Certificate " + fingerprint},
		{
			situation: "the password that the box has generated",
			state:     with(func(s *State) { s.Password = "abcd-efgh-jkmn-pqrs" }),
			want:      "Password    abcd-efgh-jkmn-pqrs until you choose one",
		},
		{situation: "the owner's password", state: serving(), want: "Certificate " + fingerprint, not: "Password"},
		{situation: "its mode", state: serving(), want: "DHCP mode   server: leases addresses"},
		{
			situation: "without mDNS", state: with(func(s *State) { s.Name = "" }),
			want: "Page        https://192.168.77.1", not: ".local",
		},
		{
			situation: "the cable is out", state: with(func(s *State) { s.Cable = false }),
			want: "The cable at eth0 is out, or its other end is off.", not: "Serving",
		},
		{
			situation: "no address", state: with(func(s *State) { s.Addr = netip.Prefix{} }),
			want: "No address yet: the box asks the site's DHCP server.", not: "Page",
		},
		{
			situation: "the interface of the settings is missing",
			state:     with(func(s *State) { s.Problem = "no network interface \"eth9\"\x1b" }),
			want:      `Network     no network interface "eth9"?`, not: "Serving",
		},
		{
			situation: "it is, and the box is reachable by another one",
			state:     with(func(s *State) { s.Problem = `no network interface "eth9"` }),
			want:      "Page        https://192.168.77.1 or https://pxebox.local",
		},
		{
			situation: "pxed hangs", state: with(func(s *State) { s.PxedStopped = true }),
			want: "Not serving: the program pxed does not run. It is about to be restarted.",
			not:  "Serving machines",
		},
		{
			situation: "menuwatch hangs", state: with(func(s *State) { s.MenuwatchStopped = true }),
			want: "Serving machines that boot from the network.",
		},
		{
			situation: "a mistake", state: with(func(s *State) { s.Mistakes = 1 }),
			want: "Settings    pxebox.toml has a mistake and is not in use. The page shows it.",
		},
		{
			situation: "mistakes", state: with(func(s *State) { s.Mistakes = 3 }),
			want: "Settings    pxebox.toml has 3 mistakes and is not in use. The page shows them.",
		},
		{
			situation: "a WDS server is down", state: with(func(s *State) { s.Down = []string{"wds1"} }),
			want: "WDS         no answer from wds1",
		},
		{
			situation: "many are", state: with(func(s *State) { s.Down = strings.Split("abcdef", "") }),
			want: "WDS         no answer from a, b, c, d, 2 more",
		},
		{
			situation: "a name with an escape sequence",
			state:     with(func(s *State) { s.Down = []string{"\x1b[2Jw\n"} }),
			want:      "WDS         no answer from ?[2Jw?",
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got := Lines(tt.state, 0)
			if !slices.Contains(got, tt.want) || tt.not != "" && strings.Contains(strings.Join(got, "\n"), tt.not) {
				t.Errorf("got\n%s\nwant the line %q, and no %q", strings.Join(got, "\n"), tt.want, tt.not)
			}
		})
	}
}

// A screen has exactly its size, whatever there is to show.
func TestScreenFits(t *testing.T) {
	full := serving()
	full.Mistakes, full.Down = 12, []string{strings.Repeat("w", 200), "\x1b[31m", "дом", "wds4", "wds5"}
	log := slices.Repeat([]string{"level=WARN msg=\"a line\x1b[2J of the log\" why=" + strings.Repeat("x", 200)}, 40)
	for _, size := range []struct{ width, height int }{{80, 25}, {40, 25}, {240, 67}, {40, 10}, {20, 5}} {
		for _, s := range []State{{}, serving(), full} {
			got := screen(s, log, size.width, size.height)
			if len(got) != size.height {
				t.Errorf("%d lines on a screen of %d", len(got), size.height)
			}
			for _, l := range got {
				if len(l) > size.width || strings.IndexFunc(l, func(c rune) bool { return c < ' ' || c > '~' }) >= 0 {
					t.Errorf("%d columns: %q", size.width, l)
				}
			}
		}
	}
	if got := screen(serving(), []string{"old", "new"}, 80, 25); !slices.Contains(got, "old") ||
		!slices.Contains(got, "new") {
		t.Errorf("the log is not on the screen:\n%s", strings.Join(got, "\n"))
	}
}

func TestNarrowScreen(t *testing.T) {
	want := []string{
		"Serving machines that boot from the",
		"network.",
		"Address     192.168.77.1/24 on eth0",
		"Page        https://192.168.77.1 or",
		"            https://pxebox.local",
		"Certificate 3F:A1:00:11:22:33:44:55:66:",
		"            77:88:99:AA:BB:CC:DD:EE:FF:",
		"            00:11:22:33:44:55:66:77:88:",
		"            99:AA:BB:CC:DD",
		"DHCP mode   server: leases addresses",
	}
	if got := Lines(serving(), 40); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
