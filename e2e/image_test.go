//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/wds"
)

// Time limits for an emulated processor.
const (
	boxBoots    = 4 * time.Minute
	clientBoots = 2 * time.Minute
	handsOver   = 3 * time.Minute
	linuxBoots  = 10 * time.Minute
)

// image returns the path of the image from make image, or the file
// PXEBOX_IMAGE.
func image(t *testing.T) string {
	t.Helper()
	image := cmp.Or(os.Getenv("PXEBOX_IMAGE"), filepath.Join(buildDir, "pxebox-amd64.img"))
	if _, err := os.Stat(image); err != nil && os.Getenv("PXEBOX_IMAGE") == "" {
		t.Fatal("build/pxebox-amd64.img is missing: run make image")
	}
	return image
}

// startBox boots the appliance's image with the given settings and boot files.
func (s *site) startBox(settings string, bootFiles map[string]lab.File) {
	s.t.Helper()
	perm := map[string]lab.File{lab.SettingsFile: {Content: []byte(settings)}}
	for name, file := range bootFiles {
		perm[path.Join(lab.BootDir, name)] = file
	}
	if _, err := s.StartBox(image(s.t), perm); err != nil {
		s.t.Fatal(err)
	}
}

// waitBox waits until the box serves the menu from its settings.
func (s *site) waitBox(addr netip.Addr) {
	s.t.Helper()
	s.box = addr
	if err := s.WaitReady(s.within(boxBoots), addr, lab.Title); err != nil {
		s.t.Fatal(err)
	}
}

// The menu of the tests below, on both kinds of firmware.
var labels = []string{
	"Windows Deployment Services",
	"Debian installer",
	"This computer's own disk",
	"Windows, with the password",
}

const (
	entries = lab.WDSEntry + lab.DebianEntry + lab.DiskEntry + lab.LockedEntry
	down    = "\x1b[B" // the arrow key
	enter   = "\r"
)

// Where the cursor starts, and how to move it.
const (
	chooseWDS    = enter
	chooseDebian = down + enter
	chooseDisk   = down + down + enter
	chooseLocked = down + down + down + enter
)

// toWDS waits until the client reaches the WDS server.
func (s *site) toWDS() {
	s.t.Helper()
	if v := s.verdict(s.within(handsOver)); !nbp.Succeeded(v) {
		s.t.Fatal(v)
	}
}

// retries is how long after its first answer the box treats a repeated request
// as a retry of a machine whose boot failed. No packet marks the end of this
// time.
const retries = 10 * time.Second

// retriesEnd waits until the box treats another boot of the client as a new
// one.
func (s *site) retriesEnd() {
	seen := s.seen()
	for i := len(seen) - 1; i >= 0; i-- {
		if d := seen[i]; d.SrcMAC == s.mac && (d.Dst.Port() == dhcpv4.ServerPort || d.Dst.Port() == wds.PortBINL) {
			time.Sleep(time.Until(d.Time.Add(retries + time.Second)))
			return
		}
	}
}

// bootedAgain presses the client's reset button, and returns the offset in its
// console at which the new boot starts.
func (s *site) bootedAgain() (offset int) {
	s.t.Helper()
	offset = len(s.client.Console.Text())
	if err := s.client.Reset(s.within(clientBoots)); err != nil {
		s.t.Fatal(err)
	}
	return offset
}

// waitMenu waits until the client shows an entry.
func (s *site) waitMenu(label string) {
	s.t.Helper()
	s.wait(0, clientBoots, label)
}

// waitWholeMenu waits until the client shows all entries, and the texts in
// more, after an offset in its console.
func (s *site) waitWholeMenu(offset int, more ...string) {
	s.t.Helper()
	for _, text := range append(more, labels...) {
		s.wait(offset, clientBoots, text)
	}
}

// wait waits until the client's console shows a text after an offset.
func (s *site) wait(offset int, limit time.Duration, text string) {
	s.t.Helper()
	if _, err := s.client.Console.WaitForAfter(s.within(limit), offset, regexp.QuoteMeta(text)); err != nil {
		s.t.Fatal(err)
	}
}

// press types keys on the client's console.
func (s *site) press(keys string) {
	s.t.Helper()
	if err := s.client.Console.Type(keys); err != nil {
		s.t.Fatal(err)
	}
}

// typePassword types the menu's password. A menu drops what was typed before it
// prompts for one, so typePassword types the first letter until its star
// appears.
func (s *site) typePassword(offset int) {
	s.t.Helper()
	for letters := lab.Password; ; {
		s.press(letters[:1])
		ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
		_, err := s.client.Console.WaitForAfter(ctx, offset, `\*`)
		cancel()
		if err == nil {
			s.press(letters[1:] + enter)
			return
		}
		if s.t.Context().Err() != nil {
			s.t.Fatal(err)
		}
	}
}

// checkNoMenu checks that the client has shown no menu since it was powered on.
func (s *site) checkNoMenu() {
	s.t.Helper()
	for _, label := range labels {
		if strings.Contains(s.client.Console.Text(), label) {
			s.t.Errorf("it shows a menu, with %q", label)
		}
	}
}

// debianFiles returns the kernel and the initrd of Debian's network installer.
// The Makefile unpacks Debian's package there.
func debianFiles(t *testing.T) map[string]lab.File {
	t.Helper()
	files := make(map[string]lab.File)
	for _, name := range []string{"linux", "initrd.gz"} {
		from := filepath.Join(buildDir, "cache", "debian-installer", name)
		if _, err := os.Stat(from); err != nil {
			t.Fatal("build/cache/debian-installer is missing: run make e2e")
		}
		files["debian/"+name] = lab.File{From: from}
	}
	return files
}

// installerStarts is the first message of the init in Debian's installer.
const installerStarts = "Starting system log daemon"

// The rules for machines in the tests below.
const rules = `
[[entry]]
name   = "no-w"
label  = "WDS without -W"
file   = "pxechn.c32"
append = '192.168.77.2::boot\x64\wdsnbp.com'
listed = false

[[wds]]
name       = "by-restart"
server     = "192.168.77.2"
bios_route = "reboot"
probe      = "0s"

[[entry]]
name   = "by-restart"
label  = "WDS by a restart"
wds    = "by-restart"
listed = false

[[machine]]
mac  = ["52:54:00:77:00:20", "52:54:00:77:00:21"]
boot = "wds"
once = true

[[machine]]
guid = ["70786562-6f78-4c61-8000-000000000022"]
boot = "no-w"

[[machine]]
mac  = ["52:54:00:77:00:23", "52:54:00:77:00:24"]
boot = "disk"

[[machine]]
mac  = ["52:54:00:77:00:25"]
boot = "debian"

[[machine]]
mac     = ["52:54:00:77:00:26"]
entries = ["by-restart", "disk"]
` + adapts

// TestImageServerMode boots machines with each kind of firmware next to one box
// that leases addresses.
func TestImageServerMode(t *testing.T) {
	t.Parallel()
	s := newSite(t, "server-mode")
	disk, err := s.DiskImage()
	if err != nil {
		t.Fatal(err)
	}
	signers := s.addBothPrograms()
	files := debianFiles(t)
	winPE := s.makeWinPE(files)
	s.startBox(lab.ServerMode+lab.Menu(0, "wds", true)+entries+rules+winPERules, files)
	s.waitBox(lab.BoxAddr)
	t.Run("update page", func(t *testing.T) { checkUpdatePage(t, s) })

	s.part("UEFI with Secure Boot to WDS, and to Linux", 0x10, func(s *site) {
		s.startUEFI(qemu.Debian13, lab.UEFIConfig{SecureBoot: true, ClientConfig: lab.ClientConfig{Memory: 768}})
		s.waitWholeMenu(0)
		s.press(chooseWDS)
		s.toWDS()
		s.checkUEFIHandoff("DhcpAck")
		s.retriesEnd()
		again := s.bootedAgain()
		s.waitWholeMenu(again)
		s.press(chooseDebian)
		// The kernel itself confirms that the firmware has checked it.
		s.wait(again, linuxBoots, "Kernel is locked down from EFI Secure Boot")
		s.wait(again, linuxBoots, installerStarts)
	})
	s.part("BIOS to Linux without a menu", 0x25, func(s *site) {
		s.startClient(qemu.Debian12, lab.ClientConfig{Memory: 768})
		s.wait(0, linuxBoots, installerStarts)
		s.checkNoMenu()
	})
	s.part("UEFI to WDS, once, then to its disk", 0x12, func(s *site) {
		s.startUEFI(qemu.Debian12, lab.UEFIConfig{ClientConfig: lab.ClientConfig{Disk: disk}})
		s.waitWholeMenu(0)
		s.press(chooseWDS)
		s.toWDS()
		s.checkUEFIHandoff("DhcpAck")
		s.retriesEnd()
		again := s.bootedAgain()
		s.waitWholeMenu(again)
		s.press(chooseDisk)
		s.wait(again, clientBoots, nbp.UEFIOK)
	})
	s.part("UEFI with the password", 0x13, func(s *site) {
		s.startUEFI(qemu.Debian13, lab.UEFIConfig{})
		s.waitWholeMenu(0)
		s.press(chooseLocked)
		s.wait(0, clientBoots, "Enter username")
		s.press("admin" + enter)
		s.wait(0, clientBoots, "Enter password")
		s.press(lab.Password + enter)
		s.toWDS()
	})
	s.part("UEFI straight to WDS, once", 0x21, func(s *site) { s.straightUEFI(qemu.Debian13, "DhcpAck") })
	s.part("UEFI to its disk without a menu", 0x24, func(s *site) {
		s.startUEFI(qemu.Debian12, lab.UEFIConfig{ClientConfig: lab.ClientConfig{Disk: disk}})
		s.wait(0, clientBoots, nbp.UEFIOK)
		s.checkNoMenu()
	})
	s.part("UEFI that refuses shim, to WDS without a menu", 0x16, func(s *site) {
		s.noThirdParty(qemu.Debian12, "DhcpAck")
	})
	s.part("UEFI that trusts 2011 only", 0x27, func(s *site) {
		s.trustsOne(qemu.Debian13, signers.of2011, wds.FileEFIFirst, "DhcpAck", 0)
	})
	s.part("UEFI that trusts 2023 only, to the menu", 0x18, func(s *site) {
		// Microsoft's own certificate, from one of the two signatures of Debian's shim.
		s.startUEFI(qemu.Debian12, lab.UEFIConfig{SecureBoot: true, ThirdParty: "Microsoft UEFI CA 2023"})
		s.waitWholeMenu(0)
	})
	s.part("UEFI that trusts 2023 only", 0x28, func(s *site) {
		s.trustsOne(qemu.Debian12, signers.of2023, wds.FileEFI2023, "DhcpAck", 2)
	})
	s.part("BIOS to WDS", 0x14, func(s *site) { s.menuToWDS(qemu.Debian12) })
	s.part("BIOS to its disk, then to WDS with the password", 0x15, func(s *site) {
		s.startClient(qemu.Debian13, lab.ClientConfig{Disk: disk})
		s.waitWholeMenu(0)
		s.press(chooseDisk)
		s.wait(0, clientBoots, nbp.DiskOK)
		s.checkOthersHandoff()
		again := s.bootedAgain()
		s.waitWholeMenu(again)
		s.press(chooseLocked)
		s.wait(again, clientBoots, "Password")
		s.typePassword(again)
		s.toWDS()
		s.checkHandoff()
	})
	s.part("BIOS straight to WDS, once", 0x20, func(s *site) { s.straightBIOS(qemu.Debian12) })
	s.part("BIOS to its disk without a menu", 0x23, func(s *site) {
		s.startClient(qemu.Debian12, lab.ClientConfig{Disk: disk})
		s.wait(0, clientBoots, nbp.DiskOK)
		s.checkNoMenu()
	})
	s.part("BIOS to WDS by a restart", 0x26, func(s *site) {
		s.restartToWDS(qemu.Debian13)
		if strings.Contains(s.client.Console.Text(), labels[0]) {
			s.t.Error("its menu has an entry that is not for this machine")
		}
	})
	s.part("UEFI straight to Windows PE, without a third-party CA", 0x2c, func(s *site) {
		s.straightUEFIToWinPE(qemu.Debian13, winPE.win10)
	})
	s.part("BIOS to Windows PE", 0x2b, func(s *site) {
		s.startClient(qemu.Debian12, lab.ClientConfig{})
		s.menuToWinPE(winPE.win11.BIOS)
		s.checkCutOff(lab.BoxAddr)
	})
	// The parts above would detect a missing -W: packet 2 then still names the
	// box.
	s.part("BIOS without -W does not get to WDS", 0x22, func(s *site) {
		s.startClient(qemu.Debian13, lab.ClientConfig{})
		if v := s.verdict(s.within(handsOver)); nbp.Succeeded(v) {
			s.t.Errorf("without -W the verdict is %q", v)
		}
		s.checkNoMenu()
		line := grep(s.client.Console.Text(), nbp.Prefix+"packet 2")
		if !strings.Contains(line, fmt.Sprintf(" siaddr=%v ", lab.BoxAddr)) {
			s.t.Errorf("without -W cached packet 2 names someone else than the box: %q", line)
		}
	})
}

// These functions check what machines with a BIOS or UEFI do in both modes, as
// the menu and the rules require. reply is the packet that names the WDS
// server, as the firmware itself read the answers.

func (s *site) menuToWDS(release string) {
	s.t.Helper()
	s.startClient(release, lab.ClientConfig{})
	s.waitWholeMenu(0, lab.Title, macText(s.mac))
	s.press(chooseWDS)
	s.toWDS()
	s.checkHandoff()
}

func (s *site) restartToWDS(release string) {
	s.t.Helper()
	s.startClient(release, lab.ClientConfig{})
	s.waitMenu("WDS by a restart")
	s.press(enter)
	s.toWDS()
	s.checkHandoff()
}

func (s *site) straightBIOS(release string) {
	s.t.Helper()
	s.startClient(release, lab.ClientConfig{})
	s.toWDS()
	s.checkNoMenu()
	s.checkHandoff()
	s.onlyOnce()
}

func (s *site) straightUEFI(release, reply string) {
	s.t.Helper()
	s.startUEFI(release, lab.UEFIConfig{})
	s.toWDS()
	s.checkNoMenu()
	s.checkUEFIHandoff(reply)
	s.onlyOnce()
}

// onlyOnce checks that the client's next boot shows the menu.
func (s *site) onlyOnce() {
	s.t.Helper()
	s.retriesEnd()
	s.waitWholeMenu(s.bootedAgain())
}

// checkUpdatePage requests gokrazy's page: it has the build's certificate, and
// accepts the password. TestImageOpenPorts tries it without TLS.
func checkUpdatePage(t *testing.T, s *site) {
	client, err := s.PageClient(lab.BoxAddr)
	if err != nil {
		t.Fatal(err)
	}
	client.Timeout = 30 * time.Second
	for password, want := range map[string]int{
		lab.BoxPassword: http.StatusOK,
		"guess":         http.StatusUnauthorized,
		"":              http.StatusUnauthorized,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, lab.Page, nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			req.SetBasicAuth("gokrazy", password)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("with the password %q it answers %s", password, resp.Status)
		}
	}
}

// TestImageProxyMode boots machines next to the site's own DHCP server.
func TestImageProxyMode(t *testing.T) {
	t.Parallel()
	s := newSite(t, "proxy-mode")
	if err := s.StartDHCP(s.within(boxBoots), kernelPinDir); err != nil {
		t.Fatal(err)
	}
	signers := s.addBothPrograms()
	files := debianFiles(t)
	winPE := s.makeWinPE(files)
	s.startBox(lab.ProxyMode+lab.Menu(0, "wds", true)+entries+rules+winPERules, files)
	addr, err := s.BoxAddress(s.within(boxBoots))
	if err != nil {
		t.Fatal(err)
	}
	s.waitBox(addr)

	uefi := func(release string, c lab.UEFIConfig) func(s *site) {
		return func(s *site) {
			s.startUEFI(release, c)
			s.waitWholeMenu(0)
			s.press(chooseWDS)
			s.toWDS()
			s.checkUEFIHandoff("ProxyOffer")
			s.checkOnlyLease(lab.DHCPAddr)
			s.onlyOnce()
		}
	}
	s.part("UEFI to WDS, once", 0x10, uefi(qemu.Debian13, lab.UEFIConfig{}))
	s.part("UEFI with Secure Boot to WDS, once", 0x11, uefi(qemu.Debian12, lab.UEFIConfig{SecureBoot: true}))
	s.part("UEFI straight to WDS, once", 0x21, func(s *site) { s.straightUEFI(qemu.Debian12, "ProxyOffer") })
	s.part("UEFI that refuses shim, to WDS without a menu", 0x16, func(s *site) {
		s.noThirdParty(qemu.Debian13, "ProxyOffer")
	})
	s.part("UEFI that trusts 2011 only", 0x27, func(s *site) {
		s.trustsOne(qemu.Debian12, signers.of2011, wds.FileEFIFirst, "ProxyOffer", 0)
	})
	s.part("UEFI that trusts 2023 only", 0x28, func(s *site) {
		s.trustsOne(qemu.Debian13, signers.of2023, wds.FileEFI2023, "ProxyOffer", 2)
	})
	s.part("UEFI that is switched off, and answered as usual", 0x17, func(s *site) { s.staysAsUsual(qemu.Debian12) })
	s.part("BIOS to WDS", 0x12, func(s *site) {
		s.menuToWDS(qemu.Debian13)
		s.checkOnlyLease(lab.DHCPAddr)
	})
	s.part("BIOS straight to WDS, once", 0x20, func(s *site) { s.straightBIOS(qemu.Debian13) })
	s.part("BIOS to WDS by a restart", 0x26, func(s *site) { s.restartToWDS(qemu.Debian12) })
	s.part("UEFI with Secure Boot to Windows PE", 0x2a, func(s *site) {
		s.startUEFI(qemu.Debian12, lab.UEFIConfig{SecureBoot: true})
		s.menuToWinPE(winPE.win11.UEFI)
	})
	s.part("BIOS straight to Windows PE", 0x29, func(s *site) {
		s.straightBIOSToWinPE(qemu.Debian13, winPE.win10)
	})
}
