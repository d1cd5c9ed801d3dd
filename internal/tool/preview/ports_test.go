package preview

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/portowner"
)

func TestPorts(t *testing.T) {
	dnsmasq := portowner.Owner{Program: "dnsmasq", PID: 812, Unit: "dnsmasq.service"}
	owners := map[portowner.Use][]portowner.Owner{
		portowner.DHCP: {dnsmasq},
		portowner.TFTP: {dnsmasq},
		portowner.HTTP: {{Unit: "nginx.service"}},
		portowner.Page: {{Program: "menuwatch", PID: 9}},
	}
	for situation, tc := range map[string]struct {
		file string
		want []string // the beginning of each line
		err  string
	}{
		"the default": {file: "# nothing\n", want: []string{
			"UDP port 67 (DHCP): dnsmasq (process 812, dnsmasq.service) has it: stop it with: systemctl",
			"UDP port 4011 (PXE boot server): free",
			"UDP port 69 (TFTP): dnsmasq (process 812, dnsmasq.service) has it",
			"TCP port 80 (HTTP): nginx.service has it: stop it with: systemctl disable --now nginx.service",
			"TCP port 443 (the page): pxebox has it",
		}, err: "other programs have 3 of the ports that pxebox needs"},
		"next to them": {
			file: "[dhcp]\nmode = \"off\"\n[tftp]\nport = 0\n[http]\nport = 8080\n",
			want: []string{
				"UDP port 67 (DHCP): not needed: [dhcp] has mode", "UDP port 4011 (PXE boot server): not needed",
				"UDP port 69 (TFTP): not needed: [tftp] has port = 0", "TCP port 8080 (HTTP): free",
				"TCP port 443 (the page): pxebox has it",
			},
		},
		"a mistake in the file": {file: "[http]\nport = true\n", err: "http.port"},
	} {
		t.Run(situation, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pxebox.toml")
			if err := os.WriteFile(file, []byte(tc.file), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err := Ports(&out, file, func(u portowner.Use) []portowner.Owner { return owners[u] })
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("the error is %v, want %q", err, tc.err)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(tc.want) == 0 {
				return
			}
			if len(lines) != len(tc.want) {
				t.Fatalf("%d lines, want %d:\n%s", len(lines), len(tc.want), out.String())
			}
			for i, want := range tc.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
				}
			}
		})
	}
}
