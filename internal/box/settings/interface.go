package settings

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// hardware is what the check of settings knows about the box.
type hardware struct {
	interfaces []string // with an Ethernet address
	vlans      bool     // the kernel can create VLANs
}

// thisHardware returns what this box has. The kernel's VLAN driver has a folder
// in /proc wherever it is loaded, and nothing on the box loads it later.
func thisHardware() (h hardware, err error) {
	all, err := net.Interfaces()
	if err != nil {
		return h, fmt.Errorf("list network interfaces: %w", err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) == 6 {
			h.interfaces = append(h.interfaces, i.Name)
		}
	}
	_, err = os.Stat("/proc/net/vlan")
	return hardware{h.interfaces, err == nil}, nil
}

// reKernel is the form of the names that the kernel gives to adapters. The box
// has no program that renames them, as other systems do: a name such as enp3s0
// never appears.
var reKernel = regexp.MustCompile(`^(eth|usb|wlan|wwan)[0-9]+$`)

// finding is what is wrong with an interface. The zero finding is nothing.
type finding struct {
	problem, fix string
	// refused says that the interface can never be used, so that the box would
	// serve no machine. It waits for one that may be plugged in later.
	refused bool
}

// judge decides whether the box can use the interface that settings name.
func (h hardware) judge(name string) finding {
	if name == "" || slices.Contains(h.interfaces, name) {
		return finding{}
	}
	device := name
	if parent, id, ok := spec.ParseVLAN(name); ok {
		if device = parent; !h.vlans {
			return finding{
				problem: fmt.Sprintf("%q is a VLAN, which the kernel of this image does not support", name),
				fix: fmt.Sprintf("let the switch deliver VLAN %d untagged and write %q, or use the image of a release for PCs, "+
					"whose kernel supports VLANs", id, parent),
				refused: true,
			}
		}
		if slices.Contains(h.interfaces, parent) {
			return finding{}
		}
	}
	write := "leave the line out"
	if len(h.interfaces) > 0 {
		write = "write one that it has: " + strings.Join(h.interfaces, ", ")
	}
	if !reKernel.MatchString(device) {
		return finding{fmt.Sprintf("the box has no interface %q, and none that is plugged in later gets that name", device),
			write, true}
	}
	return finding{problem: fmt.Sprintf("the box has no interface %q now, and serves no machine until it is plugged in",
		device), fix: "plug it in, or " + write}
}

// checkInterface returns the mistakes of settings that are right by themselves,
// and do not fit to this box.
func checkInterface(c *config.Config, text []byte, h hardware) (mistakes, warnings config.Errors) {
	f := h.judge(c.Network.Interface)
	if f == (finding{}) {
		return nil, nil
	}
	e := config.Errors{{File: FileName, Line: parser.Line(text, "network", "interface"), Key: "network.interface",
		Problem: f.problem, Fix: f.fix}}
	if f.refused {
		return e, nil
	}
	return nil, e
}
