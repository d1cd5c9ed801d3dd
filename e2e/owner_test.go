//go:build e2e

package e2e

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/ssh"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// What the console shows about the box's secrets.
var (
	generated   = regexp.MustCompile(`pxebox: Password    (\S+) until you choose one`)
	fingerprint = regexp.MustCompile(`pxebox: Certificate (\S+)`)
	boxKeys     = regexp.MustCompile(`msg="the box's keys"[^\n]* https="?(sha256//[^" ]+)"? ssh="?(SHA256:[^" \r\n]+)`)
)

// shown waits for something on a box's console, and returns the groups.
func (s *site) shown(box *qemu.Machine, what *regexp.Regexp) []string {
	s.t.Helper()
	m, err := box.Console.WaitFor(s.within(boxBoots), what.String())
	if err != nil {
		s.t.Fatal(err)
	}
	return what.FindStringSubmatch(m.Text)[1:]
}

// generatedPassword returns the password that the box has generated.
func (s *site) generatedPassword(box *qemu.Machine) string {
	s.t.Helper()
	return s.shown(box, generated)[0]
}

// TestTwoBoxesOfOneImage flashes two boxes with the same file. They have nothing
// secret in common, and each says on its console and on its volume how to reach
// it. One then gets its owner's password and key, as files on the volume.
func TestTwoBoxesOfOneImage(t *testing.T) {
	flashed := filepath.Join(t.TempDir(), "flashed.img")
	if out, err := exec.Command("cp", "--sparse=always", image(t), flashed).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	edit(t, flashed, titled(lab.Title)) // for the address
	if readme := onVolume(t, flashed, "README.txt"); !strings.Contains(readme, "pxebox-password.txt") {
		t.Errorf("the README on the image says %q", readme)
	}
	var p *powered
	var secret string
	of := map[string]int{} // which box has a secret
	for i := range 2 {
		p = &powered{site: newSite(t, fmt.Sprintf("two-boxes-%d", i))}
		var err error
		if p.Power, err = p.PowerBox(flashed, diskSize, nil); err != nil {
			t.Fatal(err)
		}
		p.on()
		p.waitBox(lab.BoxAddr)
		p.waitSettings()
		secret = p.generatedPassword(p.box)
		certificate := p.shown(p.box, fingerprint)[0]
		for _, secret := range append(p.shown(p.box, boxKeys), secret, certificate) {
			if other, ok := of[secret]; ok {
				t.Errorf("box %d and box %d have the same %s", other, i, secret)
			}
			of[secret] = i
		}
		p.checkCertificate(certificate)
		p.checkPasswords(secret, lab.BoxPassword)
		p.Off()
		if r := onVolume(t, p.File, "pxebox-result.txt"); !strings.Contains(r, "\nPassword:    "+secret+"\n") ||
			!strings.Contains(r, certificate) || !strings.Contains(r, "without a mistake") {
			t.Errorf("the volume says %q", r)
		}
	}

	const chosen = "three words mine"
	key, err := ssh.NewSignerFromKey(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, content string) {
		t.Helper()
		mtools(t, content, "mcopy", "-o", "-i", p.File+settingsVolume, "-", "::"+name)
	}
	put("pxebox-password.txt", notepadUnicode(chosen+"\r\n"))
	put("authorized_keys", string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	p.on()
	p.waitBox(lab.BoxAddr)
	p.waitSettings()
	p.checkPasswords(chosen, secret)
	p.checkKey(key)
	for _, line := range []string{"the password on the volume is now in force", "the SSH keys on the volume are now in force"} {
		if !strings.Contains(p.box.Console.Text(), `msg="`+line+`"`) {
			t.Errorf("the log does not say: %s", line)
		}
	}
	if line := generated.FindString(p.box.Console.Text()); line != "" || strings.Contains(p.box.Console.Text(), chosen) {
		t.Errorf("the console shows a password: %q", line)
	}
	p.Off()
	if files := mtools(t, "", "mdir", "-b", "-i", p.File+settingsVolume, "::"); strings.Contains(files, "password") ||
		strings.Contains(files, "authorized") {
		t.Errorf("left on the volume: %s", files)
	}
	if r := onVolume(t, p.File, "pxebox-result.txt"); strings.Contains(r, secret) || strings.Contains(r, chosen) ||
		!strings.Contains(r, "To change the password") {
		t.Errorf("the volume says %q", r)
	}

	put("pxebox-password.txt", "short\r\n")
	p.on()
	p.waitBox(lab.BoxAddr)
	p.waitSettings()
	p.checkPasswords(chosen, "short")
	p.Off()
	if r := onVolume(t, p.File, "pxebox-result.txt"); !strings.Contains(r,
		"pxebox-password.txt was NOT accepted, and stays here until you correct or delete it: "+
			"the password has 5 characters; choose one of at least 12") {
		t.Errorf("the volume says %q", r)
	}
}

// notepadUnicode returns a text as Notepad saves it with the encoding "Unicode".
func notepadUnicode(text string) string {
	b := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return string(b)
}

// checkPasswords tries both on the page, on gokrazy's page and by SFTP.
func (p *powered) checkPasswords(right, wrong string) {
	p.t.Helper()
	page, err := p.PageClient(lab.BoxAddr)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, tt := range []struct {
		password string
		code     int
	}{{right, http.StatusOK}, {wrong, http.StatusUnauthorized}} {
		if code, text := p.settings("GET", tt.password, ""); code != tt.code {
			p.t.Errorf("the page answers %q with %d %.100q", tt.password, code, text)
		}
		code, err := fetch(p.within(clientBoots), page, http.MethodGet, "", tt.password, nil)
		if err != nil || code != tt.code {
			p.t.Errorf("gokrazy's page answers %q with %d, %v", tt.password, code, err)
		}
		if err := p.logIn(ssh.Password(tt.password)); (err == nil) != (tt.code == http.StatusOK) {
			p.t.Errorf("SFTP with %q: %v", tt.password, err)
		}
	}
}

// checkCertificate compares what the two HTTPS ports show with the console.
func (p *powered) checkCertificate(want string) {
	p.t.Helper()
	for _, port := range []uint16{settingsPort, lab.PagePort} {
		conn := tls.Client(p.dial(p.within(boxBoots), port), &tls.Config{InsecureSkipVerify: true})
		if err := conn.HandshakeContext(p.within(clientBoots)); err != nil {
			p.t.Fatal(err)
		}
		c := conn.ConnectionState().PeerCertificates[0]
		conn.Close()
		is := strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(c.Raw)), " ", ":")
		if is != want || len(c.DNSNames) == 0 {
			p.t.Errorf("port %d has the certificate %s of %v, the console shows %s", port, is, c.DNSNames, want)
		}
	}
}

func (p *powered) checkKey(key ssh.Signer) {
	p.t.Helper()
	if err := p.logIn(ssh.PublicKeys(key)); err != nil {
		p.t.Errorf("SFTP with the key: %v", err)
	}
}

// logIn logs in by SSH.
func (p *powered) logIn(by ssh.AuthMethod) error {
	p.t.Helper()
	conn := p.dial(p.within(boxBoots), uploadPort)
	defer conn.Close()
	c, _, _, err := ssh.NewClientConn(conn, "box", &ssh.ClientConfig{
		User: "gokrazy", Auth: []ssh.AuthMethod{by}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return err
	}
	return c.Close()
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
