package tftp

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/test/tftpclient"
)

// sparseFile is a file of a disk.
type sparseFile struct {
	*os.File
	size int64
}

func (f sparseFile) Size() int64 { return f.size }

// A boot.wim has more than 65,535 of the blocks of Windows' boot manager, which asks
// for blocks of 1456 bytes in windows of 4. The numbers go on from 0.
func TestFileOfMoreBlocksThanNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("it transfers 95 MB")
	}
	const blockSize = 1456
	const size = blockSize*(1<<16+5) + 7
	name := filepath.Join(t.TempDir(), "boot.wim")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	marks := map[int64]string{0: "first", blockSize*(1<<16) - 3: "across", size - 4: "last"}
	for at, text := range marks {
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	addr := serveAs(t, &Server{
		Open: func(netip.AddrPort, string) (File, error) {
			again, err := os.Open(name)
			return sparseFile{again, size}, err
		},
		Allow: everybody,
	})
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b, err := tftpclient.Fetch(conn, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)), `\sources\boot.wim`,
		tftpclient.Options{BlockSize: blockSize, Window: 4},
		tftpclient.Retry{After: time.Second, Tries: 30})
	if err != nil || len(b) != size {
		t.Fatalf("%d of %d bytes, %v", len(b), size, err)
	}
	for at, text := range marks {
		if got := string(b[at : at+int64(len(text))]); got != text {
			t.Errorf("at %d is %q, want %q", at, got, text)
		}
	}
}
