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
			want: []string{"systemd, for a socket unit", "stop it"}, not: "disable --now init.scope",
		},
		"no systemd": {
			use: HTTP, owners: []Owner{{User: root}}, want: []string{"a program of user root has it", "[http]"},
		},
		"two sockets of one program": {
			use: Page, owners: []Owner{{Program: "nginx", PID: 7}, {Program: "nginx", PID: 7}},
			want: []string{"nginx (process 7) has it", "[page]"}, not: " and ",
		},
		"two programs": {
			use: DHCP, owners: []Owner{{Program: "dnsmasq", PID: 1}, {Program: "dhcpd", PID: 2}},
			want: []string{"dnsmasq (process 1) and dhcpd (process 2) has it"},
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
}
