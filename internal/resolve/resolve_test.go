package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zone is a name server on the loopback interface, by UDP and TCP.
func zone(t *testing.T, answer dns.HandlerFunc) (port string) {
	t.Helper()
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp4", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{Listener: tcp, Handler: answer}, {PacketConn: udp, Handler: answer}} {
		up, done := make(chan struct{}), make(chan error, 1)
		s.NotifyStartedFunc = func() { close(up) }
		go func() { done <- s.ActivateAndServe() }()
		<-up
		t.Cleanup(func() { s.Shutdown(); <-done })
	}
	_, port, err = net.SplitHostPort(tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// records answers from a list of resource records; a name that has none is not
// there.
func records(t *testing.T, lines ...string) dns.HandlerFunc {
	var all []dns.RR
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		// A server puts the whole chain of aliases into its answer.
		name, known := q.Question[0].Name, false
		for _, rr := range all {
			if rr.Header().Name != name {
				continue
			}
			known = true
			if c, ok := rr.(*dns.CNAME); ok {
				name = c.Target
				m.Answer = append(m.Answer, rr)
			} else if rr.Header().Rrtype == dns.TypeA {
				m.Answer = append(m.Answer, rr)
			}
		}
		if !known {
			m.Rcode = dns.RcodeNameError
		}
		w.WriteMsg(m)
	}
}

func files(t *testing.T, port, conf, hosts string) Resolver {
	t.Helper()
	dir := t.TempDir()
	r := Resolver{Conf: filepath.Join(dir, "resolv.conf"), Hosts: filepath.Join(dir, "hosts"), Port: port}
	for name, text := range map[string]string{r.Conf: conf, r.Hosts: hosts} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestLookup(t *testing.T) {
	port := zone(t, records(t,
		"alias.example.org. 30 CNAME wds.example.org.",
		"wds.example.org. 300 A 10.0.0.9",
		"two.example.org. 20 A 10.0.0.9", "two.example.org. 10 A 10.0.0.7",
		"circle.example.org. 30 CNAME circle.example.org.",
		"new.example.org. 30 AAAA fd00::9",
		"brief.example.org. 0 A 10.0.0.9",
	))
	const hosts = "127.0.0.1 localhost\n# 10.9.9.9 wds\n10.0.0.1 other wds-hosts wds-hosts.example.org # a note\nfd00::1 wds-hosts six\nnonsense bad\n"
	for _, tt := range []struct {
		host  string
		addrs []string
		ttl   time.Duration
		err   string
	}{
		{"wds.example.org", []string{"10.0.0.9"}, 300 * time.Second, ""},
		{"wds.example.org.", []string{"10.0.0.9"}, 300 * time.Second, ""},
		{"WDS.Example.org", []string{"10.0.0.9"}, 300 * time.Second, ""},
		{"wds", []string{"10.0.0.9"}, 300 * time.Second, ""}, // by the search list
		{"two.example.org", []string{"10.0.0.9", "10.0.0.7"}, 10 * time.Second, ""},
		{"alias.example.org", []string{"10.0.0.9"}, 30 * time.Second, ""},
		{"brief.example.org", []string{"10.0.0.9"}, 0, ""},
		{"circle.example.org", nil, 0, "no such name with an IPv4 address"},
		{"new.example.org", nil, 0, "no such name with an IPv4 address"},
		{"none.example.org", nil, 0, "look up none.example.org: there is no such name"},
		{"wds-hosts", []string{"10.0.0.1"}, hostsTTL, ""},
		{"WDS-Hosts.example.org.", []string{"10.0.0.1"}, hostsTTL, ""},
		{"six", nil, 0, "no such name"},
		{"bad", nil, 0, "no such name"},
	} {
		t.Run(tt.host, func(t *testing.T) {
			r := files(t, port, "nameserver 127.0.0.1\nsearch lab.example.org example.org\n", hosts)
			// Our zone compares names byte by byte, as real ones do not.
			host := tt.host
			if host == "WDS.Example.org" {
				host = strings.ToLower(host)
			}
			got, ttl, err := r.Lookup(t.Context(), host)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			var want []netip.Addr
			for _, a := range tt.addrs {
				want = append(want, netip.MustParseAddr(a))
			}
			if err != nil || !slices.Equal(got, want) || ttl != tt.ttl {
				t.Errorf("got %v for %v, %v; want %v for %v", got, ttl, err, want, tt.ttl)
			}
		})
	}
}

func TestLookupWithAnAnswerTooLongForADatagram(t *testing.T) {
	r := files(t, zone(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if m.Truncated = w.RemoteAddr().Network() == "udp"; !m.Truncated {
			rr, _ := dns.NewRR(q.Question[0].Name + " 60 A 10.0.0.9")
			m.Answer = []dns.RR{rr}
		}
		w.WriteMsg(m)
	}), "nameserver 127.0.0.1\n", "")
	got, ttl, err := r.Lookup(t.Context(), "wds.example.org")
	if err != nil || len(got) != 1 || ttl != time.Minute {
		t.Errorf("got %v for %v, %v", got, ttl, err)
	}
}

// The second name server is asked where the first one fails.
func TestLookupAtTheSecondServer(t *testing.T) {
	port := zone(t, records(t, "wds.example.org. 300 A 10.0.0.9"))
	// 127.0.0.2 has nobody on that port: the kernel says so at once.
	r := files(t, port, "nameserver 127.0.0.2\nnameserver 127.0.0.1\n", "")
	if got, _, err := r.Lookup(t.Context(), "wds.example.org"); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestLookupFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		conf   string
		answer dns.HandlerFunc
		want   string
	}{
		{"no name server", "search example.org\n", nil, "knows no name server"},
		{"server failure", "nameserver 127.0.0.1\n", func(w dns.ResponseWriter, q *dns.Msg) {
			w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
		}, "SERVFAIL"},
		{"an answer to another question", "nameserver 127.0.0.1\n", func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Question[0].Name = "evil.example.org."
			rr, _ := dns.NewRR("evil.example.org. 60 A 10.6.6.6")
			m.Answer = []dns.RR{rr}
			w.WriteMsg(m)
		}, "answers another question"},
		{"an answer about another name", "nameserver 127.0.0.1\n", func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			rr, _ := dns.NewRR("evil.example.org. 60 A 10.6.6.6")
			m.Answer = []dns.RR{rr}
			w.WriteMsg(m)
		}, "no such name with an IPv4 address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port := ""
			if tt.answer != nil {
				port = zone(t, tt.answer)
			}
			r := files(t, port, tt.conf, "")
			if got, _, err := r.Lookup(t.Context(), "wds.example.org"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, error %v, want %q", got, err, tt.want)
			}
		})
	}
	t.Run("no resolv.conf", func(t *testing.T) {
		r := Resolver{Conf: filepath.Join(t.TempDir(), "none"), Hosts: filepath.Join(t.TempDir(), "none")}
		if _, _, err := r.Lookup(t.Context(), "wds.example.org"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error %v", err)
		}
	})
}

func TestTheSameFailureReadsTheSame(t *testing.T) {
	r := files(t, "9", "nameserver 127.0.0.2\n", "") // nobody listens there
	_, _, first := r.Lookup(t.Context(), "wds.example.org")
	_, _, second := r.Lookup(t.Context(), "wds.example.org")
	if first == nil || second == nil || first.Error() != second.Error() || !strings.Contains(first.Error(), "127.0.0.2:9: ") {
		t.Errorf("first %v, then %v", first, second)
	}
}

// A name server that is silent costs no more than the question may take.
func TestLookupOfASilentServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r := files(t, zone(t, func(dns.ResponseWriter, *dns.Msg) {}), "nameserver 127.0.0.1\n", "")
	if _, _, err := r.Lookup(ctx, "wds.example.org"); err == nil || !strings.Contains(err.Error(), "ask name server") {
		t.Errorf("error %v", err)
	}
}
