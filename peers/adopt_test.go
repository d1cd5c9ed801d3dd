//go:build peers

package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAdoptReadsWhatServersRead runs the real servers on the configurations
// that pxebox adopt is tested with: a configuration that its server refuses
// would prove nothing. dhcpd need not be installed.
func TestAdoptReadsWhatServersRead(t *testing.T) {
	const inputs = "../internal/tool/adopt/testdata/dhcp"
	for _, tt := range []struct {
		program, file string
		args          []string
		// without lists lines about files that do not exist, or that no server
		// reads.
		without []string
	}{
		{program: "dnsmasq", file: "dnsmasq/dnsmasq.conf", args: []string{"--test", "-C"},
			without: []string{"conf-dir="}},
		{program: "dhcpd", file: "isc/dhcpd.conf", args: []string{"-t", "-cf"},
			without: []string{"include ", "fixed-address pc2.school.example.org"}},
	} {
		t.Run(tt.program, func(t *testing.T) {
			if _, err := exec.LookPath(tt.program); err != nil && tt.program == "dhcpd" {
				t.Skip("there is no dhcpd here (isc-dhcp-server)")
			}
			text, err := os.ReadFile(filepath.Join(inputs, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			var kept strings.Builder
			for line := range strings.Lines(string(text)) {
				left := false
				for _, w := range tt.without {
					left = left || strings.Contains(line, w)
				}
				if !left {
					kept.WriteString(line)
				}
			}
			file := filepath.Join(t.TempDir(), "server.conf")
			if err := os.WriteFile(file, []byte(kept.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(tt.program, append(tt.args, file)...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
