//go:build peers

package peers

import (
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// imageUser is the ID of the user in the container image.
const imageUser = 10067

// newContainer unpacks the container image that make peers built. Its programs run
// with the command lines of compose.yaml, as the image's user, and have the
// capabilities of their files.
func newContainer(s *site) *installed {
	s.t.Helper()
	layout := s.t.TempDir()
	i := &installed{site: s, root: s.t.TempDir(), user: imageUser}
	i.command = func(name string) *exec.Cmd { return i.program(name, composed(s, name)) }
	untar := func(args ...string) {
		s.t.Helper()
		if out, err := exec.Command("tar", args...).CombinedOutput(); err != nil {
			s.t.Fatalf("tar: %v: %s: run make peers, which builds the image", err, out)
		}
	}
	untar("-xf", filepath.Join(buildDir, "oci-peers.tar"), "-C", layout)
	blob := func(digest string) string {
		return filepath.Join(layout, "blobs", strings.Replace(digest, ":", "/", 1))
	}
	type blobs struct {
		Manifests, Layers []struct{ Digest string }
	}
	read := func(path string) (b blobs) {
		s.t.Helper()
		content, err := os.ReadFile(path)
		s.must(err)
		s.must(json.Unmarshal(content, &b))
		return b
	}
	index := read(blob(read(filepath.Join(layout, "index.json")).Manifests[0].Digest))
	layers := read(blob(index.Manifests[0].Digest)).Layers
	untar("--xattrs", "--xattrs-include=security.capability", "-xzf", blob(layers[0].Digest), "-C", i.root)
	i.prepare()
	return i
}

// composed returns the command line of a service of compose.yaml.
func composed(s *site, service string) []string {
	s.t.Helper()
	b, err := os.ReadFile("../packaging/container/compose.yaml")
	s.must(err)
	command := regexp.MustCompile(`(?m)^    command: (/usr/sbin/` + service + ` .*)$`).FindSubmatch(b)
	if command == nil {
		s.t.Fatalf("compose.yaml has no command of %s", service)
	}
	return strings.Fields(string(command[1]))
}

// The container image serves a machine with a BIOS to its menu, and the page, on a
// host whose address the system has set.
func TestContainerImage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.must(s.host.Run("ip", "addr", "add", netip.PrefixFrom(boxAddr, 24).String(), "dev", link))
	i := newContainer(s)
	for _, words := range [][]string{
		{"/usr/sbin/pxed", "-version"}, {"/usr/sbin/menuwatch", "-version"}, {"/usr/bin/pxebox", "--version"},
		{"/usr/bin/pxebox", "check", "/etc/pxebox/pxebox.toml"},
	} {
		if err := i.program("once", words).Run(); err != nil {
			t.Errorf("%q: %v: %q", words, err, i.notes["once"].From(0))
		}
	}
	i.startUnit("menuwatch")
	i.startUnit("pxed")

	client := s.plug("02:70:78:65:00:10")
	k := &talker{s.segment, net.HardwareAddr{2, 0x70, 0x78, 0x65, 0, 0x10}, s.broadcaster(client)}
	offer := k.ask(k.message(dhcpv4.MessageTypeDiscover, biosROM, dhcpv4.WithBroadcast(true)))
	if got := address(offer.DHCP.ServerIPAddr); got != boxAddr {
		t.Errorf("the offer names %v", got)
	}
	s.must(client.Run("ip", "addr", "add", "192.168.77.240/24", "dev", link))
	if menu := i.fetch(client, "pxelinux.cfg/default"); !strings.Contains(menu, "This computer's own disk") {
		t.Errorf("the menu is %q", menu)
	}
	for _, url := range []string{"https://192.168.77.1/", "http://192.168.77.1/metrics"} {
		s.must(client.Run("curl", "-sk", "-m", "10", "--retry", "60", "--retry-connrefused", "--retry-delay", "1",
			"-o", "/dev/null", url))
	}
	i.noPrivileges("menuwatch")
	i.noPrivileges("pxed")
}
