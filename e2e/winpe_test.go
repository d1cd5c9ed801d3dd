//go:build e2e

package e2e

import (
	"bufio"
	"maps"
	"net/http"
	"net/netip"
	"strings"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
)

// winPERules lead machines to Windows PE that the box itself has.
const winPERules = `
[[entry]]
name   = "win10"
label  = "Windows 10 from this box"
winpe  = "win10"
listed = false

[[entry]]
name   = "win11"
label  = "Windows 11 from this box"
winpe  = "win11"
listed = false

[[entry]]
name   = "cut-off"
label  = "Windows whose boot.wim is cut off"
winpe  = "cut-off"
listed = false

[[machine]]
mac  = ["52:54:00:77:00:29", "52:54:00:77:00:2c"]
boot = "win10"

[[machine]]
mac     = ["52:54:00:77:00:2a", "52:54:00:77:00:2b"]
entries = ["win11", "cut-off"]
`

// winPE is what the box has of Windows PE.
type winPE struct {
	win10, win11 *lab.WinPE
}

// makeWinPE makes the images of winPERules, and adds their files to the boot
// folder's. win10 is a copy of Windows' media. win11 and cut-off have a boot.wim
// alone, and the end of the latter's is missing.
func (s *site) makeWinPE(files map[string]lab.File) winPE {
	s.t.Helper()
	image := func(name string, media bool) *lab.WinPE {
		w, err := s.WinPE(name, media)
		if err != nil {
			s.t.Fatal(err)
		}
		return w
	}
	w := winPE{win10: image("win10", true), win11: image("win11", false)}
	cutOff := maps.Clone(w.win11.Files)
	for name, content := range cutOff {
		cutOff[name] = content[:len(content)*2/3]
	}
	for folder, of := range map[string]map[string][]byte{
		"win10": w.win10.Files, "win11": w.win11.Files, "cut-off": cutOff,
	} {
		for name, content := range of {
			files[folder+"/"+name] = lab.File{Content: content}
		}
	}
	return w
}

// The parts of TestImageServerMode and TestImageProxyMode.

func (s *site) straightUEFIToWinPE(release string, w *lab.WinPE) {
	s.t.Helper()
	s.startUEFI(release, lab.UEFIConfig{SecureBoot: true, NoThirdParty: true})
	s.checkWinPE(w.UEFI)
	s.checkNoMenu()
}

func (s *site) straightBIOSToWinPE(release string, w *lab.WinPE) {
	s.t.Helper()
	s.startClient(release, lab.ClientConfig{})
	s.checkWinPE(w.BIOS)
	s.checkNoMenu()
}

// checkWinPE waits until the client has loaded Windows PE, and checks that it got
// each file of its image.
func (s *site) checkWinPE(files []lab.Asked) {
	s.t.Helper()
	if v := s.verdict(s.within(handsOver)); !nbp.Succeeded(v) {
		s.t.Error(v)
	}
	console := s.client.Console.Text()
	for _, f := range files {
		if want := nbp.WinPEFile(f.Name, f.Content); !strings.Contains(console, want+"\n") {
			s.t.Errorf("its console lacks %q", want)
		}
	}
}

// checkCutOff checks that the box's log names the boot.wim that is cut off.
func (s *site) checkCutOff(box netip.Addr) {
	s.t.Helper()
	page, err := s.PageClient(box)
	if err != nil {
		s.t.Fatal(err)
	}
	const url = lab.Page + "log?path=/user/menuwatch&stream=stderr"
	req, err := http.NewRequestWithContext(s.within(clientBoots), http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth("gokrazy", lab.BoxPassword)
	resp, err := page.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() { // the log goes on as long as the program
		if strings.Contains(lines.Text(), "files cannot be taken out of boot.wim") &&
			strings.Contains(lines.Text(), "/cut-off/sources/boot.wim") {
			return
		}
	}
	s.t.Errorf("menuwatch's log does not name it: %v", lines.Err())
}

// menuToWinPE chooses Windows 11 in the client's menu. The image that is cut off
// does no harm to it, and its entry says so.
func (s *site) menuToWinPE(files []lab.Asked) {
	s.t.Helper()
	s.waitMenu("Windows 11 from this box")
	s.waitMenu("Windows whose boot.wim is cut off (file missing)")
	s.press(enter)
	s.checkWinPE(files)
}
