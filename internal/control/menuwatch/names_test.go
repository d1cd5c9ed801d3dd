package menuwatch

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const wdsByName = `
[[wds]]
name = "a"
server = "wds.example.org"
probe = "0s"
[[entry]]
name = "a"
wds = "a"
[[entry]]
name = "disk"
disk = true
`

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestNames(t *testing.T) {
	says := func(a ...string) answer { return answer{addrs: addrs(a...)} }
	fails := answer{err: errors.New("no such host")}
	for _, tt := range []struct {
		name    string
		answers []answer
		want    string        // in the menu
		again   time.Duration // from the last answer to the next query
	}{
		{name: "found", answers: []answer{says("10.0.0.9")}, want: `APPEND 10.0.0.9::boot\x64\wdsnbp.com -W`,
			again: lookupAgain},
		{name: "not found", answers: []answer{fails}, want: "MENU LABEL a (name not found)\n  TEXT HELP",
			again: lookupRetry},
		{name: "found later", answers: []answer{fails, fails, says("10.0.0.9")}, want: "APPEND 10.0.0.9::",
			again: lookupAgain},
		{name: "found, then the name server is down", answers: []answer{says("10.0.0.9"), fails},
			want: "APPEND 10.0.0.9::", again: lookupRetry},
		{name: "has moved", answers: []answer{says("10.0.0.9"), says("10.0.0.7")}, want: "APPEND 10.0.0.7::",
			again: lookupAgain},
		{name: "two addresses in turning order",
			answers: []answer{says("10.0.0.9", "10.0.0.7"), says("10.0.0.7", "10.0.0.9"), says("10.0.0.9", "10.0.0.7")},
			want:    "APPEND 10.0.0.7::", again: lookupAgain},
		{name: "a lower address comes up next to the one in use",
			answers: []answer{says("10.0.0.9"), says("10.0.0.7", "10.0.0.9")}, want: "APPEND 10.0.0.9::",
			again: lookupAgain},
		{name: "IPv6 only", answers: []answer{says("fd00::9")}, want: "(name not found)", again: lookupRetry},
		{name: "IPv4 written as IPv6", answers: []answer{says("::ffff:10.0.0.9")}, want: "APPEND 10.0.0.9::",
			again: lookupAgain},
		{name: "an address that leads nowhere", answers: []answer{says("0.0.0.0")},
			want: "MENU LABEL a (wrong address)", again: lookupRetry},
		{name: "the box itself", answers: []answer{says("192.168.77.1")}, want: "which is this box's own\n",
			again: lookupRetry},
		{name: "right, then wrong", answers: []answer{says("10.0.0.9"), says("127.0.0.1")}, want: "APPEND 10.0.0.9::",
			again: lookupRetry},
		{name: "wrong, then right", answers: []answer{says("127.0.0.1"), says("10.0.0.9")}, want: "APPEND 10.0.0.9::",
			again: lookupAgain},
		{name: "a wrong one among them", answers: []answer{says("0.0.0.0", "10.0.0.9")}, want: "APPEND 10.0.0.9::",
			again: lookupAgain},
		{name: "wrong, then not found", answers: []answer{says("127.0.0.1"), fails}, want: "(name not found)",
			again: lookupRetry},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := simulate(t, morning)
			m.Own = func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("192.168.77.1/24")} }
			var asked []time.Time
			m.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
				if host != "wds.example.org" {
					t.Errorf("asked for %q", host)
				}
				asked = append(asked, m.now)
				a := tt.answers[min(len(asked), len(tt.answers))-1]
				return a.addrs, a.err
			}
			m.configure(wdsByName)
			for len(asked) <= len(tt.answers) {
				m.run(time.Second)
			}
			m.run(apart)
			m.expect("in the end", tt.want)
			if again := asked[len(tt.answers)].Sub(asked[len(tt.answers)-1]); again != tt.again {
				t.Errorf("asked again after %v, want %v", again, tt.again)
			}
		})
	}
}

func TestFailingNameIsToldOnce(t *testing.T) {
	m := simulate(t, morning)
	m.configure(wdsByName)
	m.run(time.Minute)
	if n := m.told("boot server not found"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// The menu of a new configuration does not flash "not found", and a missing
// answer delays it only for a moment.
func TestSlowName(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration // the answer
		want  string        // the first menu
	}{
		{name: "soon enough", after: grace / 2, want: "APPEND 10.0.0.9::"},
		{name: "too late", after: grace, want: "(name not found)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := simulate(t, morning)
			m.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				return addrs("10.0.0.9"), nil
			}
			m.hold = true
			m.configure(wdsByName)
			// The boot files are known by now.
			lookup := m.held[:1]
			m.box.questions, m.hold = m.held[1:], false
			m.run(0)
			if m.menu() != "" {
				t.Error("published before the first answer")
			}
			m.run(tt.after)
			m.box.questions = lookup
			if tt.after < grace {
				m.run(0)
			}
			m.expect("the first menu", tt.want)
			m.run(apart + gather)
			m.expect("later", "APPEND 10.0.0.9::")
		})
	}
}

func TestAnswerForANameThatIsNoLongerThere(t *testing.T) {
	m := simulate(t, morning)
	m.hold = true
	m.configure(wdsByName)
	late := m.held
	m.hold = false
	m.configure(title("without"))
	m.box.questions = late
	m.run(time.Minute)
	if n := m.told("not found"); n > 0 || len(m.box.names) > 0 {
		t.Errorf("told %d times of a name that is gone; names are %v", n, m.box.names)
	}
	m.expect("afterwards", "MENU TITLE without")
}

// A person who fixes a name in the settings does not wait for the retry.
func TestChangedConfigurationAsksAtOnceForWhatWasNotFound(t *testing.T) {
	m := simulate(t, morning)
	asked := 0
	m.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		asked++
		return nil, errors.New("no such host")
	}
	m.configure(wdsByName)
	m.configure(wdsByName + "# saved again")
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// A wrong address in the file is refused like one from the name server.
func TestServerIsTheBoxItself(t *testing.T) {
	m := simulate(t, morning)
	m.Own = func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("192.168.77.9/24")} }
	m.configure(strings.Replace(wdsByName, "wds.example.org", "192.168.77.9", 1))
	m.run(time.Second)
	m.expect("with the address in the file", "a: 192.168.77.9 is this box's own address: ")
}
