package portowner

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestAdvice(t *testing.T) {
	const root = 0
	for situation, tc := range map[string]struct {
		use    Use
		owners []Owner
		want   []string
		not    string
	}{
		"root asks": {
			use:    DHCP,
			owners: []Owner{{Program: "dnsmasq", PID: 812, Unit: "dnsmasq.service"}},
			want: []string{"dnsmasq (process 812, dnsmasq.service) has it",
				"systemctl disable --now dnsmasq.service", `mode = "off" in [dhcp]`},
		},
		"the unit's user asks": {
			use: TFTP, owners: []Owner{{Unit: "tftpd-hpa.service"}},
			want: []string{"tftpd-hpa.service has it", "systemctl disable --now tftpd-hpa.service", "port = 0 in [tftp]"},
		},
		"systemd waits for the first packet": {
			use: TFTP, owners: []Owner{{Unit: "init.scope"}},
			want: []string{"systemd (for a socket unit that systemctl list-sockets shows) has it: stop that unit; if"},
		},
		"systemd waits for the first packet, and root asks": {
			use: TFTP, owners: []Owner{{Unit: "init.scope", Program: "systemd", PID: 1}},
			want: []string{"systemd (for a socket unit that systemctl list-sockets shows) has it: stop that unit; if"},
		},
		"a program in a user's session": {
			use: TFTP, owners: []Owner{{Unit: "user@1000.service", Program: "python3", PID: 9}},
			want: []string{"python3 (process 9, user@1000.service) has it: stop it; if"},
		},
		"no systemd": {
			use: HTTP, owners: []Owner{{User: root}}, want: []string{"a program of user root has it: stop it; or", "[http]"},
		},
		"a user that the host does not know": {
			use: HTTP, owners: []Owner{{User: 4294967294}}, want: []string{"a program of user 4294967294 has it"},
		},
		"two sockets of one program": {
			use: Page, owners: []Owner{{Program: "nginx", PID: 7}, {Program: "nginx", PID: 7}},
			want: []string{"nginx (process 7) has it", "[page]"}, not: " and ",
		},
		"two programs": {
			use: DHCP, owners: []Owner{{Program: "dnsmasq", PID: 1}, {Program: "dhcpd", PID: 2}},
			want: []string{"dnsmasq (process 1) and dhcpd (process 2) have it: stop them; "},
		},
		"two services": {
			use: DHCP, owners: []Owner{{Unit: "dnsmasq.service"}, {Unit: "isc-dhcp-server.service"}},
			want: []string{"dnsmasq.service and isc-dhcp-server.service have it: ",
				"stop them with: systemctl disable --now dnsmasq.service isc-dhcp-server.service; if"},
		},
		"two processes of one service": {
			use: Page, owners: []Owner{{Program: "nginx", PID: 7, Unit: "nginx.service"},
				{Program: "nginx", PID: 8, Unit: "nginx.service"}},
			want: []string{"stop them with: systemctl disable --now nginx.service; or"},
		},
		"a container": {
			use: HTTP, owners: []Owner{{Unit: "docker-1f2e.scope", Program: "nginx", PID: 9}},
			want: []string{"nginx (process 9, docker-1f2e.scope) has it: stop it; or"},
		},
		"systemd, and another program": {
			use: TFTP, owners: []Owner{{Unit: "init.scope"}, {Unit: "atftpd.service"}},
			want: []string{"list-sockets shows) and atftpd.service have it: stop them; if"},
		},
		"a service and another program": {
			use: DHCP, owners: []Owner{{Unit: "dnsmasq.service"}, {User: root}},
			want: []string{"dnsmasq.service and a program of user root have it: stop them; if"},
		},
		"it is not known": {use: DHCP, want: []string{"as root, pxebox check --ports"}},
	} {
		t.Run(situation, func(t *testing.T) {
			got := tc.use.Advice(tc.owners)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q lacks %q", got, want)
				}
			}
			if tc.not != "" && strings.Contains(got, tc.not) {
				t.Errorf("%q has %q", got, tc.not)
			}
		})
	}
}

func TestOurs(t *testing.T) {
	for situation, tc := range map[string]struct {
		owner Owner
		want  bool
	}{
		"by its program": {Owner{Program: "pxed", PID: 3}, true},
		"by its unit":    {Owner{Unit: "menuwatch.service"}, true},
		"another":        {Owner{Program: "dnsmasq", Unit: "dnsmasq.service"}, false},
		"nothing known":  {Owner{}, false},
	} {
		if got := tc.owner.Ours(); got != tc.want {
			t.Errorf("%s: %v", situation, got)
		}
	}
}

// Only a taken port has an owner.
func TestExplainLeavesOtherErrors(t *testing.T) {
	for _, err := range []error{nil, os.ErrPermission, errors.New("no such device")} {
		if got := DHCP.Explain(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
	if got := DHCP.At(1).Explain(syscall.EADDRINUSE); !errors.Is(got, syscall.EADDRINUSE) {
		t.Errorf("%v hides the error", got)
	}
	if got, want := DHCP.At(1).String(), "UDP port 1 (DHCP)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
