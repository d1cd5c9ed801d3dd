//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// TestOwnKernel boots the image with the kernel from make kernel on hardware that
// gokrazy's kernel does not support. The box gets its address from the site's
// DHCP server, and a client gets from it to WDS.
func TestOwnKernel(t *testing.T) {
	version, err := os.ReadFile(filepath.Join(buildDir, "kernel", "version.txt"))
	if err != nil {
		t.Fatalf("there is no kernel: run make e2e-kernel, which builds it and an image with it: %v", err)
	}
	inVLAN := strings.Replace(lab.ProxyMode, "[network]", "[network]\ninterface = \"eth0.10\"", 1)
	for _, tt := range []struct {
		situation, name string
		hardware        qemu.Hardware
		vlan            uint16
		settings        string
	}{
		{"VMware's disk controller and network card", "vmware", qemu.VMware, 0, lab.ProxyMode},
		{"an SD card", "sdcard", qemu.SDCard, 0, lab.ProxyMode},
		{"a VLAN on a trunk port", "vlan", qemu.Virtio, 10, inVLAN},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			s := newSite(t, "kernel-"+tt.name)
			if err := s.StartDHCP(s.within(boxBoots), kernelPinDir); err != nil {
				t.Fatal(err)
			}
			settings := tt.settings + lab.Menu(5*time.Second, "wds", true) + lab.WDSEntry + lab.DiskEntry
			box, err := s.StartBoxOn(tt.hardware, tt.vlan, image(t),
				map[string]lab.File{lab.SettingsFile: {Content: []byte(settings)}})
			if err != nil {
				t.Fatal(err)
			}
			m, err := box.Console.WaitFor(s.within(boxBoots), `Linux version \S+ \(`)
			if err != nil {
				t.Fatal(err)
			}
			if want := "Linux version " + strings.TrimSpace(string(version)) + " ("; m.Text != want {
				t.Fatalf("the image starts %q, and build/kernel is %s: run make e2e-kernel, which builds both", m.Text, version)
			}
			addr, err := s.BoxAddress(s.within(boxBoots))
			if err != nil {
				t.Fatal(err)
			}
			s.waitBox(addr)
			s.startClient(qemu.Debian13, lab.ClientConfig{})
			s.waitMenu("Windows Deployment Services")
			s.toWDS()
			s.checkHandoff()
		})
	}
}
