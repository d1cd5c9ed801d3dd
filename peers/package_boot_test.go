//go:build peers

package peers

import (
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/wds"
)

// Machines in QEMU boot from the Debian package on a host next to the site's DHCP
// server: to the menu, and on to WDS.
func TestPackageBootsMachines(t *testing.T) {
	t.Parallel()
	const boots = 5 * time.Minute // on an emulated processor of a busy machine
	s := newSite(t, nil)
	s.must(s.host.Run("ip", "addr", "add", netip.PrefixFrom(boxAddr, 24).String(), "dev", link))
	i := newInstalled(s)
	l, err := lab.New(buildDir, "peers-package-machines", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	tap, err := s.lan.Tap()
	s.must(err)
	l.LAN.Trunk(tap)

	s.startForeign()
	i.configure(lab.Menu(0, "wds", true) + lab.WDSEntry + lab.DiskEntry)
	i.startUnit("menuwatch")
	i.startUnit("pxed")
	s.must(l.WaitReady(s.within(patience), boxAddr, lab.Title))

	config := func(number byte, release string) lab.ClientConfig {
		f, err := l.Firmware(release)
		s.must(err)
		return lab.ClientConfig{Firmware: f, MAC: lab.Client(number)}
	}
	bios, uefi := config(0x10, qemu.Debian12), config(0x11, qemu.Debian13)
	t.Run("machines", func(t *testing.T) {
		for situation, test := range map[string]struct {
			start func() (*qemu.Machine, error)
			first string // the program of WDS that it loads first
		}{
			"BIOS": {
				start: func() (*qemu.Machine, error) { return l.StartClient(bios) },
				first: wds.FileBIOSFirst,
			},
			"UEFI with Secure Boot": {
				start: func() (*qemu.Machine, error) {
					return l.StartUEFI(lab.UEFIConfig{ClientConfig: uefi, SecureBoot: true})
				},
				first: wds.FileEFIFirst,
			},
		} {
			t.Run(situation, func(t *testing.T) {
				t.Parallel()
				client, err := test.start()
				if err != nil {
					t.Fatal(err)
				}
				defer client.Stop()
				ctx, unwatch := l.Watch(s.within(boots))
				defer unwatch()
				for _, label := range []string{"Windows Deployment Services", "This computer's own disk"} {
					if _, err := client.Console.WaitFor(ctx, regexp.QuoteMeta(label)); err != nil {
						t.Fatal(err)
					}
				}
				if err := client.Console.Type("\r"); err != nil {
					t.Fatal(err)
				}
				if v, err := lab.Verdict(ctx, client); err != nil || !nbp.Succeeded(v.Detail) {
					t.Fatalf("at WDS: %q, %v", v.Detail, err)
				}
				if !slices.ContainsFunc(l.WDS.Reads(), func(r wds.Read) bool { return r.Name == test.first }) {
					t.Errorf("WDS was asked for %+v, not for %s", l.WDS.Reads(), test.first)
				}
			})
		}
	})
	for _, p := range s.wire.From(0) {
		if p.DHCP != nil && p.Src == boxPort && !p.DHCP.YourIPAddr.IsUnspecified() {
			t.Errorf("the package leases an address: %v", p)
		}
	}
	i.noPrivileges("menuwatch")
	i.noPrivileges("pxed")
}
