package lab

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/wds"
)

// The observer reads files over the virtual network.
func TestRead(t *testing.T) {
	l, err := lan.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host := func(last byte) *lan.Host {
		h, err := l.Host([6]byte{2, 0, 0, 0, 0, last},
			netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 77, last}), 24))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	server := host(1)
	content := bytes.Repeat([]byte("three blocks "), 100)
	s, err := wds.Start(wds.Config{
		Addr: server.Addr, Listen: server.ListenUDP, TFTPOnly: true,
		Files: map[string][]byte{`boot\f`: content}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	site := &Lab{Observer: host(2)}
	if got, err := site.Read(server.Addr, `boot\f`); err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	var refusal *Refusal
	if _, err := site.Read(server.Addr, `boot\none`); !errors.As(err, &refusal) || refusal.Code != 1 {
		t.Errorf("a file that is not there: %v", err)
	}
	// A host that does not answer: one request, then the end.
	if got, err := site.read(netip.MustParseAddr("192.168.77.9"), `boot\f`, 1); err == nil {
		t.Errorf("no host: got %q", got)
	}
}
