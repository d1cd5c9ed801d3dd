package menu

import (
	"bytes"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// salts is the random source of the tests.
func salts() *bytes.Reader {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return bytes.NewReader(b)
}

// openssl has a separate implementation of SHA-512 crypt.
func TestPasswordForPXELINUXIsWhatOpensslMakes(t *testing.T) {
	const password = "correct horse 'battery' $taple"
	both, err := HashPassword(password, salts())
	if err != nil {
		t.Fatal(err)
	}
	crypt, _, _ := strings.Cut(both, " ")
	salt := strings.Split(crypt, "$")[2]
	out, err := exec.Command("openssl", "passwd", "-6", "-salt", salt, password).Output()
	if err != nil {
		t.Fatalf("openssl (package openssl) is needed: run make deps: %v", err)
	}
	if want := strings.TrimSpace(string(out)); crypt != want {
		t.Errorf("got  %s\nwant %s", crypt, want)
	}
}

// grub-mkpasswd-pbkdf2 chooses its salt, so the test hashes again with that salt.
func TestPasswordForGRUBIsWhatGrubMkpasswdMakes(t *testing.T) {
	const password = "correct horse 'battery' $taple"
	cmd := exec.Command("grub-mkpasswd-pbkdf2")
	cmd.Stdin = strings.NewReader(password + "\n" + password + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("grub-mkpasswd-pbkdf2 (package grub-common) is needed: run make deps: %v", err)
	}
	want := regexp.MustCompile(`grub\.pbkdf2\.\S+`).FindString(string(out))
	parts := strings.Split(want, ".")
	if len(parts) != 6 {
		t.Fatalf("grub-mkpasswd-pbkdf2 says %q", out)
	}
	random := append(make([]byte, cryptSalt), spec.Hex(pairs(parts[4])).Bytes()...)
	both, err := HashPassword(password, bytes.NewReader(random))
	if err != nil {
		t.Fatal(err)
	}
	if _, got, _ := strings.Cut(both, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// pairs puts colons between the bytes of a hexadecimal text.
func pairs(s string) string {
	return strings.TrimSuffix(regexp.MustCompile("..").ReplaceAllString(s, "$0:"), ":")
}

func TestPasswordIsWhatTheConfigurationTakes(t *testing.T) {
	both, err := HashPassword("secret", salts())
	if err != nil {
		t.Fatal(err)
	}
	c, err := parser.Parse("f.toml", []byte("[menu]\npassword = \""+both+"\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Menu.Password.Crypt + " " + c.Menu.Password.PBKDF2; got != both {
		t.Errorf("got %q, want %q", got, both)
	}
}

func TestHashPasswordRefuses(t *testing.T) {
	for situation, password := range map[string]string{
		"nothing":                       "",
		"a letter of no US keyboard":    "schlüssel",
		"a line break":                  "a\nb",
		"a letter that is no character": "\xff",
		"more than a menu takes":        strings.Repeat("x", 65),
	} {
		t.Run(situation, func(t *testing.T) {
			got, err := HashPassword(password, salts())
			if err == nil {
				t.Errorf("got %q", got)
			} else if password != "" && strings.Contains(err.Error(), password) {
				t.Errorf("the error %q says the password", err)
			}
		})
	}
	if _, err := HashPassword(strings.Repeat("x", 64), salts()); err != nil {
		t.Errorf("as much as a menu takes: %v", err)
	}
	broken := errors.New("no entropy")
	if _, err := HashPassword("secret", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("without random salts: %v", err)
	}
}
