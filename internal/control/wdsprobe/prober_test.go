package wdsprobe_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	pin "github.com/pin/tftp/v3"

	"github.com/pxebox/pxebox/config"
	standin "github.com/pxebox/pxebox/e2e/wds"
	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/control/wdsprobe"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

var (
	localhost = netip.MustParseAddr("127.0.0.1")
	quiet     = slog.New(slog.DiscardHandler)

	// brief is for servers that never answer; patient is for those that do.
	brief   = []time.Duration{time.Millisecond, time.Millisecond}
	patient = []time.Duration{20 * time.Second}
)

const nbp, mgfw = `boot\x64\wdsnbp.com`, `boot\x64\wdsmgfw.efi`

// listen opens a UDP port on the loopback interface.
func listen(t *testing.T) (*net.UDPConn, uint16) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// ask asks for one program, for BIOS.
func ask(t *testing.T, p *wdsprobe.Prober, name string, service bool) bootmenu.Health {
	t.Helper()
	got, err := p.Ask(t.Context(), localhost,
		config.WDS{Programs: map[firmware.Kind]string{"bios": name, "uefi-arm64": ""}, Probe4011: service})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Programs) != 1 {
		t.Fatalf("got %v, want the program for bios alone", got)
	}
	return got.Programs["bios"]
}

func expect(t *testing.T, got bootmenu.Health, state bootmenu.State, note string) {
	t.Helper()
	if got.State != state || !strings.Contains(got.Note, note) || (got.Note == "") != (note == "") {
		t.Errorf("state %d, note %q; want %d, with %q", got.State, got.Note, state, note)
	}
}

// start runs a simulated WDS server, and returns it with a Prober for its ports.
func start(t *testing.T, files ...string) (*standin.Server, *wdsprobe.Prober) {
	t.Helper()
	p := &wdsprobe.Prober{Waits: patient}
	content := map[string][]byte{}
	for _, f := range files {
		content[f] = []byte("MZ")
	}
	s, err := standin.Start(standin.Config{
		Addr: localhost,
		Listen: func(port uint16) (net.PacketConn, error) {
			conn, n := listen(t)
			switch port {
			case standin.PortTFTP:
				p.TFTP = n
			case standin.PortBINL:
				p.Boot = n
			}
			return conn, nil
		},
		Files: content,
		Log:   quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, p
}

func TestAskWDS(t *testing.T) {
	for _, tt := range []struct {
		name, program string
		service       bool
		state         bootmenu.State
		note          string
		reads         int
	}{
		{name: "has the program", program: nbp, state: bootmenu.Up, reads: 1},
		{name: "has no boot image", program: mgfw, state: bootmenu.Refused, note: "file not found; ", reads: 2},
		{name: "refuses the folder", program: `x64\wdsnbp.com`, state: bootmenu.Refused, note: "ReadFilter", reads: 2},
		{name: "named with forward slashes", program: "boot/x64/wdsnbp.com", state: bootmenu.Refused,
			note: `only serves it as boot\x64\wdsnbp.com`, reads: 2},
		{name: "its boot service answers as well", program: nbp, service: true, state: bootmenu.Up, reads: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := start(t, nbp)
			expect(t, ask(t, p, tt.program, tt.service), tt.state, tt.note)
			if r := s.Reads(); len(r) != tt.reads || r[0].Name != tt.program {
				t.Errorf("it was asked for %v, want %d names, and first %s", r, tt.reads, tt.program)
			}
			q := s.Queries()
			if (len(q) == 1) != tt.service {
				t.Fatalf("%d questions to its boot service", len(q))
			}
			for _, q := range q {
				if q.Control != nil || !q.Request.ClientIPAddr.Equal(net.IPv4(127, 0, 0, 1)) {
					t.Errorf("option 250 is %v, ciaddr %v; a pending device, or an answer to everybody",
						q.Control, q.Request.ClientIPAddr)
				}
			}
		})
	}
}

func TestAllProgramsOfAServer(t *testing.T) {
	_, p := start(t, nbp)
	got, err := p.Ask(t.Context(), localhost,
		config.WDS{Programs: map[firmware.Kind]string{"bios": nbp, "uefi-x64": mgfw}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got.Programs["bios"], bootmenu.Up, "")
	expect(t, got.Programs["uefi-x64"], bootmenu.Refused, mgfw+": file not found")
}

// A server without a program of 2023 is as healthy as one with it. The sizes are
// those of the files.
func TestProgramsOf2023(t *testing.T) {
	const newer = standin.FileEFI2023
	for situation, has := range map[string]bool{"with it": true, "without it": false} {
		t.Run(situation, func(t *testing.T) {
			s, p := start(t, mgfw)
			if has {
				s.SetReadFilter(`boot\`, `boot_EX\`)
				s.SetFile(newer, []byte("MZ of 2023"))
			}
			got, err := p.Ask(t.Context(), localhost, config.WDS{
				Programs:     map[firmware.Kind]string{"uefi-x64": mgfw},
				Programs2023: map[firmware.Kind]string{"uefi-x64": newer, "uefi-arm64": ""},
			})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, got.Programs["uefi-x64"], bootmenu.Up, "")
			if n := got.Programs["uefi-x64"].Size; n != 2 || len(got.Programs) != 1 || len(got.Programs2023) != 1 {
				t.Errorf("got %+v", got)
			}
			if of2023 := got.Programs2023["uefi-x64"]; has {
				expect(t, of2023, bootmenu.Up, "")
				if of2023.Size != 10 {
					t.Errorf("it has %d bytes", of2023.Size)
				}
			} else {
				expect(t, of2023, bootmenu.Refused, `access violation; on the server, add boot_EX\x64\*`)
			}
		})
	}
}

// The boot service loads the program's next step: without it, the program from
// TFTP is useless.
func TestBootServiceThatIsSilent(t *testing.T) {
	_, p := start(t, nbp)
	noise := func(int, []byte) (out [][]byte) {
		for range 100 {
			out = append(out, []byte("\x02\x01\x06"))
		}
		return out
	}
	for name, port := range map[string]func() uint16{
		"something else answers": func() uint16 { return serve(t, noise) },
		"no one listens":         func() uint16 { conn, n := listen(t); conn.Close(); return n },
	} {
		t.Run(name, func(t *testing.T) {
			p := &wdsprobe.Prober{TFTP: p.TFTP, Boot: port(), Waits: patient}
			expect(t, ask(t, p, nbp, true), bootmenu.Down, "UDP port 4011 does not answer")
		})
	}
}

// Other implementations, so that more than our own server understands the
// questions.
func TestAskOtherServers(t *testing.T) {
	have := func(name string) bool { return name == "boot/x64/wdsnbp.com" }
	t.Run("pin/tftp", func(t *testing.T) {
		conn, port := listen(t)
		s := pin.NewServer(func(name string, out io.ReaderFrom) error {
			if !have(name) {
				return fs.ErrNotExist
			}
			_, err := out.ReadFrom(bytes.NewReader(make([]byte, 100_000)))
			return err
		}, nil)
		go s.Serve(conn)
		t.Cleanup(s.Shutdown)
		p := &wdsprobe.Prober{TFTP: port, Waits: patient}
		expect(t, ask(t, p, "boot/x64/wdsnbp.com", false), bootmenu.Up, "")
		expect(t, ask(t, p, nbp, false), bootmenu.Refused, "if this is not a Windows server")
	})
	t.Run("our own, which must not take it for a broken transfer", func(t *testing.T) {
		conn, port := listen(t)
		ended := make(chan tftp.Event, 1)
		s := &tftp.Server{
			Open: func(_ netip.AddrPort, name string) (tftp.File, error) {
				return bootfiles.New(bootfiles.Contents{Menus: map[string][]byte{"boot/x64/wdsnbp.com": make([]byte,
					100_000)}}).Open(name, bootfiles.Reader{})
			},
			Allow: netip.Addr.IsLoopback,
			Log:   quiet,
			Done:  func(e tftp.Event) { ended <- e },
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Serve(ctx, conn) }()
		t.Cleanup(func() { stop(); <-done })
		expect(t, ask(t, &wdsprobe.Prober{TFTP: port, Waits: patient}, nbp, false), bootmenu.Up, "")
		select {
		case e := <-ended:
			if !e.Aborted || e.Sent > 0 {
				t.Errorf("the server saw %d bytes sent, aborted %v", e.Sent, e.Aborted)
			}
		case <-time.After(20 * time.Second):
			t.Error("the transfer was left to die")
		}
	})
}

// serve answers each datagram with the result of reply.
func serve(t *testing.T, reply func(n int, b []byte) [][]byte) uint16 {
	conn, port := listen(t)
	go func() {
		buf := make([]byte, 1500)
		for i := 0; ; i++ {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for _, b := range reply(i, buf[:n]) {
				conn.WriteToUDPAddrPort(b, from)
			}
		}
	}()
	return port
}

func TestAskOddServers(t *testing.T) {
	data := append([]byte{0, 3, 0, 1}, make([]byte, 512)...)
	garbage := func(count int) (out [][]byte) {
		for range count {
			out = append(out, []byte("\xde\xad"))
		}
		return out
	}
	for _, tt := range []struct {
		name  string
		reply func(n int, b []byte) [][]byte
		waits []time.Duration
		state bootmenu.State
	}{
		{name: "knows no options", reply: func(int, []byte) [][]byte { return [][]byte{data} }, waits: patient,
			state: bootmenu.Up},
		{name: "silent", reply: func(int, []byte) [][]byte { return nil }, waits: brief, state: bootmenu.Down},
		{name: "the first question is lost", reply: func(n int, _ []byte) [][]byte {
			if n == 0 {
				return nil
			}
			return [][]byte{data}
		}, waits: []time.Duration{time.Millisecond, 20 * time.Second}, state: bootmenu.Up},
		{name: "garbage before the answer", reply: func(int, []byte) [][]byte { return append(garbage(3), data) },
			waits: patient, state: bootmenu.Up},
		{name: "garbage without end", reply: func(int, []byte) [][]byte { return garbage(100) },
			waits: []time.Duration{time.Hour}, state: bootmenu.Down},
		{name: "a packet longer than any",
			reply: func(int, []byte) [][]byte { return [][]byte{make([]byte, 60_000), data} }, waits: patient,
			state: bootmenu.Up},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &wdsprobe.Prober{TFTP: serve(t, tt.reply), Waits: tt.waits}
			expect(t, ask(t, p, nbp, false), tt.state, "")
		})
	}
}

func TestServerIsToldToStop(t *testing.T) {
	stopped := make(chan []byte, 1)
	port := serve(t, func(_ int, b []byte) [][]byte {
		if binary.BigEndian.Uint16(b) == 5 {
			stopped <- bytes.Clone(b)
			return nil
		}
		return [][]byte{[]byte("\x00\x06tsize\x005\x00")}
	})
	expect(t, ask(t, &wdsprobe.Prober{TFTP: port, Waits: patient}, nbp, false), bootmenu.Up, "")
	select {
	case <-stopped:
	case <-time.After(20 * time.Second):
		t.Error("no ERROR came after the OACK")
	}
}

// An answer from another address is ignored.
func TestAnswerOfAStranger(t *testing.T) {
	stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	conn, port := listen(t)
	go func() {
		buf := make([]byte, 1500)
		for {
			_, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			stranger.WriteToUDPAddrPort([]byte("\x00\x06tsize\x005\x00"), from)
		}
	}()
	expect(t, ask(t, &wdsprobe.Prober{TFTP: port, Waits: []time.Duration{100 * time.Millisecond}}, nbp, false),
		bootmenu.Down, "")
}

func TestAskEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	port := serve(t, func(int, []byte) [][]byte { cancel(); return nil })
	p := &wdsprobe.Prober{TFTP: port, Waits: []time.Duration{time.Hour}}
	if _, err := p.Ask(ctx, localhost, config.WDS{Programs: map[firmware.Kind]string{"bios": nbp}}); !errors.Is(err,
		context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

// Where the box is at fault, the server must not count as down.
func TestTroubleOfOurOwn(t *testing.T) {
	p := &wdsprobe.Prober{Waits: patient}
	noRoute := netip.MustParseAddr("::1") // unreachable from an IPv4 socket
	var texts []string
	for range 2 {
		got, err := p.Ask(t.Context(), noRoute, config.WDS{Name: "a", Programs: map[firmware.Kind]string{"bios": nbp}})
		if err == nil {
			t.Fatalf("no error, but %v", got)
		}
		texts = append(texts, err.Error())
	}
	if texts[0] != texts[1] {
		t.Errorf("the same failure reads %q and %q", texts[0], texts[1])
	}
}
