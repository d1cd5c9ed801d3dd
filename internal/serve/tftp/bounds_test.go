package tftp

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
)

// A change of Bounds takes effect with the next request.
func TestBounds(t *testing.T) {
	block, window := 1468, 64
	s := &Server{
		Open:   func(netip.AddrPort, string) (File, error) { return memFile{bytes.NewReader(nil)}, nil },
		Allow:  func(netip.Addr) bool { return true },
		Bounds: func() (int, int) { return block, window },
		Log:    slog.New(slog.DiscardHandler),
	}
	ask := func(request string) (int, int) {
		t.Helper()
		a, ok := s.arrival(netip.MustParseAddrPort("192.168.77.100:2070"), netip.MustParseAddr("192.168.77.1"),
			[]byte(request))
		if !ok {
			t.Fatal("not answered")
		}
		return a.BlockSize, a.Window
	}
	const large = "\x00\x01linux\x00octet\x00blksize\x008192\x00windowsize\x00128\x00"
	if b, w := ask(large); b != 1468 || w != 64 {
		t.Errorf("blocks of %d, windows of %d", b, w)
	}
	if b, w := ask("\x00\x01linux\x00octet\x00"); b != 0 || w != 0 {
		t.Errorf("who asked for nothing gets blocks of %d, windows of %d", b, w)
	}
	block, window = 65464, 256
	if b, w := ask(large); b != 8192 || w != 128 {
		t.Errorf("lifted: blocks of %d, windows of %d", b, w)
	}
}
