package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// answer returns what a name server sends back; nil means no answer.
type answer func(q dnsmessage.Question) *dnsmessage.Message

// nameServer answers on the loopback interface, and returns a dialer that
// replaces the servers in /etc/resolv.conf.
func nameServer(t *testing.T, say answer) dialer {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		for b := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return // the test is over
			}
			var q dnsmessage.Message
			if err := q.Unpack(b[:n]); err != nil || len(q.Questions) != 1 {
				t.Errorf("the server received %x: %v", b[:n], err)
				return
			}
			m := say(q.Questions[0])
			if m == nil {
				continue
			}
			m.ID, m.Response, m.RecursionAvailable, m.Questions = q.ID, true, true, q.Questions
			out, err := m.Pack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.WriteTo(out, from)
		}
	}()
	return dials(conn.LocalAddr().String())
}

func dials(server string) dialer {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}
}

// zone answers with the A records of names; other names do not exist. A name with
// an empty list exists without an address.
func zone(names map[string][]string) answer {
	return func(q dnsmessage.Question) *dnsmessage.Message {
		m := new(dnsmessage.Message)
		addrs, ok := names[strings.ToLower(q.Name.String())]
		if !ok {
			m.RCode = dnsmessage.RCodeNameError
		}
		for _, a := range addrs {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
			})
		}
		return m
	}
}

func TestLookup(t *testing.T) {
	dial := nameServer(t, zone(map[string][]string{
		"wds.example.org.": {"10.0.0.9"},
		"two.example.org.": {"10.0.0.9", "10.0.0.7"},
		"six.example.org.": nil,
	}))
	for _, tt := range []struct {
		situation, host string
		want            []string
		err             string
	}{
		{situation: "one address", host: "wds.example.org.", want: []string{"10.0.0.9"}},
		{situation: "other case", host: "WDS.example.org.", want: []string{"10.0.0.9"}},
		{situation: "two addresses", host: "two.example.org.", want: []string{"10.0.0.7", "10.0.0.9"}},
		{situation: "IPv6 only", host: "six.example.org.",
			err: "look up six.example.org.: no IPv4 address has this name"},
		{situation: "no such name", host: "none.example.org.",
			err: "look up none.example.org.: no IPv4 address has this name"},
		{situation: "an address", host: "10.0.0.1", want: []string{"10.0.0.1"}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			addrs, err := lookup(t.Context(), tt.host, dial)
			var got []string
			for _, a := range addrs {
				got = append(got, a.Unmap().String())
			}
			slices.Sort(got)
			if message(err) != tt.err || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v; want %v, %s", got, err, tt.want, tt.err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Each name server has a second, so the next query is answered within the
// caller's time.
func TestLookupWithAServerThatMissesAQuestion(t *testing.T) {
	var questions atomic.Int32
	here := zone(map[string][]string{"wds.example.org.": {"10.0.0.9"}})
	dial := nameServer(t, func(q dnsmessage.Question) *dnsmessage.Message {
		if questions.Add(1) == 1 {
			return nil
		}
		return here(q)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than Go's resolver waits for one answer
	defer cancel()
	if got, err := lookup(ctx, "wds.example.org.", dial); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

// The same failure always reads the same, whatever port the query came from.
func TestLookupFails(t *testing.T) {
	closed, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, tt := range []struct {
		situation string
		dial      dialer
		want      string // between the name of the server and the hint
	}{
		{situation: "nothing listens there", dial: dials(closed.LocalAddr().String()), want: ": connection refused"},
		{situation: "the server fails", want: ": server misbehaving",
			dial: nameServer(t, func(dnsmessage.Question) *dnsmessage.Message {
				return &dnsmessage.Message{Header: dnsmessage.Header{RCode: dnsmessage.RCodeServerFailure}}
			})},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			_, first := lookup(t.Context(), "wds.example.org.", tt.dial)
			_, second := lookup(t.Context(), "wds.example.org.", tt.dial)
			if !strings.Contains(message(first), "look up wds.example.org.: name server ") ||
				!strings.Contains(message(first), tt.want) || message(first) != message(second) {
				t.Errorf("first %v, then %v; want %q", first, second, tt.want)
			}
		})
	}
	t.Run("the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := lookup(ctx, "wds.example.org.",
			nameServer(t, func(dnsmessage.Question) *dnsmessage.Message { return nil }))
		if !strings.HasPrefix(message(err), "look up wds.example.org.: ") ||
			!strings.Contains(message(err), "timeout") {
			t.Errorf("got %v", err)
		}
	})
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		situation string
		err       error
		want      string
	}{
		{situation: "a refused question",
			err: &net.DNSError{Err: "read udp 10.0.0.1:40123->10.0.0.2:53: read: connection refused",
				Server: "10.0.0.2:53"},
			want: "look up wds: name server 10.0.0.2:53: connection refused"},
		{situation: "no name server in resolv.conf",
			err: &net.DNSError{Err: "read udp [::1]:40123->[::1]:53: read: connection refused", Server: "[::1]:53"},
			want: "look up wds: name server [::1]:53: connection refused; to use another name server, set dns in " +
				"[network]"},
		{situation: "no time left", err: &net.DNSError{Err: "i/o timeout", IsTimeout: true},
			want: "look up wds: i/o timeout"},
		{situation: "another error", err: errors.New("out of memory"), want: "look up wds: out of memory"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := explain("wds", tt.err); got.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", got, tt.want)
			}
		})
	}
}
