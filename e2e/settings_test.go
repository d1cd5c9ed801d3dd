//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
)

const (
	settingsPort    = 443
	oldSettingsPort = 8443 // of the settings; it opens once settings may be sent
	uploadPort      = 22

	// settingsVolume is the offset in bytes of the settings volume in an image,
	// in the syntax of mtools.
	settingsVolume = "@@1048576"
)

// mtools runs one of the programs that read and write FAT without mounting it.
func mtools(t *testing.T, stdin, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	if errors.Is(cmd.Err, exec.ErrNotFound) {
		t.Fatalf("%s is missing: run make deps", program)
	}
	cmd.Stdin = strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

// onVolume returns a file of the settings volume on an image.
func onVolume(t *testing.T, image, name string) string {
	t.Helper()
	return mtools(t, "", "mtype", "-i", image+settingsVolume, "::"+name)
}

// edit changes the settings on an image as a person does with Notepad.
func edit(t *testing.T, image, text string) {
	t.Helper()
	text = "\xef\xbb\xbf" + strings.ReplaceAll(text, "\n", "\r\n")
	mtools(t, text, "mcopy", "-o", "-i", image+settingsVolume, "-", "::pxebox.toml")
}

// dial connects to the box once it listens.
func (s *site) dial(ctx context.Context, port uint16) net.Conn {
	s.t.Helper()
	to := netip.AddrPortFrom(lab.BoxAddr, port).String()
	for {
		conn, err := s.Observer.DialContext(ctx, "tcp", to)
		if err == nil {
			return conn
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("%s: %v; %v", to, context.Cause(ctx), err)
		case <-time.After(time.Second):
		}
	}
}

// waitSettings waits until settings may be sent to the box.
func (s *site) waitSettings() {
	s.t.Helper()
	s.dial(s.within(boxBoots), oldSettingsPort).Close()
	s.dial(s.within(boxBoots), settingsPort).Close()
}

// settings gets the box's settings over HTTPS, or sends it new ones.
func (s *site) settings(method, password, text string) (int, string) {
	s.t.Helper()
	s.waitSettings()
	code, answer, err := s.askSettings(s.within(clientBoots), onBox(settingsPort), method, password, text)
	if err != nil {
		s.t.Fatal(err)
	}
	return code, answer
}

// onBox returns a port of the box at its fixed address.
func onBox(port uint16) netip.AddrPort { return netip.AddrPortFrom(lab.BoxAddr, port) }

func (s *site) askSettings(ctx context.Context, to netip.AddrPort, method, password, text string) (int, string, error) {
	transport := &http.Transport{
		DialContext:     s.Observer.DialContext,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the test has no way to verify the box
	}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("https://%v/pxebox.toml", to), strings.NewReader(text))
	if err != nil {
		return 0, "", err
	}
	r.SetBasicAuth("gokrazy", password)
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// titled returns settings whose menu has this title.
func titled(title string) string {
	menu := strings.ReplaceAll(lab.Menu(0, "disk", true), lab.Title, title)
	return strings.ReplaceAll(powerSettings, "\n\n", "\n") + menu + lab.DiskEntry
}

// TestImageSettings takes a box through three boots. A person edits the
// settings on the medium; then they are changed over the network; then a person
// makes a mistake. The power is cut each time, right after the answer.
func TestImageSettings(t *testing.T) {
	t.Parallel()
	p := &powered{site: newSite(t, "settings")}
	edited := filepath.Join(t.TempDir(), "edited.img")
	if out, err := exec.Command("cp", "--sparse=always", image(t), edited).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if readme := onVolume(t, edited, "README.txt"); !strings.Contains(readme, "pxebox.toml") {
		t.Errorf("the README on the image says %q", readme)
	}
	if shipped := onVolume(t, edited, "pxebox.toml"); !strings.Contains(shipped, "[dhcp]") {
		t.Errorf("the settings on the image are %q", shipped)
	}
	edit(t, edited, titled("From the medium"))
	var err error
	// As in the image: the settings in force are the built-in ones.
	if p.Power, err = p.PowerBox(edited, diskSize, map[string]lab.File{lab.BootDir + "/README.txt": {}}); err != nil {
		t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(*cutSeed, 0))
	cut := func() {
		p.Disk.Cut(chance)
		p.Off()
	}
	boot := func(title string) {
		t.Helper()
		p.on()
		if err := p.WaitReady(p.within(boxBoots), lab.BoxAddr, title); err != nil {
			t.Fatal(err)
		}
	}

	boot("From the medium")
	if code, text := p.settings("GET", "guess", ""); code != http.StatusUnauthorized ||
		strings.Contains(text, "[menu]") {
		t.Errorf("a guess gets %d %q", code, text)
	}
	if code, text := p.settings("GET", lab.BoxPassword, ""); code != http.StatusOK || text != titled("From the medium") {
		t.Errorf("the settings in force: %d %q", code, text)
	}
	code, text, err := p.askSettings(p.within(clientBoots), onBox(oldSettingsPort), "GET", lab.BoxPassword, "")
	if err != nil || code != http.StatusOK || text != titled("From the medium") {
		t.Errorf("the settings in force, at the old port: %d %q, %v", code, text, err)
	}
	if code, text := p.settings("PUT", lab.BoxPassword,
		"[menu]\ntimeuot = \"5s\"\n"); code != http.StatusUnprocessableEntity ||
		!strings.Contains(text, "pxebox.toml:2: menu.timeuot") {
		t.Errorf("a mistake gets %d %q", code, text)
	}
	if code, text := p.settings("PUT", lab.BoxPassword, titled("From the network")); code != http.StatusOK ||
		text != "accepted\n" {
		t.Errorf("new settings get %d %q", code, text)
	}
	cut()
	if r := onVolume(t, p.File, "pxebox-result.txt"); !strings.Contains(r, "without a mistake") {
		t.Errorf("the result of the edit: %q", r)
	}

	boot("From the network")
	// The menu comes from /perm. The box writes the volume before it opens this
	// port.
	p.dial(p.within(boxBoots), oldSettingsPort).Close()
	cut()
	if r := onVolume(t, p.File, "pxebox-result.txt"); !strings.Contains(r, "changed over the network") {
		t.Errorf("the result of the change over the network: %q", r)
	}
	if text := onVolume(t, p.File, "pxebox.toml"); text != titled("From the network") {
		t.Errorf("the medium does not show the settings in force: %q", text)
	}

	edit(t, p.File, titled("With a mistake")+"\n[menus]\n")
	boot("From the network")
	if code, text := p.settings("GET", lab.BoxPassword, ""); code != http.StatusOK || text != titled("From the network") {
		t.Errorf("with a mistake on the medium: %d %q", code, text)
	}
	cut()
	if r := onVolume(t, p.File, "pxebox-result.txt"); !strings.Contains(r, "has mistakes") ||
		!strings.Contains(r, ": menus: is not known") {
		t.Errorf("the result of the mistake: %q", r)
	}
	if text := onVolume(t, p.File, "pxebox.toml"); !strings.Contains(text, "[menus]") {
		t.Errorf("the person's work is gone: %q", text)
	}
}

// TestImageHugeSettings gives a box settings whose menus would have 300 MiB, on
// the medium and over the network. The box keeps its current settings, and says
// why.
func TestImageHugeSettings(t *testing.T) {
	var huge strings.Builder
	huge.WriteString(titled("Huge"))
	for i := range 1999 { // with the disk these are 2,000 entries
		fmt.Fprintf(&huge, "[[entry]]\nname = \"e%d\"\nkernel = \"linux\"\nappend = %q\n", i, strings.Repeat("x", 100))
	}
	for i := range 300 {
		fmt.Fprintf(&huge, "[[machine]]\nmac = [\"52:54:00:00:%02x:%02x\"]\ndefault = \"e%d\"\n", i>>8, i&0xff, i)
	}
	p := newPowered(t, "huge-settings")
	edit(t, p.File, huge.String())
	p.on()
	p.waitBox(lab.BoxAddr)
	const why = "all menus together exceed the box's limit of 16 MiB"
	if code, text := p.settings("PUT", lab.BoxPassword, huge.String()); code != http.StatusUnprocessableEntity ||
		!strings.Contains(text, why) {
		t.Errorf("by the network they get %d %.200q", code, text)
	}
	if code, text := p.settings("GET", lab.BoxPassword, ""); code != http.StatusOK || strings.Contains(text, "Huge") {
		t.Errorf("in force is, with %d, %.200q", code, text)
	}
	if line := regexp.MustCompile(`[^\n]*(?i:out of memory|oom-kill)[^\n]*`).FindString(
		p.box.Console.Text()); line != "" {
		t.Error(line)
	}
	p.Disk.Cut(rand.New(rand.NewPCG(*cutSeed, 0)))
	p.Off()
	if r := onVolume(t, p.File, "pxebox-result.txt"); !strings.Contains(r, "has mistakes") ||
		!strings.Contains(r, why) {
		t.Errorf("the medium says %q", r)
	}
	if text := onVolume(t, p.File, "pxebox.toml"); !strings.HasSuffix(text, huge.String()) { // after Notepad's mark
		t.Errorf("the person's work is gone: %.200q", text)
	}
}

// TestImageDamagedPerm destroys the file system on which the box stores its
// data: the box serves the built-in menu, and a file on the medium says why.
func TestImageDamagedPerm(t *testing.T) {
	t.Parallel()
	p := newPowered(t, "damaged-perm")
	f, err := os.OpenFile(p.File, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(make([]byte, 1<<20), p.start)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := p.StartDHCP(p.within(boxBoots), kernelPinDir); err != nil {
		t.Fatal(err)
	}
	p.on()
	addr, err := p.BoxAddress(p.within(boxBoots))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitReady(p.within(boxBoots), addr, "Network boot"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.box.Console.WaitFor(p.within(boxBoots),
		"settings and boot files cannot be changed over the network"); err != nil {
		t.Fatal(err)
	}
	// For its log and an update the box has a password until its next start.
	secret := p.generatedPassword(p.box)
	page, err := p.PageClient(addr)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := fetch(p.within(clientBoots), page, http.MethodGet, "", secret, nil); err != nil ||
		code != http.StatusOK {
		t.Errorf("with the password on the screen: %d, %v", code, err)
	}
	p.Disk.Cut(rand.New(rand.NewPCG(*cutSeed, 0)))
	p.Off()
	if r := onVolume(t, p.File, "pxebox-result.txt"); !strings.Contains(r, "CANNOT SAVE ANYTHING") ||
		!strings.Contains(r, secret) {
		t.Errorf("the medium says %q", r)
	}
}

// TestImageOpenPorts tries every TCP port of a box, and the UDP ports that
// programs on such a machine might have opened.
func TestImageOpenPorts(t *testing.T) {
	s := newSite(t, "open-ports")
	s.startBox(titled(lab.Title), nil)
	s.waitBox(lab.BoxAddr)
	s.waitSettings()
	s.dial(s.within(boxBoots), uploadPort).Close()

	const scanners = 64
	ports := make(chan uint16)
	var (
		mu   sync.Mutex
		open []uint16
		wg   sync.WaitGroup
	)
	ctx := s.within(5 * time.Minute)
	for range scanners {
		wg.Go(func() {
			for port := range ports {
				conn, err := s.Observer.DialContext(ctx, "tcp", netip.AddrPortFrom(lab.BoxAddr, port).String())
				if err == nil {
					conn.Close()
					mu.Lock()
					open = append(open, port)
					mu.Unlock()
				} else if !strings.Contains(err.Error(), "refused") {
					t.Errorf("TCP port %d: %v", port, err)
				}
			}
		})
	}
	for port := 1; port <= 65535; port++ {
		ports <- uint16(port)
	}
	close(ports)
	wg.Wait()
	slices.Sort(open)
	if want := documentedPorts(t); !slices.Equal(open, want) {
		t.Errorf("open TCP ports: %v; docs/architecture.md lists %v", open, want)
	}
	for _, port := range open {
		s.checkNothingInClear(port)
	}

	for _, tt := range []struct {
		port uint16
		open bool
	}{
		{67, true}, {69, true}, {4011, true},
		{53, false}, {68, false}, {111, false}, {123, false}, {161, false}, {443, false}, {514, false}, {546, false},
		{1900, false}, {5353, false}, {8443, false},
	} {
		if got := s.udpOpen(tt.port); got != tt.open {
			t.Errorf("UDP port %d: open %v, want %v", tt.port, got, tt.open)
		}
	}
}

// checkNothingInClear sends an HTTP request without TLS, with the password. The
// port may speak another protocol, refuse, or serve public content (port 80,
// which has no passwords). It must never serve a page that needs the password,
// ask for the password, or redirect to a page that asks for it.
func (s *site) checkNothingInClear(port uint16) {
	s.t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{DialContext: s.Observer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, path := range []string{"", "pxebox.toml", "update/features"} {
		url := fmt.Sprintf("http://%v/%s", netip.AddrPortFrom(lab.BoxAddr, port), path)
		r, err := http.NewRequestWithContext(s.within(clientBoots), http.MethodGet, url, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		r.SetBasicAuth("gokrazy", lab.BoxPassword)
		resp, err := client.Do(r)
		if err != nil {
			s.t.Logf("%s: %v", url, err)
			if r.Context().Err() != nil {
				s.t.Errorf("%s: no answer", url)
			}
			continue
		}
		resp.Body.Close()
		s.t.Logf("%s: %s", url, resp.Status)
		if ask := resp.Header.Get("WWW-Authenticate"); ask != "" || resp.StatusCode < http.StatusBadRequest {
			s.t.Errorf("%s answers %s, and asks for a password by %q", url, resp.Status, ask)
		}
	}
}

// documentedPorts returns the TCP ports of the table in docs/architecture.md.
func documentedPorts(t *testing.T) []uint16 {
	t.Helper()
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var ports []uint16
	for _, row := range regexp.MustCompile(`(?m)^\| TCP (\d+) \|`).FindAllStringSubmatch(string(text), -1) {
		port, err := strconv.ParseUint(row[1], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, uint16(port))
	}
	slices.Sort(ports)
	return ports
}

// udpOpen reports whether a UDP port accepts packets. A closed port is refused
// by ICMP, which Linux sends to a peer at most once a second after the first
// few (icmp(7), icmp_ratelimit), so udpOpen sends several packets.
func (s *site) udpOpen(port uint16) bool {
	s.t.Helper()
	conn, err := s.Observer.DialUDP(netip.AddrPortFrom(lab.BoxAddr, port))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	for range 6 {
		// Not a request of any of the protocols.
		if _, err := conn.Write([]byte{0xff}); err != nil {
			return !strings.Contains(err.Error(), "refused")
		}
		if err := conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			s.t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1500)); err != nil && strings.Contains(err.Error(), "refused") {
			return false
		}
	}
	return true
}
