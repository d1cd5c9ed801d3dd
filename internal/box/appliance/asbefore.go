package appliance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/pxebox/pxebox/internal/base/durable"
	"github.com/pxebox/pxebox/internal/box/selftest"
	"github.com/pxebox/pxebox/internal/box/settings"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/generation"
)

// Files that an update leaves on /perm until the new root is kept, or until the
// next update.
const (
	// beforeFile holds the state in which the old root left the box.
	beforeFile = "before-update.json"
	// whyFile says why the new root was not kept, so that the old one can log
	// it.
	whyFile = "update-failed.txt"
)

// state compares the box with its settings. addresses are those of its
// interfaces.
func (s *site) state(addresses []netip.Prefix) selftest.State {
	text, err := s.store().Read()
	sum := sha256.Sum256(text)
	st := selftest.State{Sum: hex.EncodeToString(sum[:])}
	if err != nil {
		st.Refused = err.Error()
	} else if c, err := compile.Parse(settings.FileName, text); err != nil {
		st.Refused = err.Error()
	} else {
		st.Settings = selftest.Use{Mode: c.DHCP.Mode, Address: c.Network.Address}
	}
	// Until menuwatch has published a generation, nothing that the settings
	// could ask for is in force.
	if g, err := generation.Read(runDir); err == nil {
		st.InForce = selftest.Use{Mode: g.DHCP.Mode, Address: g.Network.Address}
	}
	if want := st.InForce.Address; want.IsValid() {
		st.Present = slices.Contains(addresses, want)
	} else {
		st.Present = len(addresses) > 0
	}
	return st
}

// ownAddresses returns the IPv4 addresses of the box's interfaces.
func ownAddresses() ([]netip.Prefix, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("the box's addresses: %w", err)
	}
	var own []netip.Prefix
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			own = append(own, p)
		}
	}
	return own, nil
}

// noteState records how the old root leaves the box, before a new one is tried.
func (s *site) noteState() error {
	addresses, err := ownAddresses()
	if err != nil {
		return err
	}
	b, err := json.Marshal(s.state(addresses))
	if err != nil {
		return err
	}
	return errors.Join(remove(filepath.Join(s.dir, whyFile)),
		durable.WriteFile(filepath.Join(s.dir, beforeFile), b, 0o644))
}

// asBefore checks that the new root uses the settings as the old one did.
func (s *site) asBefore() error {
	addresses, err := ownAddresses()
	if err != nil {
		return err
	}
	var before *selftest.State
	b, err := os.ReadFile(filepath.Join(s.dir, beforeFile))
	if err == nil {
		err = json.Unmarshal(b, &before)
	}
	if err != nil {
		before = nil // an older program recorded nothing, or /perm cannot be read
	}
	return selftest.AsBefore(before, s.state(addresses))
}

// noteWhy records why the new root is not healthy, in case it is not kept.
func (s *site) noteWhy(why error) error {
	return durable.WriteFile(filepath.Join(s.dir, whyFile), []byte(why.Error()+"\n"), 0o644)
}

// why returns what the other root recorded, or "" if it could not.
func (s *site) why() string {
	b, err := os.ReadFile(filepath.Join(s.dir, whyFile))
	if err != nil {
		return ""
	}
	return string(b)
}

// forgetUpdate removes both files once the new root is kept.
func (s *site) forgetUpdate() error {
	return errors.Join(remove(filepath.Join(s.dir, beforeFile)), remove(filepath.Join(s.dir, whyFile)))
}

func remove(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
