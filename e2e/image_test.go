//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
)

// How long things may take where the processor is emulated.
const (
	boxBoots    = 4 * time.Minute
	clientBoots = 2 * time.Minute
	handsOver   = 2 * time.Minute
)

// updatePort is where gokrazy's update page listens.
const updatePort = 8080

// startBox boots the appliance's image with these settings and boot files.
// The image is that of make image, or the file PXEBOX_IMAGE.
func (s *site) startBox(settings string, bootFiles map[string]lab.File) {
	s.t.Helper()
	image := cmp.Or(os.Getenv("PXEBOX_IMAGE"), filepath.Join(buildDir, "pxebox-amd64.img"))
	if _, err := os.Stat(image); err != nil && os.Getenv("PXEBOX_IMAGE") == "" {
		s.t.Fatal("build/pxebox-amd64.img is missing: run make image")
	}
	perm := map[string]lab.File{lab.SettingsFile: {Content: []byte(settings)}}
	for name, file := range bootFiles {
		perm[path.Join(lab.BootDir, name)] = file
	}
	if _, err := s.StartBox(image, perm); err != nil {
		s.t.Fatal(err)
	}
}

// waitBox waits until the box serves the menu from its settings.
func (s *site) waitBox(addr netip.Addr) {
	s.t.Helper()
	if err := s.WaitReady(s.within(boxBoots), addr, lab.Title); err != nil {
		s.t.Fatal(err)
	}
}

// waitMenu waits until the client shows an entry.
func (s *site) waitMenu(label string) {
	s.t.Helper()
	if _, err := s.client.Console.WaitFor(s.within(clientBoots), label); err != nil {
		s.t.Fatal(err)
	}
}

func TestImageServerModeToWDS(t *testing.T) {
	s := newSite(t, "server-mode")
	s.startBox(lab.ServerMode+lab.Menu(5*time.Second, "wds", true)+lab.WDSEntry+lab.DiskEntry, nil)
	s.waitBox(lab.BoxAddr)
	t.Run("update page", func(t *testing.T) { s.checkUpdatePage(t, lab.BoxAddr) })
	s.startClient(lab.ClientConfig{})
	s.waitMenu("Windows Deployment Services")
	if v := s.verdict(s.within(handsOver)); !strings.HasPrefix(v, nbp.OK) {
		t.Error(v)
	}
	s.checkHandoff()
}

func TestImageProxyModeToWDS(t *testing.T) {
	s := newSite(t, "proxy-mode")
	if err := s.StartDHCP(s.within(boxBoots), kernelPinDir); err != nil {
		t.Fatal(err)
	}
	s.startBox(lab.ProxyMode+lab.Menu(5*time.Second, "wds", true)+lab.WDSEntry+lab.DiskEntry, nil)
	addr, err := s.BoxAddress(s.within(boxBoots))
	if err != nil {
		t.Fatal(err)
	}
	s.waitBox(addr)
	s.startClient(lab.ClientConfig{})
	s.waitMenu("Windows Deployment Services")
	if v := s.verdict(s.within(handsOver)); !strings.HasPrefix(v, nbp.OK) {
		t.Error(v)
	}
	s.checkHandoff()
	s.checkOnlyLease(lab.DHCPAddr)
}

// TestImageWithoutW leaves -W off, and so shows that the tests above would
// notice: packet 2 then still names the box.
func TestImageWithoutW(t *testing.T) {
	s := newSite(t, "without-w")
	const entry = `
[[entry]]
name   = "no-w"
label  = "WDS without -W"
file   = "pxechn.c32"
append = '192.168.77.2::boot\x64\wdsnbp.com'
`
	s.startBox(lab.ServerMode+lab.Menu(5*time.Second, "no-w", true)+entry, nil)
	s.waitBox(lab.BoxAddr)
	s.startClient(lab.ClientConfig{})
	s.waitMenu("WDS without -W")
	if v := s.verdict(s.within(handsOver)); !strings.HasPrefix(v, nbp.Fail) {
		t.Errorf("without -W the verdict is %q", v)
	}
	line := grep(s.client.Console.Text(), nbp.Prefix+"packet 2")
	if !strings.Contains(line, fmt.Sprintf(" siaddr=%v ", lab.BoxAddr)) {
		t.Errorf("without -W cached packet 2 names somebody else than the box: %q", line)
	}
	if q := s.WDS.Queries(); len(q) != 0 {
		t.Errorf("without -W the WDS server was asked: %v", q)
	}
}

func TestImageLiveSystem(t *testing.T) {
	s := newSite(t, "live-system")
	// The Makefile unpacks Debian's package there.
	dir := filepath.Join(buildDir, "cache", "debian-installer")
	files := make(map[string]lab.File)
	for _, name := range []string{"linux", "initrd.gz"} {
		from := filepath.Join(dir, name)
		if _, err := os.Stat(from); err != nil {
			t.Fatal("build/cache/debian-installer is missing: run make e2e")
		}
		files["debian/"+name] = lab.File{From: from}
	}
	s.startBox(lab.ServerMode+lab.Menu(5*time.Second, "debian", true)+lab.WDSEntry+lab.DebianEntry, files)
	s.waitBox(lab.BoxAddr)
	s.startClient(lab.ClientConfig{Memory: 768})
	s.waitMenu("Debian installer")
	m, err := s.client.Console.WaitFor(s.within(10*time.Minute), "Starting system log daemon")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the installer's own init says: %s", m.Text)
}

// checkUpdatePage asks for gokrazy's update page as a person does. Without a
// password it must answer 401 at least: then gok update gets through.
func (s *site) checkUpdatePage(t *testing.T, box netip.Addr) {
	transport := &http.Transport{DialContext: s.Observer.DialContext}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	url := fmt.Sprintf("http://%v/", netip.AddrPortFrom(box, updatePort))
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s answers %s", url, resp.Status)
	}
}
