//go:build peers

package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	pin "github.com/pin/tftp/v3"

	"github.com/pxebox/pxebox/peers/box"
	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/netns"
	"github.com/pxebox/pxebox/peers/tftpload"
	"github.com/pxebox/pxebox/peers/wire"
)

const clientAddr = "192.168.77.2/24"

var tftpPort = netip.AddrPortFrom(boxAddr, 69)

// fileSite is a box that serves files, and a client at the other end of its
// cable.
type fileSite struct {
	t      *testing.T
	box    *box.Box
	host   *netns.Namespace // the box's
	client *netns.Namespace
	boot   string // the folder of the box's files
}

// filesOnly is the configuration of a box that serves files and no DHCP.
const filesOnly = `
[network]
address = "192.168.77.1/24"

[dhcp]
mode = "off"
`

// newFileSite connects the box and the client with connect, which must not give
// either of them an address.
func newFileSite(t *testing.T, connect func(box, client *netns.Namespace) error) *fileSite {
	t.Helper()
	return newFileSiteWith(t, connect, t.TempDir(), filesOnly)
}

// newFileSiteWith is newFileSite with the box's folder, a configuration, and
// further arguments of menuwatch.
func newFileSiteWith(
	t *testing.T, connect func(box, client *netns.Namespace) error, dir, configuration string, menuwatch ...string,
) *fileSite {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("network namespaces need root: run make peers, which asks sudo for it")
	}
	s := &fileSite{t: t}
	s.host = s.newHost()
	s.client = s.newHost()
	s.must(connect(s.host, s.client))
	s.must(s.client.Run("ip", "addr", "add", clientAddr, "dev", link))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.boot = filepath.Join(dir, "boot")
	var err error
	s.box, err = box.Start(ctx, s.host, link, filepath.Join(buildDir, "bin"), dir, configuration, menuwatch...)
	t.Cleanup(func() {
		if t.Failed() && s.box != nil {
			tell(t, "the box", s.box.Log.From(0))
		}
	})
	s.must(err)
	t.Cleanup(func() { s.must(s.box.Stop()) })
	// Its ports open a moment after it has its address.
	s.must(os.WriteFile(filepath.Join(s.boot, "ready"), []byte("yes"), 0o644))
	for {
		_, err := tftpload.Load{
			Server: tftpPort, Name: "ready", Content: tftpload.Bytes("yes"), Clients: 1, BlockSize: 512, Window: 1,
			In: s.client.Do,
		}.Run(ctx)
		if err == nil {
			return s
		}
		if ctx.Err() != nil {
			t.Fatalf("the box serves nothing by TFTP: %v", err)
		}
	}
}

// cable connects two hosts without faults.
func cable(a, b *netns.Namespace) error { return netns.Connect(a, b, link) }

func (s *fileSite) newHost() *netns.Namespace {
	s.t.Helper()
	n, err := netns.New()
	s.must(err)
	s.t.Cleanup(func() { n.Close() })
	return n
}

func (s *fileSite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// run runs a program on the client until it ends. Its standard output goes to
// out.
func (s *fileSite) run(ctx context.Context, out io.Writer, name string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("%s is missing: run make peers, which fetches it", name)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	if cmd.Env, err = fileserver.Environment(path); err != nil {
		return err
	}
	var complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &complaint
	if err := s.client.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%v: %w: %s", cmd, err, complaint.Bytes())
	}
	return nil
}

// fetchers are third-party clients. Each writes a file of the box to a path.
var fetchers = []struct {
	name string
	// notEmpty is set if the client reports an empty file as an error,
	// whichever server sends it.
	notEmpty bool
	fetch    func(ctx context.Context, s *fileSite, file, path string) error
}{
	{name: "tftp-hpa", fetch: fetchBy(unpacked("tftp"), "-m", "binary", boxAddr.String(), "-c", "get", "FILE", "PATH")},
	{name: "atftp", fetch: fetchBy(unpacked("atftp"), "--get", "--remote-file", "FILE", "--local-file", "PATH",
		boxAddr.String())},
	{name: "atftp, blksize 1428, windowsize 8",
		fetch: fetchBy(unpacked("atftp"), "--option", "blksize 1428", "--option", "windowsize 8",
			"--get", "--remote-file", "FILE", "--local-file", "PATH", boxAddr.String())},
	{name: "busybox", fetch: fetchBy("busybox", "tftp", "-g", "-r", "FILE", "-l", "PATH", boxAddr.String())},
	{name: "busybox, blksize 1400", fetch: fetchBy("busybox", "tftp", "-b", "1400", "-g", "-r", "FILE", "-l", "PATH",
		boxAddr.String())},
	{name: "curl, TFTP", notEmpty: true, fetch: fetchBy("curl", "--silent", "--show-error", "--max-time", "40",
		"--output", "PATH", "tftp://"+boxAddr.String()+"/FILE")},
	{name: "curl, TFTP, blksize 1468", notEmpty: true,
		fetch: fetchBy("curl", "--silent", "--show-error", "--max-time", "40", "--tftp-blksize", "1468", "--output",
			"PATH", "tftp://"+boxAddr.String()+"/FILE")},
	{name: "curl, HTTP", fetch: fetchBy("curl", "--silent", "--show-error", "--fail", "--output", "PATH",
		"http://"+boxAddr.String()+"/FILE")},
	{name: "pin/tftp", fetch: fetchByPin},
}

func unpacked(name string) string { return filepath.Join(buildDir, "peers/usr/bin", name) }

func fetchBy(program string, args ...string) func(context.Context, *fileSite, string, string) error {
	return func(ctx context.Context, s *fileSite, file, path string) error {
		own := make([]string, len(args))
		for i, a := range args {
			own[i] = a
			switch {
			case a == "PATH":
				own[i] = path
			case len(a) >= 4 && a[len(a)-4:] == "FILE":
				own[i] = a[:len(a)-4] + file
			}
		}
		return s.run(ctx, nil, program, own...)
	}
}

func fetchByPin(_ context.Context, s *fileSite, file, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.client.Do(func() error {
		c, err := pin.NewClient(tftpPort.String())
		if err != nil {
			return err
		}
		c.SetBlockSize(1456)
		c.RequestTSize(true)
		from, err := c.Receive(file, "octet")
		if err != nil {
			return err
		}
		_, err = from.WriteTo(f)
		return err
	})
}

// mostFetches limits how often a file is fetched until a fault occurs. A fetch
// has at least some twenty frames, and one frame in a hundred is lost.
const mostFetches = 100

// TestFetch fetches files with third-party clients over a good cable and over
// faulty ones. The bytes are always correct.
func TestFetch(t *testing.T) {
	files := map[string][]byte{
		"empty":    {},
		"one-byte": {'x'},
		"whole":    tftpload.Random(1, 512*100), // the last block is empty
		"short":    tftpload.Random(3, 12_001),
		"odd":      tftpload.Random(2, 100_001),
	}
	for _, tt := range []struct {
		situation string
		fault     wire.Fault
		// files is for third-party clients. Where frames get lost the files are
		// short: curl asks with the option timeout (RFC 2349) for a packet to
		// be repeated only after six seconds. The windows are tried with a file
		// that is longer than they are.
		files []string
	}{
		{situation: "a good cable", files: []string{"empty", "one-byte", "whole", "odd"}},
		{situation: "1% loss", fault: wire.Fault{Loss: 0.01, Seed: 1}, files: []string{"short"}},
		{situation: "5% loss", fault: wire.Fault{Loss: 0.05, Seed: 2}, files: []string{"short"}},
		{situation: "reordering", fault: wire.Fault{Reorder: 0.05, Seed: 3}, files: []string{"short"}},
		{situation: "1% loss and reordering", fault: wire.Fault{Loss: 0.01, Reorder: 0.05, Seed: 4},
			files: []string{"short"}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Parallel()
			var w *wire.Wire
			s := newFileSite(t, func(box, client *netns.Namespace) (err error) {
				w, err = wire.Connect(box, client, link, tt.fault)
				return err
			})
			for name, b := range files {
				s.must(os.WriteFile(filepath.Join(s.boot, name), b, 0o644))
			}
			// The faults are counted after all fetches.
			faulty := tt.fault.Loss > 0 || tt.fault.Reorder > 0
			faults := func() int64 { return w.Lost.Load() + w.Late.Load() }
			t.Cleanup(func() {
				if (tt.fault.Loss > 0) != (w.Lost.Load() > 0) || (tt.fault.Reorder > 0) != (w.Late.Load() > 0) {
					t.Errorf("%+v: %d frames were lost and %d late", tt.fault, w.Lost.Load(), w.Late.Load())
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			})
			tries := 1
			if faulty { // a late frame is lost to a client that waits for it
				tries = 4
			}
			for _, f := range fetchers {
				t.Run(f.name, func(t *testing.T) {
					if !faulty { // otherwise in sequence, so that each meets its own faults
						t.Parallel()
					}
					ctx, cancel := context.WithTimeoutCause(t.Context(), 3*patience, errors.New("it takes too long"))
					defer cancel()
					for _, name := range tt.files {
						if f.notEmpty && len(files[name]) == 0 {
							continue
						}
						path := filepath.Join(t.TempDir(), name)
						fetch := func() {
							err := f.fetch(ctx, s, name, path)
							// Clients give up for their own reasons: atftp if
							// an OACK is repeated because its ACK was lost;
							// curl waits 72 s if its last packet was lost. The
							// fetch is then retried, but a file that a client
							// reports as complete must be complete.
							for range tries - 1 {
								if err == nil || ctx.Err() != nil {
									break
								}
								t.Logf("%s, once more: %v", name, err)
								err = f.fetch(ctx, s, name, path)
							}
							if err != nil {
								t.Fatalf("%s: %v", name, errors.Join(err, context.Cause(ctx)))
							}
							if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, files[name]) {
								t.Fatalf("%s: %d bytes came, of %d, and not the right ones (%v)",
									name, len(got), len(files[name]), err)
							}
						}
						before, fetches := faults(), 1
						fetch()
						// A file of a few frames often meets no fault at all.
						for ; faulty && faults() == before; fetches++ {
							if fetches == mostFetches {
								t.Fatalf("%s: nothing went wrong in %d fetches", name, fetches)
							}
							fetch()
						}
						t.Logf("%s: %d faults in %d fetches", name, faults()-before, fetches)
					}
				})
			}
			for _, window := range []int{1, 4, 16, 64} {
				t.Run(fmt.Sprintf("blksize 1468, windowsize %d", window), func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					r, err := tftpload.Load{
						Server: tftpPort, Name: "odd", Content: tftpload.Bytes(files["odd"]), Clients: 5,
						BlockSize: 1468, Window: window, In: s.client.Do,
					}.Run(ctx)
					if err != nil || r.Files != 5 || r.Window != window {
						t.Errorf("got %+v, %v", r, err)
					}
				})
			}
		})
	}
}

// TestFileOf5GiB fetches a file of 5 GiB: over TFTP, where 16-bit block numbers
// wrap 55 times, and over HTTP in two parts.
func TestFileOf5GiB(t *testing.T) {
	s := newFileSite(t, cable)
	const size, part = 5 << 30, 3_000_000_000
	content := tftpload.Sparse(size)
	s.must(content.Create(filepath.Join(s.boot, "huge")))

	t.Run("TFTP", func(t *testing.T) {
		r, err := tftpload.Load{Server: tftpPort, Name: "huge", Content: content, Clients: 1, BlockSize: 1468,
			Window: 64, In: s.client.Do}.Run(t.Context())
		if err != nil || r.Files != 1 || r.Bytes != size {
			t.Fatalf("got %+v, %v", r, err)
		}
		t.Logf("%.0f MB/s at a windowsize of %d, %d repeats", r.Rate()/1e6, r.Window, r.Repeats)
	})
	t.Run("HTTP, resumed", func(t *testing.T) {
		url := "http://" + boxAddr.String() + "/huge"
		for _, p := range []struct {
			offset, length int64
			args           []string
		}{
			{offset: 0, length: part, args: []string{"--range", fmt.Sprintf("0-%d", part-1)}},
			{offset: part, length: size - part, args: []string{"--continue-at", fmt.Sprint(part)}},
		} {
			r, w := io.Pipe()
			done := make(chan error, 1)
			go func() {
				err := s.run(t.Context(), w, "curl",
					append([]string{"--silent", "--show-error", "--fail", url}, p.args...)...)
				w.CloseWithError(err) // nil: the end
				done <- err
			}()
			n, ok := tftpload.Check(content, r, p.offset)
			r.Close()
			if err := <-done; err != nil || !ok || n != p.length {
				t.Errorf("from %d: %d bytes are right of %d: %v", p.offset, n, p.length, err)
			}
		}
	})
}
