// Package portowner finds out which program has a port that the box needs, and
// says what to do about it. On a Linux host that served network boots before,
// other DHCP, TFTP and web servers run.
package portowner

import (
	"errors"
	"fmt"
	"net/netip"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Use is what a port is needed for.
type Use struct {
	Name     string // "TFTP"
	Protocol string // "udp" or "tcp"
	Port     int    // the usual one
	Instead  string // what to do if the other program has to keep the port
}

const dhcpInstead = `if that server has to stay, write mode = "off" in [dhcp], ` +
	"and have it name this host as the boot server"

// The box's ports.
var (
	DHCP       = Use{"DHCP", "udp", 67, dhcpInstead}
	BootServer = Use{"PXE boot server", "udp", 4011, dhcpInstead}
	TFTP       = Use{"TFTP", "udp", 69, "if that server has to stay, write port = 0 in [tftp]"}
	HTTP       = Use{"HTTP", "tcp", 80, "or write another port in [http], such as port = 8080"}
	Page       = Use{"the page", "tcp", 443, "or write another port in [page], such as port = 8443"}
)

// At returns the use with another port.
func (u Use) At(port int) Use { u.Port = port; return u }

func (u Use) String() string {
	return fmt.Sprintf("%s port %d (%s)", strings.ToUpper(u.Protocol), u.Port, u.Name)
}

// Owner is a socket that has a port, and what is known about who opened it.
// Without root, that is the unit and the user.
type Owner struct {
	Addr    netip.AddrPort
	User    uint32
	Unit    string // systemd's, such as dnsmasq.service; "" if it is not known
	PID     int    // 0 if it is not known
	Program string // of the process
}

// String names the program as well as it is known.
func (o Owner) String() string {
	if o.Unit == initScope { // for root, the program is systemd
		return "systemd (for a socket unit that systemctl list-sockets shows)"
	}
	var also []string
	name := o.Program
	if o.PID != 0 {
		also = append(also, fmt.Sprintf("process %d", o.PID))
	}
	switch {
	case name == "" && o.Unit != "":
		name = o.Unit
	case name == "":
		name = "a program of user " + userName(o.User)
	case o.Unit != "":
		also = append(also, o.Unit)
	}
	if len(also) == 0 {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, strings.Join(also, ", "))
}

// initScope is the unit of systemd itself: it opens the socket of a service that
// starts with the first packet.
const initScope = "init.scope"

func userName(id uint32) string {
	n := strconv.FormatUint(uint64(id), 10)
	if u, err := user.LookupId(n); err == nil {
		return u.Username
	}
	return n
}

// Ours reports whether the program is one of the box's.
func (o Owner) Ours() bool {
	return slices.Contains([]string{"pxed", "menuwatch"}, o.Program) ||
		slices.Contains([]string{"pxed.service", "menuwatch.service"}, o.Unit)
}

// service returns the service to stop, or "". A user's session is none: it holds
// more than the program.
func (o Owner) service() string {
	if strings.HasSuffix(o.Unit, ".service") && !strings.HasPrefix(o.Unit, "user@") {
		return o.Unit
	}
	return ""
}

// Advice says who has a port and what to do.
func (u Use) Advice(owners []Owner) string {
	if len(owners) == 0 {
		return "another program has it: as root, pxebox check --ports names it"
	}
	var names, services []string
	how := " with: systemctl disable --now "
	for _, o := range owners {
		if n := o.String(); !slices.Contains(names, n) {
			names = append(names, n)
		}
		if s := o.service(); !slices.Contains(services, s) {
			services = append(services, s)
		}
		if o.service() == "" {
			how = ""
		}
	}
	if how != "" {
		how += strings.Join(services, " ")
	}
	switch {
	case len(names) == 1 && owners[0].Unit == initScope:
		return fmt.Sprintf("%s has it: stop that unit; %s", names[0], u.Instead)
	case len(names) == 1:
		return fmt.Sprintf("%s has it: stop it%s; %s", names[0], how, u.Instead)
	}
	return fmt.Sprintf("%s have it: stop them%s; %s", strings.Join(names, " and "), how, u.Instead)
}

// Explain adds to the error of a bind who has the port and what to do. Other
// errors stay as they are.
func (u Use) Explain(err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return fmt.Errorf("%w: %s", err, u.Advice(u.Owners()))
}
