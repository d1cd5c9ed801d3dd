package boxclient

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/box/upload"
)

// big is larger than the data in flight, and not a multiple of a packet.
var big = bytes.Repeat([]byte("0123456789abcdef"), 1<<18+3)

// uploads is the box's SFTP server, with the boot folder that it fills.
type uploads struct {
	*upload.Server
	addr, known string
	out         bytes.Buffer
}

func newUploads(t *testing.T) *uploads {
	t.Helper()
	dir := t.TempDir()
	key, err := upload.HostKey(filepath.Join(dir, "keys", "ssh.pem"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &uploads{addr: l.Addr().String(), known: filepath.Join(dir, "config", "known_hosts"), Server: &upload.Server{
		Boot: filepath.Join(dir, "boot"), Staging: filepath.Join(dir, "staging"),
		Gate: access.NewGate(password), HostKey: key,
		AuthorizedKeys: filepath.Join(dir, "authorized_keys"),
		Log:            slog.New(slog.DiscardHandler),
	}}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != context.Canceled {
			t.Errorf("the server ended with %v", err)
		}
	})
	return s
}

// client uploads to the folder debian/12.
func (s *uploads) client() Upload {
	s.out.Reset()
	return Upload{Host: s.addr, Password: password, KnownHosts: s.known, Folder: "debian/12", Out: &s.out}
}

func (s *uploads) published(t *testing.T, name string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(s.Boot, "debian", "12", name))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, want %d: %v", name, len(got), len(want), err)
	}
	if _, err := os.Lstat(filepath.Join(s.Boot, "debian", "12", name+".sha256")); !os.IsNotExist(err) {
		t.Errorf("the sum of %s stays (%v)", name, err)
	}
}

// leavePart begins an upload and breaks the connection.
func (s *uploads) leavePart(t *testing.T, name string, content []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	c, channels, requests, err := ssh.NewClientConn(conn, s.addr, &ssh.ClientConfig{
		User: access.User, Auth: []ssh.AuthMethod{ssh.Password(password)},
		HostKeyCallback: ssh.FixedHostKey(s.HostKey.PublicKey()),
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := sftp.NewClient(ssh.NewClient(c, channels, requests))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MkdirAll("debian/12"); err != nil {
		t.Fatal(err)
	}
	f, err := client.Create("debian/12/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	client.Wait()
}

func local(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUpload(t *testing.T) {
	s := newUploads(t)
	linux, initrd := local(t, "linux image", big), local(t, "initrd.gz", nil)
	for _, when := range []string{"the first time", "a second time"} {
		u := s.client()
		var told []int64
		u.Progress = func(name string, done, total int64) {
			if name == "linux image" && total == int64(len(big)) {
				told = append(told, done)
			}
		}
		if err := u.Send(t.Context(), linux, initrd); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		s.published(t, "linux image", big)
		s.published(t, "initrd.gz", nil)
		if out := s.out.String(); strings.Contains(out, "continuing") ||
			!strings.Contains(out, "debian/12/initrd.gz is on the box\n") {
			t.Errorf("%s it says\n%s", when, out)
		}
		if n := len(told); n < 3 || told[0] != 0 || told[n-1] != int64(len(big)) {
			t.Errorf("%s the progress is %v", when, told)
		}
		if isNew := strings.Contains(s.out.String(), " is new: "); isNew != (when == "the first time") {
			t.Errorf("%s it says\n%s", when, &s.out)
		}
	}
}

func TestUploadGoesOn(t *testing.T) {
	half := len(big) / 2
	other := bytes.Clone(big)
	other[1] = 'x'
	for _, tt := range []struct {
		situation string
		part      []byte
		says      string
		from      int64 // offset of the first byte sent last
	}{
		{situation: "broke halfway", part: big[:half], says: "continuing from byte", from: int64(half)},
		{situation: "broke before the close", part: big, says: "continuing from byte", from: int64(len(big))},
		{situation: "nothing had come", part: nil, says: "continuing from byte 0 ", from: 0},
		{
			situation: "another file began so", part: other[:half],
			says: "from the beginning: debian/12/linux was deleted: its SHA-256 is", from: 0,
		},
		{
			situation: "another file was longer", part: append(bytes.Clone(big), "more"...),
			says: "is on the box", from: 0,
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			s := newUploads(t)
			s.leavePart(t, "linux", tt.part)
			u := s.client()
			var from, last int64 = -1, -1
			u.Progress = func(_ string, done, _ int64) {
				if done < last || last < 0 {
					from = done
				}
				last = done
			}
			if err := u.Send(t.Context(), local(t, "linux", big)); err != nil {
				t.Fatal(err)
			}
			s.published(t, "linux", big)
			if from != tt.from || !strings.Contains(s.out.String(), tt.says) {
				t.Errorf("sent from byte %d, want %d; it says\n%s", from, tt.from, &s.out)
			}
			const twice = "from the beginning"
			if strings.Contains(s.out.String(), twice) != strings.Contains(tt.says, twice) {
				t.Errorf("it says\n%s", &s.out)
			}
		})
	}
}

// cut forwards connections, and breaks each after so many bytes to the box.
func cut(t *testing.T, to string, after int64) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { l.Close(); running.Wait() })
	running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			running.Go(func() { io.Copy(in, out) })
			running.Go(func() {
				io.CopyN(out, in, after)
				in.Close()
				out.Close()
			})
		}
	})
	return l.Addr().String()
}

// A file reaches the box over a connection that breaks repeatedly.
func TestUploadOverABadLine(t *testing.T) {
	s := newUploads(t)
	file := local(t, "linux", big)
	u := s.client()
	u.Host = cut(t, s.addr, int64(len(big)/2))
	const most = 10
	for try := range most {
		err := u.Send(t.Context(), file)
		if err == nil {
			if try == 0 {
				t.Error("the line did not break")
			}
			s.published(t, "linux", big)
			return
		}
		if !strings.Contains(err.Error(), "run the same command again to continue") {
			t.Fatalf("it says %v", err)
		}
		if _, err := os.Lstat(filepath.Join(s.Boot, "debian", "12", "linux")); err == nil {
			t.Fatal("machines see a part")
		}
	}
	t.Errorf("not there after %d tries:\n%s", most, &s.out)
}

func TestUploadInterrupted(t *testing.T) {
	s := newUploads(t)
	u := s.client()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	u.Progress = func(_ string, done, _ int64) {
		if done > 0 {
			stop()
		}
	}
	if err := u.Send(ctx, local(t, "linux", big)); err == nil ||
		!strings.Contains(err.Error(), "interrupted; run the same command again") {
		t.Errorf("it says %v", err)
	}
}

func TestUploadRefuses(t *testing.T) {
	s := newUploads(t)
	dir := t.TempDir()
	linux := local(t, "linux", big)
	if err := os.MkdirAll(s.Boot, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Boot, "a-file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.Boot, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	other, err := upload.HostKey(filepath.Join(dir, "other.pem"))
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(dir, "known_hosts")
	line := "# mine\n" + knownhosts.Line([]string{s.addr}, other.PublicKey()) + "\n"
	if err := os.WriteFile(known, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		situation string
		change    func(*Upload)
		files     []string
		want      string
	}{
		{
			situation: "a wrong password", change: func(u *Upload) { u.Password = "guess" },
			files: []string{linux}, want: "refuses the password",
		},
		{
			situation: "another box in its place", change: func(u *Upload) { u.KnownHosts = known },
			files: []string{linux}, want: "delete its line in " + known + " (line 2)",
		},
		{situation: "a file that is not there", files: []string{linux + "x"}, want: "no such file"},
		{situation: "a folder", files: []string{dir}, want: "is a folder: name the files in it"},
		{
			situation: "two files of one name", files: []string{linux, local(t, "linux", nil)},
			want: "would both be linux on the box",
		},
		{
			situation: "a file in the folder's place", change: func(u *Upload) { u.Folder = "a-file" },
			files: []string{linux}, want: "linux: mkdirat a-file: file exists",
		},
		{
			situation: "a folder in the file's place", change: func(u *Upload) { u.Folder = "" },
			files: []string{local(t, "folder", nil)}, want: "folder: write folder: is a directory",
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			u := s.client()
			if tt.change != nil {
				tt.change(&u)
			}
			if err := u.Send(t.Context(), tt.files...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if got, err := os.ReadFile(known); err != nil || string(got) != line {
				t.Errorf("the known boxes are %q, %v", got, err)
			}
		})
	}
}

// A server that does not answer like a box does not make the user wait forever.
func TestUploadToSomethingElse(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			io.WriteString(c, "220 mail.example.org\r\n")
			c.Close()
		}
	}()
	u := Upload{Host: l.Addr().String(), Password: password, KnownHosts: filepath.Join(t.TempDir(), "known"),
		Out: io.Discard}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := u.Send(ctx, local(t, "linux", big)); err == nil || !strings.Contains(err.Error(), u.Host) {
		t.Errorf("got %v", err)
	}
}
