//go:build e2e

package e2e

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/e2e/handoff"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/wds"
)

// twoServers is a site with two WDS servers, where the first may be down. It is
// probed often, so that a test need not wait. A BIOS loads lpxelinux.0.
const twoServers = `
[boot]
bios = "lpxelinux.0"

[[wds]]
name   = "wds"
server = "192.168.77.2"
probe  = "1s"

[[wds]]
name    = "first"
server  = "192.168.77.2"
probe   = "1s"
on_down = "next"

[[wds]]
name   = "second"
server = "192.168.77.5"
probe  = "1s"

[[entry]]
name  = "wds"
label = "Windows Deployment Services"
wds   = "wds"

[[entry]]
name  = "either"
label = "Windows, by either server"
wds   = "first"

[[entry]]
name     = "http"
label    = "Linux by HTTP, which gets no farther than its kernel"
listed   = false
pxelinux = """
LINUX http://192.168.77.1/debian/linux
APPEND console=ttyS0,115200
"""

[[machine]]
mac  = ["52:54:00:77:00:30"]
boot = "wds"

[[machine]]
mac  = ["52:54:00:77:00:32"]
boot = "http"
`

// chooseEither is the second entry.
const chooseEither = down + enter

// TestImageWDSDown lets the first WDS server stop, refuse its files, and come
// back.
func TestImageWDSDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, "wds-down")
	second, err := s.AddWDS(lab.SecondWDS)
	if err != nil {
		t.Fatal(err)
	}
	s.startBox(lab.ServerMode+lab.Menu(0, "wds", true)+twoServers, debianFiles(t))
	s.waitBox(lab.BoxAddr)
	menuSays := func(texts ...string) {
		t.Helper()
		err := s.WaitMenu(s.within(clientBoots), lab.BoxAddr, func(menu []byte) bool {
			for _, text := range texts {
				if !bytes.Contains(menu, []byte(text)) {
					return false
				}
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	s.WDS.Close()
	menuSays("Windows Deployment Services (down since ", "Windows, by either server (by second)")

	// The rule that sends this machine straight to the first server does not
	// change that.
	s.mac = lab.Client(0x30)
	bios := s.startClient(qemu.Debian12, lab.ClientConfig{})
	s.waitMenu("Windows Deployment Services (down since ")
	s.press(chooseEither)
	s.toWDS()
	s.checkHandoffPackets(lab.SecondWDS, wds.FileBIOSFirst)
	if n := len(second.Queries()); n == 0 {
		t.Error("the second server was not asked")
	}

	s.mac = lab.Client(0x31)
	s.startUEFI(qemu.Debian13, lab.UEFIConfig{})
	s.waitMenu("Windows Deployment Services (down since ")
	s.press(chooseEither)
	s.toWDS()
	s.checkHandoffPackets(lab.SecondWDS, wds.FileEFIFirst)
	s.client.Stop()

	s.WDS.SetReadFilter(`images\`)
	if err := s.WDS.Open(); err != nil {
		t.Fatal(err)
	}
	menuSays("Windows Deployment Services (refuses the file)", "Windows, by either server (by second)")
	s.WDS.SetReadFilter()
	menuSays("Windows Deployment Services\n", "Windows, by either server\n")

	s.mac, s.client = lab.Client(0x30), bios
	again := s.bootedAgain()
	m, err := s.client.Console.WaitForAfter(s.within(handsOver), again, "("+nbp.OK+"|"+nbp.Fail+"|"+labels[0]+")")
	if err != nil {
		t.Fatal(err)
	}
	if m.Text != nbp.OK {
		t.Errorf("with the server back, the client says %q", m.Text)
	}
	s.client.Stop()

	s.mac = lab.Client(0x32)
	s.startClient(qemu.Debian13, lab.ClientConfig{Memory: 768})
	s.wait(0, linuxBoots, "Linux version ")
	for _, d := range s.seen() {
		if name, ok := handoff.ReadName(d.Payload); ok && d.Dst.Port() == wds.PortTFTP &&
			strings.Contains(name, "debian") {
			t.Errorf("it reads %s by TFTP", name)
		}
	}
}
