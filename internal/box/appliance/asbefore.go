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

// What an update leaves on /perm until the new root is kept, or the next update.
const (
	// beforeFile is the state that the old root left the box in.
	beforeFile = "before-update.json"
	// whyFile says why the new root was not kept, for the old one to log.
	whyFile = "update-failed.txt"
)

// state is how the box stands to its settings now. Addresses are those of its
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
	// Before menuwatch has published any, nothing is in force that the settings
	// could ask for.
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

// ownAddresses are the IPv4 addresses of the box's interfaces.
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

// noteState notes how the old root leaves the box, before a new one is tried.
func (s *site) noteState() error {
	addresses, err := ownAddresses()
	if err != nil {
		return err
	}
	b, err := json.Marshal(s.state(addresses))
	if err != nil {
		return err
	}
	return errors.Join(remove(filepath.Join(s.dir, whyFile)), durable.WriteFile(filepath.Join(s.dir, beforeFile), b, 0o644))
}

// asBefore checks that the new root does with the settings what the old one did.
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
		before = nil // an older program noted nothing, or /perm cannot be read
	}
	return selftest.AsBefore(before, s.state(addresses))
}

// noteWhy notes why the new root is not kept, should that be the last word.
func (s *site) noteWhy(why error) error {
	return durable.WriteFile(filepath.Join(s.dir, whyFile), []byte(why.Error()+"\n"), 0o644)
}

// why is what the other root noted; empty where it could not.
func (s *site) why() string {
	b, err := os.ReadFile(filepath.Join(s.dir, whyFile))
	if err != nil {
		return ""
	}
	return string(b)
}

// forgetUpdate removes both notes, once the new root is kept.
func (s *site) forgetUpdate() error {
	return errors.Join(remove(filepath.Join(s.dir, beforeFile)), remove(filepath.Join(s.dir, whyFile)))
}

func remove(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
