package lan

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience limits the wait for events that always happen; a passing test never
// waits that long.
const patience = 20 * time.Second

func newLAN(t *testing.T, capture io.Writer) *LAN {
	t.Helper()
	l, err := New(capture)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func newHost(t *testing.T, l *LAN, last byte) *Host {
	t.Helper()
	h, err := l.Host([6]byte{2, 0, 0, 0, 0, last}, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 77, last}), 24))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// guest acts as QEMU does towards the switch: a client of its Unix socket.
type guest struct {
	t             *testing.T
	conn          net.Conn
	advertisement []byte // the advertisement from the segment's router
}

func newGuest(t *testing.T, l *LAN) guest {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	if err := l.Listen(path); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	g := guest{t: t, conn: conn}
	g.send(routerSolicitation(t)) // an answer proves that the port is plugged in
	g.advertisement = g.wait("a router advertisement", func(f []byte) bool { return len(f) > 54 && f[54] == 134 })
	return g
}

func routerSolicitation(t *testing.T) []byte {
	t.Helper()
	frame, err := hex.DecodeString("333300000002" + "525400770010" + "86dd" +
		"6000000000083aff" + "fe80000000000000505400fffe770010" +
		"ff020000000000000000000000000002" + "85007d3800000000")
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func (g guest) send(frame []byte) {
	g.t.Helper()
	if err := writeFrame(g.conn, frame); err != nil {
		g.t.Fatal(err)
	}
}

// wait reads frames until want accepts one.
func (g guest) wait(what string, want func([]byte) bool) []byte {
	g.t.Helper()
	for {
		frame, err := readFrame(g.conn)
		if err != nil {
			g.t.Fatalf("waiting for %s: %v", what, err)
		}
		if want(frame) {
			return frame
		}
	}
}

func ethernetFrame(dst, src byte, payload string) []byte {
	f := append([]byte{2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 0x88, 0xb5}, payload...)
	if dst == 0xff {
		copy(f, "\xff\xff\xff\xff\xff\xff")
	}
	return f
}

func TestHostsExchangeDatagrams(t *testing.T) {
	var capture bytes.Buffer
	l := newLAN(t, &capture)
	a, b := newHost(t, l, 1), newHost(t, l, 2)
	server, err := a.ListenUDP(69)
	if err != nil {
		t.Fatal(err)
	}
	client, err := b.ListenUDP(0)
	if err != nil {
		t.Fatal(err)
	}
	server.SetDeadline(time.Now().Add(patience))
	client.SetDeadline(time.Now().Add(patience))

	if _, err := client.WriteTo([]byte("question"), &net.UDPAddr{IP: net.IPv4(192, 168, 77, 1), Port: 69}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, from, err := server.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "question" {
		t.Fatalf("server read %q, %v", buf[:n], err)
	}
	if _, err := server.WriteTo([]byte("answer"), from); err != nil {
		t.Fatal(err)
	}
	if n, _, err = client.ReadFrom(buf); err != nil || string(buf[:n]) != "answer" {
		t.Fatalf("client read %q, %v", buf[:n], err)
	}

	d, err := l.WaitUDP(deadline(t), func(d Datagram) bool { return d.Src.Port() == 69 })
	if err != nil {
		t.Fatal(err)
	}
	if string(d.Payload) != "answer" || d.Src.String() != "192.168.77.1:69" || d.SrcMAC != [6]byte{2, 0, 0, 0, 0, 1} {
		t.Errorf("recorded %v %q", d, d.Payload)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(capture.Bytes(), []byte("answer")) {
		t.Error("the capture lacks the answer")
	}
}

// A trunk carries frames to another segment and from there, and ends with the LAN.
func TestTrunk(t *testing.T) {
	l, other := newLAN(t, nil), newLAN(t, nil)
	ours, theirs := net.Pipe() // as with a TAP interface, a Write is a Read at the other end
	l.Trunk(ours)
	other.Trunk(theirs)
	near, far := newGuest(t, l), newGuest(t, other)
	far.send(ethernetFrame(0xff, 8, "from there"))
	near.wait("the broadcast", func(f []byte) bool { return bytes.Equal(f, ethernetFrame(0xff, 8, "from there")) })
	near.send(ethernetFrame(8, 9, "from here"))
	far.wait("the answer", func(f []byte) bool { return bytes.Equal(f, ethernetFrame(8, 9, "from here")) })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("after the LAN was closed, the device is still open: %v", err)
	}
}

// TestBlock drops the datagrams to one port. Those before it and after it, to
// another port, pass.
func TestBlock(t *testing.T) {
	l := newLAN(t, nil)
	server, client := newHost(t, l, 1), newHost(t, l, 2)
	conn, err := server.ListenUDP(70)
	if err != nil {
		t.Fatal(err)
	}
	blocked, err := server.ListenUDP(69)
	if err != nil {
		t.Fatal(err)
	}
	l.Block(func(d Datagram) bool { return d.Dst.Port() == 69 })
	from, err := client.ListenUDP(0)
	if err != nil {
		t.Fatal(err)
	}
	send := func(port int, text string) {
		t.Helper()
		if _, err := from.WriteTo([]byte(text), &net.UDPAddr{IP: server.Addr.AsSlice(), Port: port}); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(conn net.PacketConn, want string) {
		t.Helper()
		buf := make([]byte, 100)
		conn.SetReadDeadline(time.Now().Add(patience))
		n, _, err := conn.ReadFrom(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("received %q, %v; want %q", buf[:n], err, want)
		}
	}
	send(69, "blocked")
	send(70, "passes")
	receive(conn, "passes")
	l.Block(nil)
	send(69, "not blocked")
	receive(blocked, "not blocked") // frames keep their order
	if n := len(l.UDP()); n != 3 {
		t.Errorf("%d datagrams are recorded, want 3", n)
	}
}

func TestHostHearsAndSendsBroadcasts(t *testing.T) {
	l := newLAN(t, nil)
	a, b := newHost(t, l, 1), newHost(t, l, 2)
	server, err := a.ListenUDP(67)
	if err != nil {
		t.Fatal(err)
	}
	client, err := b.ListenUDP(68)
	if err != nil {
		t.Fatal(err)
	}
	server.SetDeadline(time.Now().Add(patience))
	client.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 100)
	if _, err := client.WriteTo([]byte("discover"), &net.UDPAddr{IP: net.IPv4bcast, Port: 67}); err != nil {
		t.Fatal(err)
	}
	if n, _, err := server.ReadFrom(buf); err != nil || string(buf[:n]) != "discover" {
		t.Fatalf("server read %q, %v", buf[:n], err)
	}
	if _, err := server.WriteTo([]byte("offer"), &net.UDPAddr{IP: net.IPv4bcast, Port: 68}); err != nil {
		t.Fatal(err)
	}
	if n, _, err := client.ReadFrom(buf); err != nil || string(buf[:n]) != "offer" {
		t.Fatalf("client read %q, %v", buf[:n], err)
	}
}

func TestHTTPBetweenHosts(t *testing.T) {
	l := newLAN(t, nil)
	a, b := newHost(t, l, 1), newHost(t, l, 2)
	ln, err := a.ListenTCP(80)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", 100_000))
	})}
	go server.Serve(ln)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: b.DialContext}, Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://192.168.77.1:80/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 100_000 {
		t.Errorf("read %d bytes, %v", len(body), err)
	}
}

func TestSwitchLearnsWhereAGuestIs(t *testing.T) {
	l := newLAN(t, nil)
	a, b, c := newGuest(t, l), newGuest(t, l), newGuest(t, l)
	has := func(s string) func([]byte) bool {
		return func(f []byte) bool { return strings.HasSuffix(string(f), s) }
	}
	a.send(ethernetFrame(0xff, 0xa, "I am a"))
	b.wait("a's broadcast", has("I am a"))
	c.wait("a's broadcast", has("I am a"))
	b.send(ethernetFrame(0xa, 0xb, "for a alone"))
	a.wait("b's frame", has("for a alone"))
	b.send(ethernetFrame(0xff, 0xb, "for all"))
	c.wait("b's broadcast", func(f []byte) bool {
		if has("for a alone")(f) {
			t.Error("the switch flooded a frame although it knew the port")
		}
		return has("for all")(f)
	})
}

// A trunk port has the segment's frames with a tag, and the segment none of the
// port's frames with another tag or without one.
func TestVLANPort(t *testing.T) {
	const vlan = 10
	l := newLAN(t, nil)
	plain := newGuest(t, l)
	path := filepath.Join(t.TempDir(), "s")
	if err := l.ListenTrunk(path, vlan); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	trunk := guest{t: t, conn: conn}
	for _, f := range [][]byte{
		ethernetFrame(0xff, 0xa, "without a tag"),
		addTag(ethernetFrame(0xff, 0xa, "VLAN 11"), 11),
		addTag(ethernetFrame(0xff, 0xa, "VLAN 10"), vlan),
	} {
		trunk.send(f)
	}
	want := ethernetFrame(0xff, 0xa, "VLAN 10")
	got := plain.wait("a frame of the trunk", func(f []byte) bool { return f[6+5] == 0xa })
	if !bytes.Equal(got, want) {
		t.Errorf("the segment got %q, want %q", got, want)
	}
	plain.send(ethernetFrame(0xa, 0xb, "an answer"))
	got = trunk.wait("the answer", func(f []byte) bool { return f[6+5] == 0xb })
	if want := "\x81\x00\x00\x0a\x88\xb5an answer"; string(got[12:]) != want {
		t.Errorf("the trunk got %q, want %q after the addresses", got[12:], want)
	}
}

func TestRouterSolicitationIsAnswered(t *testing.T) {
	l := newLAN(t, nil)
	ra := newGuest(t, l).advertisement
	if options := ra[min(len(ra), 70):]; len(options) != 0 {
		// An option of length 0 makes a receiver drop the whole packet (RFC
		// 4861 §4.6).
		t.Errorf("bytes after the advertisement: %x", options)
	}
	if lifetime := binary.BigEndian.Uint16(ra[60:]); lifetime != 0 {
		t.Errorf("router lifetime %d: the guest would take it for a default router", lifetime)
	}
	if flags := ra[59]; flags != 0 {
		t.Errorf("flags %#x: the guest would ask for DHCPv6", flags)
	}
	if hops := ra[21]; hops != 255 {
		t.Errorf("hop limit %d: receivers drop anything but 255 (RFC 4861 §6.1.2)", hops)
	}
}

func TestOversizedFrameEndsTheConnection(t *testing.T) {
	l := newLAN(t, nil)
	g := newGuest(t, l)
	if _, err := g.conn.Write([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	if _, err := readFrame(g.conn); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
}
