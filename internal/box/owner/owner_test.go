package owner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/pxebox/pxebox/internal/base/access"
)

// medium is a volume in memory. fault, if set, is called before a file is
// deleted: it may fail, or panic because the power is cut.
type medium struct {
	files map[string][]byte
	fault func() error
}

func (m *medium) Read(name string) ([]byte, error) {
	b, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

func (m *medium) Remove(name string) error {
	if m.fault != nil {
		if err := m.fault(); err != nil {
			return err
		}
	}
	delete(m.files, name)
	return nil
}

func newFiles(t *testing.T) Files {
	t.Helper()
	dir := t.TempDir()
	return Files{
		Password: filepath.Join(dir, "gokr-pw.txt"), First: filepath.Join(dir, "keys", "first-password.txt"),
		Keys: filepath.Join(dir, "authorized_keys"),
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

func utf16Text(order binary.ByteOrder, mark bool, text string) string {
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	b := make([]byte, 2*len(units))
	for i, u := range units {
		order.PutUint16(b[2*i:], u)
	}
	return string(b)
}

const (
	chosen = "correct horse"
	key    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGgeoZ0ZrXoRZ6dGfpTw1pTqfSnwEeGu6JzVTnQHKDyL me@pc"
)

func TestPasswordOnTheVolume(t *testing.T) {
	for _, tt := range []struct {
		situation, name, content string
		want                     string // empty: refused
		says                     string
	}{
		{situation: "as an editor on Linux saves it", content: chosen + "\n", want: chosen},
		{situation: "without the end of the line", content: chosen, want: chosen},
		{situation: "Notepad, ANSI", content: chosen + "\r\n", want: chosen},
		{situation: "Notepad, UTF-8 with a mark", content: "\xef\xbb\xbf" + chosen + "\r\n", want: chosen},
		{situation: "Notepad, Unicode", content: utf16Text(binary.LittleEndian, true, chosen+"\r\n"), want: chosen},
		{situation: "Notepad, Unicode big endian", content: utf16Text(binary.BigEndian, true, chosen+"\r\n"), want: chosen},
		{situation: "UTF-16 without a mark", content: utf16Text(binary.LittleEndian, false, chosen), want: chosen},
		{situation: "spaces and empty lines around it", content: "\r\n  " + chosen + " \t\r\n\r\n", want: chosen},
		{situation: "Notepad hides the ending", name: PasswordFile + ".txt", content: chosen, want: chosen},
		{situation: "too short", content: "horse\r\n", says: "has 5 characters; choose one of at least 12"},
		{situation: "empty", content: "\r\n", says: "it is empty"},
		{situation: "too long", content: strings.Repeat("x", maxPassword+1), says: "choose one of at most 128"},
		{situation: "two lines", content: chosen + "\r\n" + chosen + "\r\n", says: "more than one line"},
		{situation: "umlauts", content: "geheimes Kätzchen", says: "only unaccented letters"},
		{situation: "umlauts of Windows-1252", content: "geheimes K\xe4tzchen", says: "not plain text"},
		{situation: "a document of a word processor", content: "PK\x03\x04\x00\x00" + chosen, says: "not plain text"},
		{situation: "half a character of UTF-16", content: utf16Text(binary.LittleEndian, true, chosen) + "x",
			says: "not plain text"},
		{situation: "huge", content: strings.Repeat("x", maxText+1), says: "more than 64 KiB"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f := newFiles(t)
			name := tt.name
			if name == "" {
				name = PasswordFile
			}
			m := &medium{files: map[string][]byte{name: []byte(tt.content)}}
			var log bytes.Buffer
			problems := f.Take(m, slog.New(slog.NewTextHandler(&log, nil)))
			_, stays := m.files[name]
			if tt.want == "" {
				if len(problems) != 1 || !strings.Contains(problems[0], tt.says) ||
					!strings.HasPrefix(problems[0], name+" was NOT accepted") {
					t.Errorf("it says %q", problems)
				}
				if !stays || read(t, f.Password) != "" {
					t.Errorf("the file stays: %v; the password is %q", stays, read(t, f.Password))
				}
				return
			}
			if len(problems) > 0 || stays || read(t, f.Password) != tt.want+"\n" {
				t.Errorf("it says %q, the file stays: %v, the password is %q", problems, stays, read(t, f.Password))
			}
			if !strings.Contains(log.String(), "is now in force") || strings.Contains(log.String(), tt.want) {
				t.Errorf("logged: %s", &log)
			}
			if info, err := os.Stat(f.Password); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the file's mode: %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestKeysOnTheVolume(t *testing.T) {
	for _, tt := range []struct{ situation, name, content, want, says string }{
		{situation: "one key", content: key + "\n", want: key + "\n"},
		{situation: "from Windows", name: "authorized_keys.txt", content: "\xef\xbb\xbf# mine\r\n" + key + "\r\n",
			want: "# mine\n" + key + "\n"},
		{situation: "PowerShell writes UTF-16", content: utf16Text(binary.LittleEndian, true, key+"\r\n"), want: key + "\n"},
		{situation: "no keys any more", content: "#\n", want: "#\n"},
		{situation: "a private key", content: "-----BEGIN OPENSSH PRIVATE KEY-----\n", says: "line 1 has no public key"},
		{situation: "one line of two", content: key + "\nssh-ed25519 AAAA\n", says: "line 2 has no public key"},
		{situation: "options", content: "no-pty " + key, says: "options before a key are not supported"},
		{situation: "empty", content: "", says: "it is empty"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f := newFiles(t)
			name := tt.name
			if name == "" {
				name = "authorized_keys"
			}
			m := &medium{files: map[string][]byte{name: []byte(tt.content)}}
			problems := f.Take(m, slog.New(slog.DiscardHandler))
			_, stays := m.files[name]
			if tt.says != "" {
				if len(problems) != 1 || !strings.Contains(problems[0], tt.says) || !stays || read(t, f.Keys) != "" {
					t.Errorf("it says %q, the file stays: %v", problems, stays)
				}
			} else if len(problems) > 0 || stays || read(t, f.Keys) != tt.want {
				t.Errorf("it says %q, the file stays: %v, the keys are %q", problems, stays, read(t, f.Keys))
			}
		})
	}
}

// The power is cut before the file is deleted, or it cannot be deleted: the
// password is in force, and the next start deletes the file.
func TestFileThatStays(t *testing.T) {
	for _, tt := range []struct {
		situation string
		fault     func() error
	}{
		{situation: "the power is cut", fault: func() error { panic("off") }},
		{situation: "the volume is damaged", fault: func() error { return errors.New("read-only file system") }},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f := newFiles(t)
			m := &medium{files: map[string][]byte{PasswordFile: []byte(chosen)}, fault: tt.fault}
			func() {
				defer func() { _ = recover() }()
				if p := f.Take(m, slog.New(slog.DiscardHandler)); len(p) != 1 || !strings.Contains(p[0], "delete it here") {
					t.Errorf("it says %q", p)
				}
			}()
			if got := read(t, f.Password); got != chosen+"\n" {
				t.Fatalf("the password is %q", got)
			}
			m.fault = nil
			p := f.Take(m, slog.New(slog.DiscardHandler))
			if len(p) > 0 || len(m.files) > 0 || read(t, f.Password) != chosen+"\n" {
				t.Errorf("at the next start it says %q; left: %v", p, m.files)
			}
		})
	}
}

// A box that was built with its password keeps it when it is updated.
func TestInherit(t *testing.T) {
	const built = "built-into-the-image"
	root := func(name, password string) fs.FS { return fstest.MapFS{name: {Data: []byte(password)}} }
	for _, tt := range []struct {
		situation string
		root      fs.FS
		want      string
		isFirst   bool
	}{
		{situation: "the last images with a password", root: root("etc/pxebox/password", built), want: built},
		{situation: "images whose init served the page", root: root("etc/gokr-pw.txt", built+"\n"), want: built},
		{situation: "from before there was a minimum", root: root("etc/pxebox/password", "short"), want: "short",
			isFirst: true},
		{situation: "an image without a password", root: fstest.MapFS{"etc/hostname": {Data: []byte("pxebox")}}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f := newFiles(t)
			if err := f.Inherit(tt.root, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			if f.Chosen() != (tt.want != "") {
				t.Errorf("there is a password: %v", f.Chosen())
			}
			if tt.want == "" {
				return
			}
			got, isFirst, err := access.Password(f.Password, f.First, slog.New(slog.DiscardHandler))
			if err != nil || got != tt.want || isFirst != tt.isFirst {
				t.Errorf("got %q, first %v, %v", got, isFirst, err)
			}
		})
	}
}

func TestGenerate(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		f := newFiles(t)
		for range 2 { // the second start keeps it
			if f.Chosen() != (read(t, f.First) != "") {
				t.Fatal("it does not see the password")
			}
			if err := f.Generate(); err != nil {
				t.Fatal(err)
			}
			seen[read(t, f.First)] = true
		}
		p := strings.TrimSpace(read(t, f.First))
		if len(p) != 19 || len(p) < access.MinPassword || strings.Trim(p, alphabet+"-") != "" {
			t.Fatalf("generated %q", p)
		}
		if info, err := os.Stat(f.First); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("its mode: %v, %v", info.Mode(), err)
		}
	}
	if len(seen) != 100 {
		t.Errorf("100 boxes have %d passwords", len(seen))
	}
	if _, err := password(strings.Repeat("x", access.MinPassword)); err != nil {
		t.Errorf("the shortest password of a person: %v", err)
	}
}

// A password that is too short by hand does not count, so another one has to.
func TestChosen(t *testing.T) {
	for text, want := range map[string]bool{chosen: true, "short": false, "": false} {
		f := newFiles(t)
		if err := os.WriteFile(f.Password, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if f.Chosen() != want {
			t.Errorf("%q: %v", text, f.Chosen())
		}
	}
}

func TestText(t *testing.T) {
	full := Access{Password: "abcd-efgh-jkmn-pqrs", Fingerprint: "AB:CD", Problems: []string{"x was NOT accepted: no."}}
	if text := full.Text(); !strings.HasPrefix(text, "x was NOT accepted: no.\n\nPassword:    abcd-efgh-jkmn-pqrs\n"+
		"Certificate: SHA-256 AB:CD\n") || !strings.Contains(text, PasswordFile) {
		t.Errorf("it says %q", text)
	}
	if text := (Access{Fingerprint: "AB:CD"}).Text(); strings.Contains(text, "Password:") ||
		!strings.Contains(text, PasswordFile) {
		t.Errorf("once the owner has chosen it says %q", text)
	}
}
