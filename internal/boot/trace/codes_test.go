package trace

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLook(t *testing.T) {
	for _, tc := range []struct {
		typed, want string // the first message; empty for none
	}{
		{"PXE-E16", "PXE-E16"},
		{"pxe e16", "PXE-E16"},
		{"E16", "PXE-E16"},
		{"PXE E 16", "PXE-E16"},
		{"pxee16", "PXE-E16"},
		{"pxe-ei6", "PXE-E16"},
		{"PXE-E16: No valid offer received.", "PXE-E16"},
		{"no valid ofer recieved", "PXE-E16"},
		{"PXE-E53: No boot filename received\nPXE-M0F: Exiting PXE ROM", "PXE-E53"},
		{"boot filename", "PXE-E53"},
		{"pxe-mof", "PXE-M0F"},
		{"PXE-T01", "PXE-T01"},
		{"tol", ""}, // not a code, but a separate word
		{"T0l", "PXE-T01"},
		{"PXE-E3B", "PXE-E3B"},
		{"pxe e5l", "PXE-E51"},
		{"bad shim signature", "bad shim signature"},
		{"error: bad shim signature.", "bad shim signature"},
		{"Bad shm signature", "bad shim signature"},
		{"bad shim", "bad shim signature"},
		{"Security Violation", "Security Violation"},
		{"secuirty violaton", "Security Violation"},
		{"Verification failed: (0x1A) Security Violation", "Security Violation"},
		{"access denied", "Access Denied"},
		{"0xc000000f", "0xc000000f"},
		{"0xC000000F", "0xc000000f"},
		{"Status: 0xc0000272", "0xc0000272"},
		{"c0000225", "0xc0000225"},
		{"0xc000225", "0xc0000225"},
		{"oxcoooooof", "0xc000000f"},
		{"Pending Request ID: 2", "Pending Request ID"},
		{"pending reqest", "Pending Request ID"},
		{"No more network devices", "Nothing to boot"},
		{"http://ipxe.org/2e008081", "Exec format error"},
		{"Could not boot: Exec format error (http://ipxe.org/2e008081)", "Exec format error"},
		{"kernel panic - not syncing", "Kernel panic"},
		{"you need to load the kernel first", "you need to load the kernel first"},
		{"Checking media presence......", "Media Presence"},
		{"error: file `/debian/linux' not found", "GRUB: file not found"},
		{"no bootable device found", "No bootable device"},
		{"", ""}, {"?", ""}, {"hello world", ""}, {"PXE-E00", ""}, {"the", ""},
		{strings.Repeat("\xffE16 ", 1000), "PXE-E16"},
	} {
		got := ""
		if all := Look(tc.typed, Verdict{}); len(all) > 0 {
			got = all[0].Name
		}
		if got != tc.want {
			t.Errorf("%.60q means %q, want %q", tc.typed, got, tc.want)
		}
	}
}

// A code means one thing on UEFI and another on a BIOS, and goes with what the
// box has seen, or not.
func TestFit(t *testing.T) {
	for _, tc := range []struct {
		situation, typed string
		verdict          Verdict
		fit              Fit
		means            string // a part of it
	}{
		{situation: "no boot is known", typed: "E05", fit: NotCompared, means: "BIOS: The network card"},
		{situation: "EDK2: the file does not fit", typed: "E05",
			verdict: Verdict{Stage: Loading, Finding: "download-stopped", Firmware: uefi}, fit: Agrees,
			means: "larger than the memory"},
		{situation: "a BIOS whose card is broken got that far", typed: "E05",
			verdict: Verdict{Stage: InMenu, Finding: "in-menu", Firmware: bios}, fit: Contradicts, means: "damaged"},
		{situation: "no lease", typed: "E16", verdict: Verdict{Stage: Offered, Finding: "no-address", Firmware: uefi},
			fit: Agrees, means: "No DHCP server"},
		{situation: "4011 is filtered", typed: "E16",
			verdict: Verdict{Stage: Asked, Finding: "boot-server-not-asked", Firmware: uefi},
			fit:     Agrees, means: "4011"},
		{situation: "the box has sent the menu", typed: "E16",
			verdict: Verdict{Stage: InMenu, Finding: "in-menu", Firmware: uefi}, fit: Contradicts,
			means: "No DHCP server"},
		{situation: "EDK2 has no E51", typed: "E51",
			verdict: Verdict{Stage: Offered, Finding: "no-address", Firmware: uefi}, fit: Contradicts,
			means: "no answer"},
		{situation: "a BIOS has", typed: "E51", verdict: Verdict{Stage: Offered, Finding: "no-address", Firmware: bios},
			fit: Agrees, means: "no answer"},
		{situation: "no link, and the box received something", typed: "E61",
			verdict: Verdict{Stage: Asked, Finding: "boot-server-not-asked", Firmware: bios}, fit: Contradicts,
			means: "no link"},
		{situation: "no link, and nothing received", typed: "E61", verdict: Verdict{Finding: "nothing-received"},
			fit: Agrees, means: "no link"},
		{situation: "Secure Boot", typed: "security violation",
			verdict: Verdict{Stage: Loaded, Finding: "secure-boot-refused", Firmware: uefi}, fit: Agrees,
			means: "Secure Boot"},
		{situation: "Secure Boot on a BIOS", typed: "security violation",
			verdict: Verdict{Stage: Loaded, Finding: "bios-program-silent", Firmware: bios}, fit: Contradicts,
			means: "Secure Boot"},
		{situation: "an unsigned kernel", typed: "bad shim signature",
			verdict: Verdict{Stage: Started, Finding: "kernel-refused", Firmware: uefi}, fit: Agrees, means: "Debian"},
		{situation: "an unsigned kernel that was not asked for", typed: "bad shim signature",
			verdict: Verdict{Stage: InMenu, Finding: "in-menu", Firmware: uefi}, fit: Agrees, means: "Debian"},
		{situation: "an unsigned kernel, and no menu", typed: "bad shim signature",
			verdict: Verdict{Stage: Loading, Finding: "loading", Firmware: uefi}, fit: Contradicts, means: "Debian"},
		{situation: "WDS has no image", typed: "0xc0000272",
			verdict: Verdict{Stage: Transferred, Finding: "handed-over", Firmware: uefi}, fit: Agrees,
			means: "no boot image"},
		{situation: "WDS has no image, and the machine is back in the menu", typed: "0xc0000272",
			verdict: Verdict{Stage: InMenu, Finding: CameBack, Firmware: uefi}, fit: Agrees, means: "no boot image"},
		{situation: "WDS was never asked", typed: "0xc0000272",
			verdict: Verdict{Stage: Loaded, Finding: "secure-boot-refused", Firmware: uefi}, fit: Contradicts,
			means: "no boot image"},
		{situation: "GRUB misses a file, and not the ROM", typed: "file not found",
			verdict: Verdict{Stage: InMenu, Finding: "entry-file-missing", Firmware: uefi}, fit: Agrees,
			means: "menu's entry"},
		{situation: "the ROM misses a file, and not GRUB", typed: "file not found",
			verdict: Verdict{Stage: Loading, Finding: "first-stage-missing", Firmware: uefi}, fit: Agrees,
			means: "boot file"},
		{situation: "the box knows nothing", typed: "E16", verdict: Verdict{Finding: Unknown}, fit: NotCompared,
			means: "UEFI: "},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			all := Look(tc.typed, tc.verdict)
			if len(all) == 0 || all[0].Fit != tc.fit || !strings.Contains(all[0].Meaning, tc.means) {
				t.Errorf("%q: %+v; want %v, %q", tc.typed, all, tc.fit, tc.means)
			}
		})
	}
}

// Every code of the field is in the table, with a meaning and something to try,
// and is found by its name.
func TestMessages(t *testing.T) {
	for _, code := range strings.Fields(`E05 E07 E09 E12 E16 E18 E21 E22 E23 E99 E11 E32 E35 E36 E3B E3F T04 E51 E52 E53 E55 E61 E74 E77 E78 M0F
		T01 0xc000000f 0xc0000272 0xc0000225`) {
		if len(Look(code, Verdict{})) == 0 {
			t.Errorf("%s is not in the table", code)
		}
	}
	findings := map[Finding]bool{}
	for _, r := range Findings() {
		if findings[r.Finding] {
			t.Errorf("%s is twice in the table of verdicts", r.Finding)
		}
		findings[r.Finding] = true
		if n := len(r.Advice); n < 1 || n > 3 || r.Sentence == "" {
			t.Errorf("%s: %d sentences of advice", r.Finding, n)
		}
	}
	names := map[string]bool{}
	for _, m := range Messages() {
		if names[m.Name] || m.UEFI == "" && m.BIOS == "" || len(m.Advice) == 0 || m.From > m.To {
			t.Errorf("%s: %+v", m.Name, m)
		}
		names[m.Name] = true
		if all := Look(m.Name, Verdict{}); len(all) == 0 || all[0].Name != m.Name {
			t.Errorf("%s is found as %+v", m.Name, all)
		}
		for _, f := range m.Findings {
			if !findings[f] {
				t.Errorf("%s: there is no finding %s", m.Name, f)
			}
		}
	}
}

func FuzzLook(f *testing.F) {
	for _, s := range []string{"PXE-E16", "0xc000000f", "bad shim signature", "\xff\x00", "E E E E"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range Look(text, Verdict{}) {
			if !utf8.ValidString(m.Meaning) {
				t.Error(m.Meaning)
			}
		}
	})
}
