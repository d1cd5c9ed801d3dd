//go:build e2e

package e2e

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// piImage returns the path of the image from make image-rpi, or the file
// PXEBOX_RPI_IMAGE.
func piImage(t *testing.T) string {
	t.Helper()
	image := cmp.Or(os.Getenv("PXEBOX_RPI_IMAGE"), filepath.Join(buildDir, "pxebox-rpi.img"))
	if _, err := os.Stat(image); err != nil {
		t.Fatal(image, "is missing: run make image-rpi")
	}
	return image
}

func piPerm() map[string]lab.File {
	settings := lab.ServerMode + lab.Menu(5*time.Second, "wds", true) + lab.WDSEntry + lab.DiskEntry
	return map[string]lab.File{lab.SettingsFile: {Content: []byte(settings)}}
}

// TestRaspberryPiImageToWDS boots a client to WDS with the unchanged Raspberry
// Pi image, on an ARM machine that is not a Pi.
func TestRaspberryPiImageToWDS(t *testing.T) {
	s := newSite(t, "rpi-image")
	f := s.firmware(qemu.Debian13)
	t.Log("firmware of the box:", f.ARM())
	if _, err := s.StartARMBox(f, piImage(t), piPerm()); err != nil {
		t.Fatal(err)
	}
	s.waitBox(lab.BoxAddr)
	s.startClient(qemu.Debian12, lab.ClientConfig{})
	s.waitMenu("Windows Deployment Services")
	if v := s.verdict(s.within(handsOver)); !strings.HasPrefix(v, nbp.OK) {
		t.Error(v)
	}
	s.checkHandoff()
}

// TestRaspberryPi3 boots QEMU's Raspberry Pi 3 from an SD card, and requests
// its menu over TFTP, through a network card on USB. Like a real one it has no
// clock, and a card that is larger than the image.
func TestRaspberryPi3(t *testing.T) {
	s := newSite(t, "rpi-3")
	box, err := s.StartPiBox(piImage(t), piPerm())
	if err != nil {
		t.Fatal(err)
	}
	s.waitBox(lab.BoxAddr)
	for _, line := range []string{grows, filled} {
		if _, err := box.Console.WaitFor(s.within(permGrows), line); err != nil {
			t.Fatal(err)
		}
	}
}
