// Package handoff follows a machine from power-on to a WDS server by the
// packets that it sends: pure functions over the datagrams of a segment. A
// failing test prints its result, and make run shows it. It sends nothing and
// judges nothing.
package handoff

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/wds"
)

// Step is a step of the boot.
type Step int

// The steps from power-on to WDS, in order. A machine whose DHCP answer names
// the WDS server continues with Program after Address.
const (
	None     Step = iota
	Firmware      // the firmware requests an address
	Address       // it has an address
	Loader        // it requests its boot loader: PXELINUX, or shim
	GRUB          // shim requests GRUB
	Menu          // the boot loader requests its menu
	// the WDS entry was chosen: the loader requests pxechn.c32, or on UEFI the file that announces the choice
	Chain
	Reboot     // the firmware requests an address again, because GRUB has no other way to WDS
	Program    // the machine requests the WDS server's network boot program
	BINL       // the program asks the WDS server what to do
	Next       // the program requests the next program
	Verdict    // the next program reports success; visible only on its console
	endOfSteps = iota
)

func (s Step) String() string {
	return [endOfSteps]string{
		"none", "firmware", "DHCP", "boot loader", "GRUB", "menu", "WDS chosen", "reboot",
		"WDS program", "BINL", "next program", "verdict",
	}[s]
}

// Event is a step with its time.
type Event struct {
	Step   Step
	Time   time.Time
	Detail string
}

// Trail is a machine's boot so far. The zero Trail with the machine's MAC and
// the WDS server's address describes a machine that is off.
type Trail struct {
	MAC [6]byte
	WDS netip.Addr

	Events []Event // in order of arrival
}

// See takes a datagram. It returns the step that the datagram represents, if it
// is the first datagram of that step.
func (t *Trail) See(d lan.Datagram) (Event, bool) {
	step, detail := t.classify(d)
	if step == None || t.Has(step) {
		return Event{}, false
	}
	e := Event{step, d.Time, detail}
	t.Events = append(t.Events, e)
	return e, true
}

// Has reports whether the machine has reached a step.
func (t *Trail) Has(s Step) bool {
	for _, e := range t.Events {
		if e.Step == s {
			return true
		}
	}
	return false
}

// Last returns the farthest step.
func (t *Trail) Last() Step {
	last := None
	for _, e := range t.Events {
		last = max(last, e.Step)
	}
	return last
}

// classify returns the step that a datagram represents.
func (t *Trail) classify(d lan.Datagram) (Step, string) {
	switch {
	case d.Src.Port() == dhcpv4.ServerPort && d.Dst.Port() == dhcpv4.ClientPort:
		p, err := dhcpv4.FromBytes(d.Payload)
		if err == nil && string(p.ClientHWAddr) == string(t.MAC[:]) && p.MessageType() == dhcpv4.MessageTypeAck {
			return Address, fmt.Sprintf("%v from %v", p.YourIPAddr, d.Src.Addr())
		}
	case d.SrcMAC != t.MAC:
	case d.Dst.Port() == dhcpv4.ServerPort:
		p, err := dhcpv4.FromBytes(d.Payload)
		if err == nil && p.MessageType() == dhcpv4.MessageTypeDiscover {
			if t.Has(Chain) && !t.Has(Program) {
				return Reboot, "asks for an address again"
			}
			return Firmware, "asks for an address"
		}
	case d.Dst.Port() == wds.PortTFTP:
		name, ok := ReadName(d.Payload)
		if !ok {
			return None, ""
		}
		return t.read(d.Dst.Addr(), name), fmt.Sprintf("%v: %s", d.Dst.Addr(), name)
	case d.Dst.Port() == wds.PortBINL && d.Dst.Addr() == t.WDS:
		p, err := dhcpv4.FromBytes(d.Payload)
		if err == nil && p.Options.Has(dhcpv4.GenericOptionCode(wds.OptionControl)) {
			return BINL, fmt.Sprintf("%v asks %v with option 250", d.Src.Addr(), d.Dst.Addr())
		}
	}
	return None, ""
}

// read returns the step that the request of a file from a server represents.
func (t *Trail) read(server netip.Addr, name string) Step {
	if server == t.WDS {
		if !t.Has(Program) {
			return Program
		}
		if t.Has(BINL) {
			return Next
		}
		return None
	}
	name = strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(name, `\`, "/")), "/")
	base := path.Base(name)
	program := path.Ext(base) == ".efi"
	switch {
	case base == "pxechn.c32", strings.HasPrefix(name, oneShot):
		return Chain
	case strings.HasPrefix(name, "pxelinux.cfg/"), base == "grub.cfg":
		return Menu
	case strings.HasSuffix(base, "pxelinux.0"), program && strings.HasPrefix(base, "shim"):
		return Loader
	case program && strings.HasPrefix(base, "grub"):
		return GRUB
	}
	return None
}

// oneShot is the prefix of the names that GRUB's entry for WDS reads, so that
// the box answers the machine's next boot with the WDS server.
const oneShot = "handoff/"

// ReadName returns the file name of a TFTP read request, byte for byte.
func ReadName(payload []byte) (name string, ok bool) {
	const opRead = 1
	if len(payload) < 2 || binary.BigEndian.Uint16(payload) != opRead {
		return "", false
	}
	name, _, ok = strings.Cut(string(payload[2:]), "\x00")
	return name, ok
}
