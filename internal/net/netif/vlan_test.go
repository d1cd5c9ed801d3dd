package netif

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestVLANNamed(t *testing.T) {
	eth0 := candidate{name: "eth0", kind: "device", ethernet: true}
	made := candidate{name: "eth0.10", kind: "vlan", ethernet: true}
	bridge := candidate{name: "eth0.10", kind: "bridge", ethernet: true}
	for _, tt := range []struct {
		situation string
		all       []candidate
		name      string
		want      vlan
		err       string
	}{
		{situation: "no name", all: []candidate{eth0}},
		{situation: "an interface", all: []candidate{eth0}, name: "eth0"},
		{situation: "an interface that is missing", all: []candidate{eth0}, name: "eth9"},
		{situation: "a VLAN to create", all: []candidate{eth0}, name: "eth0.10",
			want: vlan{name: "eth0.10", parent: "eth0", id: 10}},
		{situation: "a VLAN that exists", all: []candidate{eth0, made}, name: "eth0.10",
			want: vlan{name: "eth0.10", parent: "eth0", id: 10, exists: true}},
		{situation: "a VLAN whose parent is in another namespace", all: []candidate{made}, name: "eth0.10",
			want: vlan{name: "eth0.10", parent: "eth0", id: 10, exists: true}},
		{situation: "another VLAN exists", all: []candidate{eth0, made}, name: "eth0.11",
			want: vlan{name: "eth0.11", parent: "eth0", id: 11}},
		{situation: "a bridge with such a name", all: []candidate{eth0, bridge}, name: "eth0.10"},
		{situation: "a VLAN without its parent", all: []candidate{eth0}, name: "eth1.10",
			err: `no network interface "eth1" for VLAN 10 of "eth1.10"; there are: eth0: plug it in, or write ` +
				`one of these as interface under [network] in pxebox.toml`},
		{situation: "a VLAN where there is nothing", name: "eth1.10",
			all: []candidate{{name: "lo", kind: "device", loopback: true}, {name: "sit0", kind: "sit"}},
			err: `no network interface "eth1" for VLAN 10 of "eth1.10"; there are: none: plug it in`},
		{situation: "a number that no VLAN has", all: []candidate{eth0}, name: "eth0.4095"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, err := vlanNamed(tt.all, tt.name)
			if got != tt.want || fmt.Sprint(err) != fmt.Sprint(errorOf(tt.err)) {
				t.Fatalf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// The kernel's own words do not say what to change.
func TestVLANRefusedByKernel(t *testing.T) {
	v := vlan{name: "eth0.10", parent: "eth0", id: 10}
	for _, tt := range []struct {
		situation string
		err       error
		want      string
	}{
		{"the kernel has no VLANs", unix.EOPNOTSUPP, `this kernel does not support VLANs: let the switch deliver VLAN ` +
			`10 untagged, and write interface = "eth0" under [network] in pxebox.toml`},
		{"the program may not", unix.EPERM, "add eth0.10 to the system's network configuration"},
		{"the VLAN has another name", unix.EEXIST, "it exists under another name"},
		{"anything else", unix.ENODEV, "no such device"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			err := v.explain(tt.err)
			if err == nil || !strings.HasPrefix(err.Error(), "create VLAN 10 on eth0: ") ||
				!strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v", err)
			}
		})
	}
	if err := v.explain(nil); err != nil {
		t.Error(err)
	}
}
