//go:build peers

package peers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/test/dhcptest"
	"github.com/pxebox/pxebox/internal/test/tftpclient"
	"github.com/pxebox/pxebox/peers/proc"
)

// pagePassword is the password of the page in TestInventedMachines.
const pagePassword = "three-words-mine"

// TestInventedMachines lets a host invent a hundred thousand machines, each with
// its DISCOVER, while one machine boots and a person reads the page. What the box
// remembers of them is bounded; the machine boots, is shown, and the page says
// that it left others out.
func TestInventedMachines(t *testing.T) {
	const (
		machines, rate  = 100_000, 5000
		mostPxed        = 32 << 20 // bytes of memory above the idle level
		mostMenuwatch   = 64 << 20
		longest         = 30 * time.Second // for one answer, on a busy machine
		quietQuestions  = 50
		forgedNamesEach = 10 // every tenth machine also asks for a file
	)
	dir := t.TempDir()
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte(pagePassword), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys")
	s := newFileSiteWith(t, cable, dir, "[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nmode = \"proxy\"\n",
		"-page", netip.AddrPortFrom(boxAddr, 443).String(), "-password", file, "-keys", keys)
	m := s.newMachine("02:70:78:65:00:10")
	page := s.pageClient(filepath.Join(keys, "https.pem"))
	m.ask(longest) // the first answer starts things
	s.readPage(page, "", longest)

	idle := s.residents()
	quiet, quietPage := s.times(m, page, longest, func(n int) bool { return n < quietQuestions })

	ended := make(chan error, 1)
	go func() { ended <- s.invent(machines, rate, forgedNamesEach) }()
	var flood error
	during, duringPage := s.times(m, page, longest, func(int) bool {
		select {
		case flood = <-ended:
			return false
		default:
			return true
		}
	})
	s.must(flood)
	peak := s.peaks()
	t.Logf("pxed: %d KiB idle, %d at most; menuwatch: %d KiB idle, %d at most",
		idle[0]>>10, peak[0]>>10, idle[1]>>10, peak[1]>>10)
	t.Logf("a machine's answer: %v without, %v during it (median; %v at most, of %d)",
		median(quiet), median(during), slices.Max(during), len(during))
	t.Logf("the page's answer: %v without, %v during it (median; %v at most, of %d)",
		median(quietPage), median(duringPage), slices.Max(duringPage), len(duringPage))
	if peak[0] > idle[0]+mostPxed {
		t.Errorf("they grew pxed from %d to %d KiB", idle[0]>>10, peak[0]>>10)
	}
	if peak[1] > idle[1]+mostMenuwatch {
		t.Errorf("they grew menuwatch from %d to %d KiB", idle[1]>>10, peak[1]>>10)
	}

	m.boots()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("not shown"))
	defer cancel()
	for {
		// By its address: while the flood's machines fill the memory, the DHCP
		// answers of another are left out, and a whole file makes room for it.
		found := s.readPage(page, "?q="+netip.MustParsePrefix(clientAddr).Addr().String(), longest)
		if bytes.Contains(found, []byte("data-machine=")) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("the page does not show the machine that booted:\n%s", found)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if text := s.readPage(page, "", longest); !regexp.MustCompile(`data-(gone|leftout|lost)=`).Match(text) {
		t.Errorf("the page does not say that machines are left out:\n%s", text)
	}
}

// residents returns the memory of pxed and of menuwatch, in bytes.
func (s *fileSite) residents() [2]int64 { return s.memory(proc.Resident) }

// peaks returns the most memory that they have had.
func (s *fileSite) peaks() [2]int64 { return s.memory(proc.Peak) }

func (s *fileSite) memory(of func(pid int) (int64, error)) (sizes [2]int64) {
	s.t.Helper()
	for i, pid := range []int{s.box.PID(), s.box.MenuwatchPID()} {
		var err error
		sizes[i], err = of(pid)
		s.must(err)
	}
	return sizes
}

// times asks pxed and the page in turns while more returns true, and returns how
// long each answer took.
func (s *fileSite) times(
	m *fakeMachine, page *http.Client, longest time.Duration, more func(n int) bool,
) (machine, reader []time.Duration) {
	s.t.Helper()
	for n := 0; more(n); n++ {
		machine = append(machine, m.ask(longest))
		begun := time.Now()
		s.readPage(page, "", longest)
		reader = append(reader, time.Since(begun))
	}
	return machine, reader
}

func median(d []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(d))[len(d)/2].Round(10 * time.Microsecond)
}

// dhcpSocket opens a socket of the client for broadcasts from port 68.
func (s *fileSite) dhcpSocket() *net.UDPConn {
	s.t.Helper()
	var conn *net.UDPConn
	s.must(s.client.Do(func() error {
		c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
			var err error
			control := raw.Control(func(fd uintptr) {
				err = errors.Join(
					unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
					unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
					unix.BindToDevice(int(fd), link))
			})
			return errors.Join(control, err)
		}}
		p, err := c.ListenPacket(s.t.Context(), "udp4", ":68")
		if err == nil {
			conn = p.(*net.UDPConn)
		}
		return err
	}))
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

var toServers = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), dhcpv4.ServerPort)

// invent sends a DISCOVER from each of many machines, at a steady rate. Every
// nth also asks for a file that does not exist, from an address of the crowd.
func (s *fileSite) invent(machines, rate, nth int) error {
	conn := s.dhcpSocket()
	var raw int
	err := s.client.Do(func() (err error) {
		raw, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		return fmt.Errorf("raw socket: %w", err)
	}
	defer unix.Close(raw)
	random := rand.New(rand.NewPCG(7, 7))
	begun, tick := time.Now(), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; n < machines; {
		<-tick.C
		for due := min(machines, int(time.Since(begun).Seconds()*float64(rate))); n < due; n++ {
			mac := net.HardwareAddr{0x02, byte(random.Uint32()), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
			q := dhcptest.PXE(mac, iana.EFI_X86_64, dhcpv4.MessageTypeDiscover,
				dhcpv4.OptHostName(fmt.Sprintf("<script>alert(%d)</script>", n)))
			q.TransactionID = dhcpv4.TransactionID{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
			_, err := conn.WriteToUDPAddrPort(q.ToBytes(), toServers)
			if err != nil && !errors.Is(err, unix.ENOBUFS) {
				return err
			}
			if n%nth != 0 {
				continue
			}
			from := crowd.Addr().As4()
			from[3] += byte(1 + random.IntN(125))
			read := fmt.Appendf(nil, "\x00\x01<img src=x onerror=alert(%d)>\x00octet\x00", n)
			packet := datagram(netip.AddrFrom4(from), 1024+uint16(n%60000), read)
			err = unix.Sendto(raw, packet, 0, &unix.SockaddrInet4{Addr: boxAddr.As4()})
			if err != nil && err != unix.ENOBUFS && err != unix.EAGAIN {
				return os.NewSyscallError("sendto", err)
			}
		}
	}
	return nil
}

// fakeMachine is a machine that waits for its answers.
type fakeMachine struct {
	s     *fileSite
	mac   net.HardwareAddr // when it boots
	conn  *net.UDPConn
	asked uint32 // how many times
}

func (s *fileSite) newMachine(mac string) *fakeMachine {
	s.t.Helper()
	hw, err := net.ParseMAC(mac)
	s.must(err)
	return &fakeMachine{s: s, mac: hw, conn: s.dhcpSocket()}
}

// ask sends a DISCOVER, again after each second of silence, and returns how long
// the offer took. Each is that of another machine, because the box limits its
// answers to each.
func (m *fakeMachine) ask(longest time.Duration) time.Duration {
	m.s.t.Helper()
	mac := slices.Clone(m.mac)
	m.asked++
	binary.BigEndian.PutUint32(mac[2:], m.asked)
	q := dhcptest.PXE(mac, iana.INTEL_X86PC, dhcpv4.MessageTypeDiscover)
	begun := time.Now()
	for time.Since(begun) < longest {
		q.TransactionID = dhcpv4.TransactionID{0xff, byte(rand.Uint32()), byte(rand.Uint32()), byte(rand.Uint32())}
		_, err := m.conn.WriteToUDPAddrPort(q.ToBytes(), toServers)
		m.s.must(err)
		if m.offered(q.TransactionID, time.Now().Add(time.Second)) {
			return time.Since(begun)
		}
	}
	m.s.t.Fatalf("the box does not answer within %v", longest)
	return 0
}

// offered waits for the offer to a DISCOVER.
func (m *fakeMachine) offered(id dhcpv4.TransactionID, until time.Time) bool {
	buf := make([]byte, 1500)
	for {
		m.conn.SetReadDeadline(until)
		n, err := m.conn.Read(buf)
		if err != nil {
			return false
		}
		// Answers to the invented machines arrive here too.
		if n < 240 || !bytes.Equal(buf[4:8], id[:]) {
			continue
		}
		a, err := dhcpv4.FromBytes(buf[:n])
		if err == nil && a.MessageType() == dhcpv4.MessageTypeOffer && a.TransactionID == id {
			return true
		}
	}
}

// boots asks on port 4011, and loads its boot program.
func (m *fakeMachine) boots() {
	s := m.s
	s.t.Helper()
	q := dhcptest.PXE(m.mac, iana.INTEL_X86PC, dhcpv4.MessageTypeRequest)
	q.ClientIPAddr = netip.MustParsePrefix(clientAddr).Addr().AsSlice()
	asks := s.clientSocket()
	_, err := asks.WriteToUDPAddrPort(q.ToBytes(), netip.AddrPortFrom(boxAddr, 4011))
	s.must(err)
	asks.SetReadDeadline(time.Now().Add(patience))
	_, err = asks.Read(make([]byte, 1500))
	s.must(err)
	b, err := tftpclient.Fetch(s.clientSocket(), net.UDPAddrFromAddrPort(tftpPort), "pxelinux.0", tftpclient.Options{},
		tftpclient.Retry{After: time.Second, Tries: 10})
	if err != nil || len(b) == 0 {
		s.t.Fatalf("pxelinux.0: %d bytes, %v", len(b), err)
	}
}

// clientSocket opens a UDP socket with the client's address.
func (s *fileSite) clientSocket() *net.UDPConn {
	s.t.Helper()
	var conn *net.UDPConn
	s.must(s.client.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: netip.MustParsePrefix(clientAddr).Addr().AsSlice()})
		return err
	}))
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// pageClient returns a client of the page for the client's host. It waits until
// menuwatch has made its certificate.
func (s *fileSite) pageClient(certificate string) *http.Client {
	s.t.Helper()
	pool := x509.NewCertPool()
	for until := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		b, err := os.ReadFile(certificate)
		if err == nil && pool.AppendCertsFromPEM(b) {
			break
		}
		if time.Now().After(until) {
			s.t.Fatalf("the page has no certificate: %v", err)
		}
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			err = s.client.Do(func() error {
				conn, err = new(net.Dialer).DialContext(ctx, network, address)
				return err
			})
			return conn, err
		},
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "pxebox"},
	}}
}

// readPage reads the list of machines.
func (s *fileSite) readPage(client *http.Client, query string, longest time.Duration) []byte {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), longest)
	defer cancel()
	var err error
	for {
		var b []byte
		if b, err = getPage(ctx, client, "https://"+boxAddr.String()+"/"+query); err == nil {
			return b
		}
		if ctx.Err() != nil || !errors.Is(err, syscall.ECONNREFUSED) { // not yet open
			s.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func getPage(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth("gokrazy", pagePassword)
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%s", url, resp.Status, b)
	}
	return b, err
}
