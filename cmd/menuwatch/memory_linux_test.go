package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

// The page takes less than 64 MiB of the process: what the kernel counts, with
// the garbage that is not collected yet.
func TestMemoryOfProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	const bound = 64 << 10 // in KiB, as in /proc
	// Built here: the race detector in this program takes memory, too.
	program := filepath.Join(t.TempDir(), "menuwatch")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	idle, _ := peak(t, program, func(io.Writer) {})
	for situation, feed := range map[string]func(io.Writer){
		"1,000 boots a minute of 10,000 machines": func(w io.Writer) {
			feedBoots(w, 11_000, 10_000, 1000.0/60, 20, 6)
		},
		"100,000 invented machines": func(w io.Writer) { feedBoots(w, 100_000, 100_000, 100_000.0/60, 1, 1) },
	} {
		t.Run(situation, func(t *testing.T) {
			most, parts := peak(t, program, feed)
			t.Logf("%d MiB at most, and %d MiB without a boot\n%s", most>>10, idle>>10, parts)
			if most > bound {
				t.Errorf("%d KiB at most, the bound is %d", most, bound)
			}
		})
	}
}

// feedBoots writes the records of boots to a stream: each of some files, at a rate
// in boots a second.
func feedBoots(w io.Writer, number, machines int, rate float64, files, packets int) {
	start := time.Now().Add(-time.Duration(float64(number) / rate * float64(time.Second)))
	for i := range number {
		n := i % machines
		began := start.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		mac := ether.MAC{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}
		addr := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		event := func(e trace.Event) { w.Write(tracestream.Append(nil, tracestream.Record{Event: &e})) }
		event(trace.Event{
			Time: began, Protocol: trace.DHCP, MAC: mac, GUID: fmt.Sprintf("10000000-0000-4000-8000-%012x", n),
			Addr: addr, Firmware: "uefi-x64", What: "offer", Outcome: trace.Sent, File: "shimx64.efi",
		})
		for f := 1; f < files; f++ {
			event(trace.Event{
				Time: began.Add(time.Duration(f) * time.Second), Protocol: trace.TFTP, Addr: addr, Outcome: trace.Sent,
				What: fmt.Sprintf("live/filesystem-%d-%d.squashfs/%s", n, f, strings.Repeat("x", 60)), Bytes: 1000,
				Took: 100 * time.Millisecond,
			})
		}
		for range packets {
			w.Write(tracestream.Append(nil, tracestream.Record{Packet: &tracestream.Packet{
				Time: began, From: netip.MustParseAddrPort("0.0.0.0:68"),
				To: netip.MustParseAddrPort("255.255.255.255:67"), MAC: mac, Payload: make([]byte, 548),
			}}))
		}
	}
}

// peak returns the most memory that menuwatch took, in KiB, while it read a
// stream, and what it consisted of in the end.
func peak(t *testing.T, program string, feed func(io.Writer)) (most int, parts string) {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, tracestream.Socket))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("correct horse battery"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-config", filepath.Join(dir, "pxebox.toml"), "-boot", filepath.Join(dir, "boot"),
		"-run", dir, "-keys", dir, "-password", password, "-page", "127.0.0.1:0")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait() // killed
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w := bufio.NewWriter(conn)
	w.Write(tracestream.Append(nil, tracestream.Record{Hello: &tracestream.Hello{Started: time.Now()}}))
	feed(w)
	w.Write(tracestream.Append(nil, tracestream.Record{Alive: true}))
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	// The socket's buffer holds records that menuwatch has not read yet.
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("menuwatch has not read the stream: %v", err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "VmHWM":
			if most, err = strconv.Atoi(strings.Fields(value)[0]); err != nil {
				t.Fatal(err)
			}
			parts += line
		case "VmRSS", "RssAnon", "RssFile":
			parts += line
		}
	}
	return most, parts
}
