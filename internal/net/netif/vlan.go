package netif

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// vlan is a VLAN on a network interface.
type vlan struct {
	name   string // of the VLAN's interface
	parent string // the interface that carries it
	id     int
	exists bool
}

// vlanNamed returns the VLAN that an interface's name stands for. The zero vlan
// means that it stands for none, which includes a name of this form that the
// system has given to another kind of interface.
func vlanNamed(all []candidate, name string) (vlan, error) {
	parent, id, ok := spec.ParseVLAN(name)
	if !ok {
		return vlan{}, nil
	}
	if i := slices.IndexFunc(all, func(c candidate) bool { return c.name == name }); i >= 0 {
		if all[i].kind != "vlan" {
			return vlan{}, nil
		}
		return vlan{name: name, parent: parent, id: id, exists: true}, nil
	}
	if !slices.ContainsFunc(all, func(c candidate) bool { return c.name == parent }) {
		return vlan{}, missing(all, fmt.Sprintf("no network interface %q for VLAN %d of %q", parent, id, name))
	}
	return vlan{name: name, parent: parent, id: id}, nil
}

// create makes the VLAN's interface. It stays until the system restarts: a
// restarted program finds it, with its address.
func (v vlan) create() error {
	parent, err := netlink.LinkByName(v.parent)
	if err != nil {
		return fmt.Errorf("network interface %s: %w", v.parent, err)
	}
	a := netlink.NewLinkAttrs()
	a.Name, a.ParentIndex = v.name, parent.Attrs().Index
	return v.explain(netlink.LinkAdd(&netlink.Vlan{LinkAttrs: a, VlanId: v.id}))
}

// explain says what a person can do about the kernel's refusal.
func (v vlan) explain(err error) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf("create VLAN %d on %s", v.id, v.parent)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return unusable{final: true, instead: v.parent, error: fmt.Errorf("%s: this kernel does not support VLANs: let the "+
			"switch deliver VLAN %d untagged, and write interface = %q under [network] in pxebox.toml", what, v.id, v.parent)}
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: %w: add %s to the system's network configuration", what, err, v.name)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%s: it exists under another name: write that name as interface under [network] in pxebox.toml",
			what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// prepareVLAN creates the interface if its name is that of a VLAN which does not
// exist. It switches the parent on: a VLAN is up only while its parent is.
func (t *tenure) prepareVLAN(all []candidate, name string) (created bool, err error) {
	v, err := vlanNamed(all, name)
	if err != nil || v == (vlan{}) {
		return false, err
	}
	awaken(slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return c.name != v.parent }))
	if v.exists {
		return false, nil
	}
	if err := v.create(); err != nil {
		return false, err
	}
	t.Log.Info("network: VLAN created", "interface", v.name)
	return true, nil
}
