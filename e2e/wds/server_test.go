package wds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/pin/tftp/v3"
)

// patience limits the wait for datagrams that always come.
const patience = 20 * time.Second

// loopback runs a server on free ports of the loopback interface.
func loopback(t *testing.T, files map[string][]byte, change ...func(*Config)) (*Server, map[uint16]*net.UDPAddr) {
	t.Helper()
	addrs := make(map[uint16]*net.UDPAddr)
	c := Config{
		Addr: serverAddr,
		Listen: func(port uint16) (net.PacketConn, error) {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err == nil && port != 0 {
				addrs[port] = conn.LocalAddr().(*net.UDPAddr)
			}
			return conn, err
		},
		Files: files,
		Log:   slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, addrs
}

// fetch reads a file with a third-party TFTP client.
func fetch(addr *net.UDPAddr, name string, blockSize int) ([]byte, error) {
	c, err := tftp.NewClient(addr.String())
	if err != nil {
		return nil, err
	}
	c.RequestTSize(true)
	if blockSize != 0 {
		c.SetBlockSize(blockSize)
	}
	w, err := c.Receive(name, "octet")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = w.WriteTo(&b)
	return b.Bytes(), err
}

// expect reads a file, and checks its content, or the text of the expected
// error.
func expect(t *testing.T, addr *net.UDPAddr, name string, content []byte, refusal string) {
	t.Helper()
	got, err := fetch(addr, name, 0)
	switch {
	case refusal != "":
		if err == nil || !strings.Contains(err.Error(), refusal) {
			t.Errorf("got %q, %v; want %q", got, err, refusal)
		}
	case err != nil || !bytes.Equal(got, content):
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTFTPNames(t *testing.T) {
	content := []byte("content")
	s, addrs := loopback(t, map[string][]byte{`boot\x64\wdsnbp.com`: content, `tmp\x.bcd`: content, `other\x`: content})
	for _, test := range []struct {
		situation, name, err string
	}{
		{situation: "as the recipe has it", name: `boot\x64\wdsnbp.com`},
		{situation: "leading backslash", name: `\boot\x64\wdsnbp.com`},
		{situation: "other case", name: `Boot\X64\WDSNBP.COM`},
		{situation: "tmp", name: `\Tmp\x.bcd`},
		{situation: "forward slashes", name: `boot/x64/wdsnbp.com`, err: "Access violation"},
		{situation: "one forward slash", name: `boot\x64/wdsnbp.com`, err: "Access violation"},
		{situation: "leading forward slash", name: `/boot\x64\wdsnbp.com`, err: "Access violation"},
		{situation: "a file outside the filter", name: `other\x`, err: "Access violation"},
		{situation: "no directory", name: `wdsnbp.com`, err: "Access violation"},
		{situation: "no such file", name: `boot\x64\none`, err: "File not found"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			expect(t, addrs[PortTFTP], test.name, content, test.err)
			if reads := s.Reads(); reads[len(reads)-1].Name != test.name {
				t.Errorf("recorded %q", reads[len(reads)-1].Name)
			}
		})
	}
}

func TestSetReadFilter(t *testing.T) {
	content := []byte("content")
	s, addrs := loopback(t, map[string][]byte{FileEFIFirst: content})
	for _, test := range []struct {
		situation string
		filter    []string
		err       string
	}{
		{situation: "as a new server has it"},
		{situation: "the boot programs left out", filter: []string{`\tmp\`}, err: "Access violation"},
		{situation: "fixed", filter: []string{`\tmp\`, `Boot\`}},
		{situation: "set back"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			s.SetReadFilter(test.filter...)
			expect(t, addrs[PortTFTP], FileEFIFirst, content, test.err)
		})
	}
}

// A server of 2023 serves one more folder, and is otherwise the same.
func TestHas2023(t *testing.T) {
	files := map[string][]byte{FileEFIFirst: []byte("2011"), FileEFI2023: []byte("2023")}
	_, addrs := loopback(t, files)
	expect(t, addrs[PortTFTP], FileEFI2023, nil, "Access violation")
	s, addrs := loopback(t, files, func(c *Config) { c.Has2023 = true })
	expect(t, addrs[PortTFTP], FileEFI2023, []byte("2023"), "")
	expect(t, addrs[PortTFTP], FileEFIFirst, []byte("2011"), "")
	s.SetReadFilter(`boot\`)
	expect(t, addrs[PortTFTP], FileEFI2023, nil, "Access violation")
	s.SetReadFilter()
	expect(t, addrs[PortTFTP], FileEFI2023, []byte("2023"), "")
}

func TestSetFile(t *testing.T) {
	s, addrs := loopback(t, map[string][]byte{FileEFIFirst: []byte("first")})
	s.SetFile(`\BOOT\X64\wdsmgfw.efi`, []byte("second"))
	if got, err := fetch(addrs[PortTFTP], FileEFIFirst, 0); err != nil || string(got) != "second" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTFTPSizes(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 1456, 100_000} {
		for _, block := range []int{0, 512, 1456} {
			t.Run(fmt.Sprintf("%d bytes in blocks of %d", size, block), func(t *testing.T) {
				content := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
				_, addrs := loopback(t, map[string][]byte{`boot\f`: content})
				got, err := fetch(addrs[PortTFTP], `boot\f`, block)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("got %d bytes, %v", len(got), err)
				}
			})
		}
	}
}

func TestTFTPManyClients(t *testing.T) {
	content := bytes.Repeat([]byte("x"), 50_000)
	_, addrs := loopback(t, map[string][]byte{`boot\f`: content})
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			got, err := fetch(addrs[PortTFTP], `boot\f`, 1456)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
	clients.Wait()
}

// TestTFTPOptionAcknowledgement checks the bytes of an OACK: PXELINUX refuses
// one with an option that it did not request.
func TestTFTPOptionAcknowledgement(t *testing.T) {
	_, addrs := loopback(t, map[string][]byte{`boot\f`: make([]byte, 700)})
	for _, test := range []struct{ situation, options, want string }{
		{situation: "size and block size", options: "tsize\x000\x00blksize\x001456\x00",
			want: "\x00\x06tsize\x00700\x00blksize\x001456\x00"},
		{situation: "upper case", options: "BLKSIZE\x001024\x00", want: "\x00\x06BLKSIZE\x001024\x00"},
		{situation: "block size beyond RFC 2348", options: "blksize\x0070000\x00",
			want: "\x00\x06blksize\x0065464\x00"},
		{situation: "time-out", options: "timeout\x003\x00", want: "\x00\x06timeout\x003\x00"},
		{situation: "an unknown one next to a known one", options: "msftwindow\x0031416\x00tsize\x000\x00",
			want: "\x00\x06tsize\x00700\x00"},
		{situation: "unknown ones only", options: "windowsize\x004\x00",
			want: "\x00\x03\x00\x01" + strings.Repeat("\x00", 512)},
		{situation: "senseless values only", options: "blksize\x007\x00timeout\x000\x00",
			want: "\x00\x03\x00\x01" + strings.Repeat("\x00", 512)},
		{situation: "none", want: "\x00\x03\x00\x01" + strings.Repeat("\x00", 512)},
	} {
		t.Run(test.situation, func(t *testing.T) {
			got := exchangeOnce(t, addrs[PortTFTP], []byte("\x00\x01boot\\f\x00octet\x00"+test.options))
			if string(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTFTPRefusesWhatIsNoReadRequest(t *testing.T) {
	_, addrs := loopback(t, nil)
	for situation, packet := range map[string]string{
		"write request": "\x00\x02boot\\f\x00octet\x00",
		"no last NUL":   "\x00\x01boot\\f\x00octet",
		"no mode":       "\x00\x01boot\\f\x00",
		"no name":       "\x00\x01\x00octet\x00",
		"mail":          "\x00\x01boot\\f\x00mail\x00",
		"one byte":      "\x00",
	} {
		t.Run(situation, func(t *testing.T) {
			if got := exchangeOnce(t, addrs[PortTFTP], []byte(packet)); !strings.HasPrefix(string(got),
				"\x00\x05\x00\x04") {
				t.Errorf("got %q, want error 4", got)
			}
		})
	}
}

// exchangeOnce sends a datagram and returns the first answer.
func exchangeOnce(t *testing.T, to *net.UDPAddr, packet []byte) []byte {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.WriteTo(packet, to); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 70_000)
	n, from, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	conn.WriteTo(errorPacket(0, "enough"), from) // so that the server need not wait
	return buf[:n]
}

func TestBINLOverTheWire(t *testing.T) {
	s, addrs := loopback(t, nil)
	request := ask(t, opt(93, "0000"), opt(250, "010200060d0208000e0100ff"))
	answer, err := dhcpv4.FromBytes(exchangeOnce(t, addrs[PortBINL], request.ToBytes()))
	if err != nil {
		t.Fatal(err)
	}
	if answer.BootFileName != FileBIOSNext {
		t.Errorf("file %q", answer.BootFileName)
	}
	queries := s.Queries()
	if len(queries) == 0 || len(queries[0].Control) != 3 || queries[0].Request.TransactionID != request.TransactionID {
		t.Errorf("recorded %+v", queries)
	}
}

func TestServiceStoppedAndStarted(t *testing.T) {
	s, addrs := loopback(t, map[string][]byte{`boot\f`: []byte("content")})
	if _, err := fetch(addrs[PortTFTP], `boot\f`, 0); err != nil {
		t.Fatal(err)
	}
	s.Close()
	conn, err := net.DialUDP("udp4", nil, addrs[PortTFTP])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, "\x00\x01boot\\f\x00octet\x00")
	if _, err := conn.Read(make([]byte, 100)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a stopped service: %v", err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if got, err := fetch(addrs[PortTFTP], `boot\f`, 0); err != nil || string(got) != "content" {
		t.Errorf("started again it serves %q, %v", got, err)
	}
	request := ask(t, opt(93, "0007"))
	if answer, err := dhcpv4.FromBytes(exchangeOnce(t, addrs[PortBINL], request.ToBytes())); err != nil ||
		answer.BootFileName != FileEFIFirst {
		t.Errorf("started again it answers %v, %v", answer, err)
	}
	if reads := s.Reads(); len(reads) != 2 {
		t.Errorf("it remembers %v", reads)
	}
}

func TestTFTPOnly(t *testing.T) {
	var ports []uint16
	s, err := Start(Config{
		Addr: serverAddr,
		Listen: func(port uint16) (net.PacketConn, error) {
			ports = append(ports, port)
			return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		},
		TFTPOnly: true,
		Log:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if !slices.Equal(ports, []uint16{PortTFTP}) {
		t.Errorf("it listens on %v", ports)
	}
}

func TestCloseEndsTransfers(t *testing.T) {
	s, addrs := loopback(t, map[string][]byte{`boot\f`: make([]byte, 5000)})
	conn, err := net.DialUDP("udp4", nil, addrs[PortTFTP])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "\x00\x01boot\\f\x00octet\x00")
	s.Close() // returns although the client never acknowledges
	if err := s.spawn(0, func(net.PacketConn) {}); err != net.ErrClosed {
		t.Errorf("a closed server opens a port: %v", err)
	}
}
