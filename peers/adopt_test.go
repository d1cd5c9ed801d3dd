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
// would prove nothing.
func TestAdoptReadsWhatServersRead(t *testing.T) {
	const inputs = "../internal/tool/adopt/testdata/dhcp"
	for _, tt := range []struct {
		name, program, file string
		args                []string
		// without lists lines about files that do not exist, or that no server
		// reads.
		without []string
	}{
		{name: "dnsmasq", program: "dnsmasq", file: "dnsmasq/dnsmasq.conf", args: []string{"--test", "-C"},
			without: []string{"conf-dir="}},
		{name: "dhcpd", program: "../build/peers-lan/usr/sbin/dhcpd", file: "isc/dhcpd.conf", args: []string{"-t", "-cf"},
			without: []string{"include ", "fixed-address pc2.school.example.org"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
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
