package upload

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// big is more than clients send at once, and not a multiple of a block.
var big = bytes.Repeat([]byte("0123456789abcdef"), 1<<16+3)

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func TestOpenSSHUploads(t *testing.T) {
	b := newBox(t, t.TempDir())
	linux := write(t, t.TempDir(), "linux", big)
	out, err := b.sftp(t, "mkdir debian", "put "+linux+" debian/linux", "ls -l debian", "df",
		"get debian/linux "+linux+".back")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if b.published(t, "debian/linux") != string(big) {
		t.Error("another content is published")
	}
	if back, err := os.ReadFile(linux + ".back"); err != nil || !bytes.Equal(back, big) {
		t.Errorf("what comes back is not what was sent (%v)", err)
	}
	if !regexp.MustCompile(`-rw-r--r-- .* 1048624 .*linux`).MatchString(out) {
		t.Errorf("ls shows\n%s", out)
	}
	if !strings.Contains(out, "Avail") {
		t.Errorf("df shows no room:\n%s", out)
	}
	if !strings.Contains(b.log.String(), "sha256="+hexSum(big)) {
		t.Error("the log does not name the sum")
	}
	if left, err := os.ReadDir(b.Staging); err != nil || len(left) != 0 {
		t.Errorf("left in staging: %v, %v", left, err)
	}
	out, err = b.sftp(t, "rename debian/linux debian/vmlinuz", "-rmdir debian", "rm debian/vmlinuz", "rmdir debian")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.absent(t, "debian")
}

func TestOpenSSHCopies(t *testing.T) {
	b := newBox(t, t.TempDir())
	dir := t.TempDir()
	write(t, dir, "debian/linux", big)
	write(t, dir, "debian/sub/initrd.gz", []byte("initrd"))
	out, err := b.openssh(t, password, "scp", "", "-s", "-p", "-r", filepath.Join(dir, "debian"),
		"scp://gokrazy@"+b.addr+"/")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if b.published(t, "debian/linux") != string(big) || b.published(t, "debian/sub/initrd.gz") != "initrd" {
		t.Error("another content is published")
	}
}

// A client whose connection breaks resumes where it was. Until then no other
// client sees the file.
func TestBrokenConnection(t *testing.T) {
	b := newBox(t, t.TempDir())
	c, conn := b.dial(t)
	f, err := c.Create("linux")
	if err != nil {
		t.Fatal(err)
	}
	half := len(big) / 2
	if _, err := f.Write(big[:half]); err != nil {
		t.Fatal(err)
	}
	b.absent(t, "linux")
	conn.Close()
	c.Wait()

	local := write(t, t.TempDir(), "linux", big)
	out, err := b.sftp(t, "ls -l linux")
	if err != nil || !regexp.MustCompile(fmt.Sprintf(`-rw------- .* %d .*linux`, half)).MatchString(out) {
		t.Errorf("%v: ls shows\n%s", err, out)
	}
	if _, err := b.sftp(t, "get linux "+local+".back"); err == nil {
		t.Error("the half can be read")
	}
	b.absent(t, "linux")
	if out, err := b.sftp(t, "reput "+local+" linux"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if b.published(t, "linux") != string(big) || !strings.Contains(b.log.String(), "sha256="+hexSum(big)) {
		t.Error("another content is published, or the sum is another one")
	}
}

// A connection that died unnoticed does not lock out its client.
func TestSecondWriterGoesOn(t *testing.T) {
	b := newBox(t, t.TempDir())
	first, _ := b.dial(t)
	f, err := first.Create("linux")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(big[:1000]); err != nil {
		t.Fatal(err)
	}
	second, _ := b.dial(t)
	g, err := second.OpenFile("linux", os.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); err == nil || !strings.Contains(err.Error(), errTakenOver.Error()) {
		t.Errorf("the first one writes on: %v", err)
	}
	if _, err := g.WriteAt(big[1000:], 1000); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err == nil {
		t.Error("the first one publishes")
	}
	b.absent(t, "linux")
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if b.published(t, "linux") != string(big) {
		t.Error("another content is published")
	}
}

func TestSums(t *testing.T) {
	b := newBox(t, t.TempDir())
	dir := t.TempDir()
	linux := write(t, dir, "linux", big)
	wrong := write(t, dir, "wrong", append([]byte("x"), big[1:]...))
	one := write(t, dir, "one", []byte(strings.ToUpper(hexSum(big))+"\r\n"))
	all := write(t, dir, "all", []byte(hexSum(big)+"  ./debian/linux\n"+hexSum(big)+" *debian/other\n"))
	if out, err := b.sftp(t, "mkdir debian", "put "+one+" linux.sha256", "put "+all+" SHA256SUMS"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"linux", "debian/linux", "debian/other"} {
		t.Run(name, func(t *testing.T) {
			out, err := b.sftp(t, "put "+wrong+" "+name)
			if err == nil || !strings.Contains(out, "its SHA-256 is "+hexSum(append([]byte("x"), big[1:]...))) {
				t.Errorf("the wrong file: %v, and the person reads\n%s", err, out)
			}
			b.absent(t, name)
			if _, err := os.Lstat(filepath.Join(b.Staging, name)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the wrong file is kept: %v", err)
			}
			if out, err := b.sftp(t, "put "+linux+" "+name); err != nil {
				t.Errorf("the right file: %v\n%s", err, out)
			}
			if b.published(t, name) != string(big) {
				t.Error("another content is published")
			}
		})
	}
	// As WinSCP sends files.
	if out, err := b.sftp(t, "rm linux", "put "+wrong+" linux.filepart", "rename linux.filepart linux"); err == nil ||
		!strings.Contains(out, "linux.filepart was not renamed to linux") {
		t.Errorf("the wrong file by another name: %v\n%s", err, out)
	}
	b.absent(t, "linux")
}

func TestPublishedFileStaysUntilClose(t *testing.T) {
	b := newBox(t, t.TempDir())
	write(t, b.Boot, "linux", big)
	c, _ := b.dial(t)
	f, err := c.OpenFile("linux", os.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	// The second write overwrites what was hashed along with the first.
	for _, text := range []string{"another", "changed"} {
		if _, err := f.WriteAt([]byte(text), 3); err != nil {
			t.Fatal(err)
		}
	}
	if b.published(t, "linux") != string(big) {
		t.Error("machines see the change before the close")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(big)
	copy(want[3:], "changed")
	if b.published(t, "linux") != string(want) {
		t.Error("after the close they do not")
	}
	if !strings.Contains(b.log.String(), "sha256="+hexSum(want)) {
		t.Error("the sum in the log is another one")
	}
}

// A gap shows that a client was cut off.
func TestGap(t *testing.T) {
	b := newBox(t, t.TempDir())
	c, _ := b.dial(t)
	f, err := c.Create("linux")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("end"), 100); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err == nil || !strings.Contains(err.Error(), "byte 0 was not sent") {
		t.Errorf("it closes with %v", err)
	}
	b.absent(t, "linux")
}

func TestEscape(t *testing.T) {
	b := newBox(t, t.TempDir())
	write(t, b.dir, "pxebox.toml", []byte("secret"))
	for link, target := range map[string]string{"up": "..", "abs": b.dir, "file": "../pxebox.toml"} {
		if err := os.MkdirAll(b.Boot, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(b.Boot, link)); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := b.dial(t)
	for _, name := range []string{"../pxebox.toml", "/../pxebox.toml", b.dir +
		"/pxebox.toml", "up/pxebox.toml", "abs/pxebox.toml", "file"} {
		if f, err := c.Open(name); err == nil {
			t.Errorf("%s can be read", name)
			f.Close()
		}
		if name == "file" {
			continue // writing replaces the link
		}
		if f, err := c.Create(name + ".new"); err == nil {
			f.Close()
			if _, err := os.Stat(filepath.Join(b.dir, "pxebox.toml.new")); err == nil {
				t.Errorf("%s is written", name)
			}
		}
		if err := c.Rename(name, "mine"); err == nil {
			t.Errorf("%s can be renamed", name)
		}
		if err := c.Remove(name); err == nil {
			t.Errorf("%s can be removed", name)
		}
	}
	if _, err := c.ReadDir("up"); err == nil {
		t.Error("the folder above can be listed")
	}
	if err := c.Mkdir("up/new"); err == nil {
		t.Error("a folder can be made above")
	}
	if err := c.Symlink("/", "root"); err == nil {
		t.Error("a link can be made")
	}
	if err := c.Link("linux", "hard"); err == nil {
		t.Error("a hard link can be made")
	}
	if got, err := os.ReadFile(filepath.Join(b.dir, "pxebox.toml")); string(got) != "secret" {
		t.Errorf("the file outside is %q, %v", got, err)
	}
}

func TestNoShell(t *testing.T) {
	b := newBox(t, t.TempDir())
	if out, err := b.openssh(t, password, "ssh", ""); err == nil || strings.Contains(out, "uid=") {
		t.Errorf("a command runs: %v\n%s", err, out)
	}
}

func TestWrongPassword(t *testing.T) {
	b := newBox(t, t.TempDir())
	if out, err := b.openssh(t, "wrong", "sftp", "ls\n"); err == nil || !strings.Contains(out, "Permission denied") {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(b.log.String(), "wrong user or password") {
		t.Error("the log does not tell of it")
	}
}

func TestAuthorizedKey(t *testing.T) {
	b := newBox(t, t.TempDir())
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := b.openssh(t, "wrong", "sftp", "ls\n", "-i", file); err == nil {
		t.Fatalf("a key that no one allowed:\n%s", out)
	}
	if err := os.WriteFile(b.AuthorizedKeys, append([]byte("# mine\n"), ssh.MarshalAuthorizedKey(key)...),
		0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := b.openssh(t, "wrong", "sftp", "ls\n", "-i", file); err != nil {
		t.Errorf("the key that is allowed: %v\n%s", err, out)
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	tr := newTree(t, dir)
	st, err := tr.statfs()
	if err != nil {
		t.Fatal(err)
	}
	p, err := tr.openPart("linux", true, true, false)
	if err != nil {
		t.Fatal(err)
	}
	// As if nearly all of the disk were reserved.
	tr.reserve = int64(st.Blocks) * st.Frsize
	if _, err := p.WriteAt(big, 0); !errors.Is(err, errFull) {
		t.Errorf("it writes: %v", err)
	}
	if err := p.Close(); !errors.Is(err, errFull) {
		t.Errorf("it closes with %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "boot", "linux")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("machines see it (%v)", err)
	}
	if err := tr.remove("linux"); err != nil {
		t.Errorf("nothing can be deleted: %v", err)
	}
	if _, err := tr.openPart("other", true, true, false); !errors.Is(err, errFull) {
		t.Errorf("another file: %v", err)
	}
}

// A client that resumes the oldest part of all does not lose it for lack of
// space.
func TestResumedPartStays(t *testing.T) {
	dir := t.TempDir()
	staging := filepath.Join(dir, "staging")
	now := time.Now()
	for name, age := range map[string]time.Duration{"resumed": 2, "newer": 1} {
		if err := os.Chtimes(writePart(t, staging, name, []byte("a part")), now, now.Add(-age*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	tr := newTree(t, dir)
	tr.reserve = 1
	tr.free = func() (space, error) { // space for one part, once one is removed
		names, err := fs.Glob(tr.staging.FS(), "*")
		return space{int64(2 - len(names)), reserveInodes + 1}, err
	}
	p, err := tr.openPart("resumed", false, true, false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if b, err := os.ReadFile(filepath.Join(staging, "resumed")); err != nil || string(b) != "a part" {
		t.Errorf("the part is %q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(staging, "newer")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the other one: %v", err)
	}
}

// Interrupted uploads are removed when their space is needed.
func TestForgottenParts(t *testing.T) {
	const capacity, each = 100, 10
	for _, tt := range []struct {
		situation string
		bytes     int64 // how much "writes" grows beyond the ten that it has
		full      bool
		left      string
	}{
		{situation: "there is room", bytes: 60, left: "a/oldest newer resumed writes"},
		{situation: "one is in the way", bytes: 61, left: "newer resumed writes"},
		{situation: "both are", bytes: 71, left: "resumed writes"},
		{situation: "all are not enough", bytes: 81, full: true, left: "resumed writes"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			staging := filepath.Join(dir, "staging")
			now := time.Now()
			for name, age := range map[string]time.Duration{"a/oldest": 3, "newer": 2, "resumed": 4} {
				file := writePart(t, staging, name, make([]byte, each))
				if err := os.Chtimes(file, now, now.Add(-age*time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
			tr := newTree(t, dir)
			parts := func() (names []string, bytes int64) {
				err := fs.WalkDir(tr.staging.FS(), ".", func(name string, e fs.DirEntry, err error) error {
					if err == nil && !e.IsDir() {
						info, _ := e.Info()
						names, bytes = append(names, name), bytes+info.Size()
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				return names, bytes
			}
			tr.reserve = 0
			tr.free = func() (space, error) {
				_, used := parts()
				return space{capacity - used, reserveInodes + 1}, nil
			}
			for _, name := range []string{"resumed", "writes"} {
				p, err := tr.openPart(name, false, true, false)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
			}
			p := tr.parts["writes"]
			if _, err := p.WriteAt(make([]byte, each), 0); err != nil {
				t.Fatal(err)
			}
			if _, err := p.WriteAt(make([]byte, tt.bytes), each); errors.Is(err, errFull) != tt.full ||
				err != nil && !tt.full {
				t.Errorf("it writes: %v", err)
			}
			if left, _ := parts(); strings.Join(left, " ") != tt.left {
				t.Errorf("left are %v, not %v", left, tt.left)
			}
			if _, err := os.Stat(filepath.Join(staging, "a")); (err == nil) != strings.Contains(tt.left, "a/") {
				t.Errorf("the folder of the one that went: %v", err)
			}
		})
	}
}

// Once a client has logged in, its connections are never closed to make room
// for another one of the same client.
func TestConnectionsAreBounded(t *testing.T) {
	b := newBox(t, t.TempDir())
	clients := make([]*sftp.Client, maxPerSource)
	for i := range clients {
		clients[i], _ = b.dial(t)
	}
	if out, err := b.sftp(t, "ls"); err == nil {
		t.Errorf("one more is let in:\n%s", out)
	}
	for i, c := range clients {
		if _, err := c.ReadDir("/"); err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
	}
}

// Connections of strangers that send nothing make room for the owner's.
func TestStrangersLeaveRoomForTheOwner(t *testing.T) {
	b := newBox(t, t.TempDir())
	for i := range 2 * maxConns {
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%100))}
		c, err := (&net.Dialer{LocalAddr: from}).DialContext(t.Context(), "tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if out, err := b.sftp(t, "ls"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Algorithms that OpenSSH and the SSH of Windows programs support without
// SHA-1, and ones that need SHA-1.
func TestAlgorithms(t *testing.T) {
	b := newBox(t, t.TempDir())
	key := rsaKey(t, b)
	for _, tt := range []struct {
		situation string
		options   []string
		in        bool
	}{
		{situation: "OpenSSH as it comes", in: true},
		{situation: "WinSCP and PuTTY", options: []string{
			"KexAlgorithms=curve25519-sha256,ecdh-sha2-nistp256", "Ciphers=aes256-ctr", "MACs=hmac-sha2-256",
		}, in: true},
		{situation: "without elliptic curves", options: []string{
			"KexAlgorithms=diffie-hellman-group14-sha256", "Ciphers=aes256-ctr", "MACs=hmac-sha2-256",
		}, in: true},
		{situation: "an RSA key with SHA-256", options: []string{
			"IdentityFile=" + key, "PubkeyAcceptedAlgorithms=rsa-sha2-256", "PasswordAuthentication=no",
		}, in: true},
		{situation: "MAC with SHA-1", options: []string{"Ciphers=aes128-ctr", "MACs=hmac-sha1"}},
		{situation: "key exchange with SHA-1", options: []string{"KexAlgorithms=diffie-hellman-group14-sha1"}},
		{situation: "CBC", options: []string{"Ciphers=aes128-cbc"}},
		{situation: "an RSA key with SHA-1", options: []string{
			"IdentityFile=" + key, "PubkeyAcceptedAlgorithms=ssh-rsa", "PasswordAuthentication=no",
		}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			var more []string
			for _, o := range tt.options {
				more = append(more, "-o", o)
			}
			out, err := b.openssh(t, password, "sftp", "ls\n", more...)
			if (err == nil) != tt.in {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	out, _ := b.openssh(t, password, "ssh", "", "-vv")
	_, offer, ok := strings.Cut(out, "peer server KEXINIT proposal")
	offer, _, _ = strings.Cut(offer, "first_kex_follows")
	if !ok || !strings.Contains(offer, "hmac-sha2-256") || strings.Contains(offer, "sha1") {
		t.Errorf("the box offers\n%s", offer)
	}
}

// rsaKey returns the file of a key that the box allows.
func rsaKey(t *testing.T, b *box) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	allowed := ssh.MarshalAuthorizedKey(public)
	for name, text := range map[string][]byte{file: pem.EncodeToMemory(block), b.AuthorizedKeys: allowed} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}
