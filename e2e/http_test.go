//go:build e2e

package e2e

import (
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/handoff"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/wds"
)

// TestImageUEFIHTTPBoot lets EDK2 load a program from the box over HTTP (UEFI
// 2.10 §24.7). EDK2 gets its address and the program's URL from the box's DHCP
// server.
func TestImageUEFIHTTPBoot(t *testing.T) {
	t.Parallel()
	s := newSite(t, "uefi-http-boot")
	program, err := nbp.AssembleUEFI()
	if err != nil {
		t.Fatal(err)
	}
	const boot = `
[boot]
uefi-x64-http = "http://192.168.77.1/efi/bootx64.efi"
`
	// EDK2 requests the file as named; the site wrote the name as Windows does.
	s.startBox(lab.ServerMode+boot+lab.Menu(0, "disk", true)+lab.DiskEntry,
		map[string]lab.File{"EFI/BOOTX64.EFI": {Content: program}})
	s.waitBox(lab.BoxAddr)
	s.startUEFI(qemu.Debian13, lab.UEFIConfig{HTTP: true})
	if _, err := s.client.Console.WaitFor(s.within(clientBoots), nbp.UEFIOK); err != nil {
		t.Fatal(err)
	}
	s.checkHTTPClient(t)
}

// checkHTTPClient checks that the client was offered HTTP, and read nothing
// over TFTP.
func (s *site) checkHTTPClient(t *testing.T) {
	const httpX64 = 0x10
	var told bool
	for _, d := range s.LAN.UDP() {
		if name, ok := handoff.ReadName(d.Payload); ok && d.Dst.Port() == wds.PortTFTP &&
			d.Src.Addr() != s.Observer.Addr {
			t.Errorf("%v reads %q by TFTP", d.Src, name)
		}
		if d.Dst.Port() != dhcpv4.ServerPort {
			continue
		}
		if p := dhcp(d); p != nil && [6]byte(p.ClientHWAddr) == lab.ClientMAC {
			if arch := p.ClientArch(); len(arch) == 1 && arch[0] == httpX64 {
				told = true
			}
		}
	}
	if !told {
		t.Error("the client never said that it boots by HTTP")
	}
}
