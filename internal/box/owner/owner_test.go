package owner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/pxebox/pxebox/internal/base/access"
)

// medium is a volume in memory. fault, if set, is called before a file is
// deleted: it may fail, or panic because the power is cut.
type medium struct {
	files   map[string][]byte
	damaged error // of each read
	fault   func() error
}

func (m *medium) Read(name string) ([]byte, error) {
	if m.damaged != nil {
		return nil, m.damaged
	}
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
		{situation: "UTF-16 big endian without a mark", content: utf16Text(binary.BigEndian, false, chosen), want: chosen},
		{situation: "as long as it may be", content: strings.Repeat("~", maxPassword),
			want: strings.Repeat("~", maxPassword)},
		{situation: "as short as it may be", content: strings.Repeat("x", access.MinPassword),
			want: strings.Repeat("x", access.MinPassword)},
		{situation: "as large as a file may be", content: chosen + strings.Repeat("\n", maxText-len(chosen)), want: chosen},
		{situation: "Notepad hides the ending", name: PasswordFile + ".txt", content: chosen, want: chosen},
		{situation: "one character", content: "x", says: "has 1 characters; choose one of at least 12"},
		{situation: "one too few", content: strings.Repeat("x", access.MinPassword-1), says: "has 11 characters"},
		{situation: "a tab in it", content: "correct\thorse", says: "only unaccented letters"},
		{situation: "a zero first", content: "\x00\x00" + chosen + "x", says: "not plain text"},
		{situation: "a zero in the place of UTF-16, and nothing else", content: "\x00", says: "not plain text"},
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
			if err := os.WriteFile(f.Password, []byte("an earlier one"), 0o644); err != nil {
				t.Fatal(err)
			}
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
				if !stays || read(t, f.Password) != "an earlier one" {
					t.Errorf("the file stays: %v; the password is %q", stays, read(t, f.Password))
				}
				if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "was not used") ||
					len(tt.content) > 2 && strings.Contains(text, strings.TrimSpace(tt.content)) {
					t.Errorf("logged: %s", text)
				}
				return
			}
			if len(problems) > 0 || stays || read(t, f.Password) != tt.want+"\n" {
				t.Errorf("it says %q, the file stays: %v, the password is %q", problems, stays, read(t, f.Password))
			}
			if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "is now in force") ||
				strings.Contains(log.String(), tt.want) {
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
		{situation: "the volume is write-protected", fault: func() error { return errors.New("read-only file system") }},
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

// What cannot be read or stored is reported, and stays on the volume.
func TestDisksThatFail(t *testing.T) {
	for _, tt := range []struct {
		situation string
		damaged   error
		says      string
	}{
		{situation: "the volume", damaged: errors.New("input/output error"), says: " cannot be read: input/output error"},
		{situation: "the box's disk", says: "the box could not save it"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f := newFiles(t)
			f.Password = filepath.Join(f.Password, "none")
			m := &medium{files: map[string][]byte{PasswordFile: []byte(chosen)}, damaged: tt.damaged}
			problems := f.Take(m, slog.New(slog.DiscardHandler))
			if len(problems) == 0 || !strings.Contains(problems[0], PasswordFile) || !strings.Contains(problems[0], tt.says) ||
				len(m.files) != 1 {
				t.Errorf("it says %q, and the volume has %v", problems, m.files)
			}
		})
	}
	f := newFiles(t)
	f.First = filepath.Join(f.Password, "none")
	if err := os.WriteFile(f.Password, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Generate(); err == nil {
		t.Error("the first password is lost")
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
		{situation: "as short as a person's may be", root: root("etc/pxebox/password", "correct-hors"),
			want: "correct-hors"},
		{situation: "an empty file", root: fstest.MapFS{"etc/pxebox/password": {Data: []byte("\n")},
			"etc/gokr-pw.txt": {Data: []byte(built)}}, want: built},
		{situation: "an image without a password", root: fstest.MapFS{"etc/hostname": {Data: []byte("pxebox")}}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f := newFiles(t)
			var log bytes.Buffer
			if err := f.Inherit(tt.root, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
				t.Fatal(err)
			}
			if text := log.String(); strings.Contains(text, "keeps the password") != (tt.want != "") ||
				tt.want != "" && strings.Contains(text, tt.want) {
				t.Errorf("logged: %s", text)
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

// Without the password of the earlier image, the owner would be locked out: that is
// no reason to generate another one.
func TestInheritFails(t *testing.T) {
	f := newFiles(t)
	folder := fstest.MapFS{"etc/pxebox/password/x": {}}
	if err := f.Inherit(folder, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a password that cannot be read is no error")
	}
	for _, password := range []string{"built-into-the-image", "short"} {
		f := newFiles(t)
		f.Password = filepath.Join(f.Password, "none")
		if err := os.WriteFile(filepath.Dir(f.First), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		root := fstest.MapFS{"etc/pxebox/password": {Data: []byte(password)}}
		var log bytes.Buffer
		if err := f.Inherit(root, slog.New(slog.NewTextHandler(&log, nil))); err == nil || log.Len() > 0 {
			t.Errorf("a password that cannot be stored: %v; logged: %s", err, &log)
		}
	}
}

func TestGenerate(t *testing.T) {
	form := regexp.MustCompile(`^[a-z2-9]{4}(-[a-z2-9]{4}){3}\n$`)
	seen, characters := map[string]bool{}, map[rune]bool{}
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
		p := read(t, f.First)
		if !form.MatchString(p) || strings.ContainsAny(p, "ilo") {
			t.Fatalf("generated %q", p)
		}
		for _, c := range p {
			characters[c] = true
		}
		if info, err := os.Stat(f.First); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("its mode: %v, %v", info.Mode(), err)
		}
	}
	if len(seen) != 100 {
		t.Errorf("100 boxes have %d passwords", len(seen))
	}
	// One of 1,600 characters is each of 31, but for a chance of one in 10^21.
	if n := len(characters) - len("-\n"); n != 31 {
		t.Errorf("the passwords have %d different characters", n)
	}
}

// A password that is too short by hand does not count, so another one has to.
func TestChosen(t *testing.T) {
	for text, want := range map[string]bool{chosen: true, "correct-hors": true, "correct-hor": false, "": false} {
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
	const choose = "To change the password, write the new one into a file called\n" + PasswordFile +
		" here, and restart the box. It deletes the file.\n"
	for situation, tt := range map[string]struct {
		access Access
		want   string
	}{
		"a new box, with a mistake": {
			Access{Password: "abcd-efgh-jkmn-pqrs", Fingerprint: "AB:CD", Problems: []string{"x was NOT accepted: no."}},
			"x was NOT accepted: no.\n\nPassword:    abcd-efgh-jkmn-pqrs\nCertificate: SHA-256 AB:CD\n" +
				"\nThe box has generated this password, and shows it until you choose another one.\n" + choose},
		"once the owner has chosen": {Access{Fingerprint: "AB:CD"}, "Certificate: SHA-256 AB:CD\n" + choose},
		"without a certificate":     {Access{}, choose},
	} {
		if got := tt.access.Text(); got != tt.want {
			t.Errorf("%s: %q", situation, got)
		}
	}
}
