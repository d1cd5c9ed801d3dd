//go:build peers

package peers

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/peers/capture"
	"github.com/pxebox/pxebox/peers/netns"
)

// program is a third-party DHCP client, and how to run it.
type program struct {
	name string
	// seconds is the lease time that it requests (option 51): udhcpc and dhcpcd
	// accept none that is shorter.
	seconds int
	// remembers is set if the client requests its old address with an
	// INIT-REBOOT request after a restart.
	remembers bool
	// command is the shell command that runs the client in the foreground, in
	// the client's folder, with the seconds in $LEASE. $WARY is 1 if the client
	// must probe its address by ARP.
	command string
	// script is called by the client at each step. At the end of the script,
	// its environment is recorded.
	script string
	// renews, if set, is the signal that makes the client renew at once. The
	// other clients renew by themselves at half of their lease.
	renews syscall.Signal
	// release makes the client release its address.
	release func(*client)
	// hears is what the script's environment contains of the configuration in
	// told, except the address.
	hears map[string]string
}

// told is everything that a client can be told besides its address.
const told = `
router = "192.168.77.254"
dns = ["192.168.77.3", "192.168.77.4"]
domain = "lab.example.org"
search = ["lab.example.org", "example.org"]
ntp = ["192.168.77.5"]
mtu = 1400
routes = ["10.0.0.0/8 via 192.168.77.253"]
`

var programs = []program{dhclient, udhcpc, dhcpcd}

var (
	dhclient = program{
		name: "dhclient",
		// It accepts shorter leases, but writes its lease down every 15 s at
		// most: a reset loses a lease that it extended in between.
		seconds:   20,
		remembers: true,
		command: `cat >conf <<END
option rfc3442-routes code 121 = array of unsigned integer 8;
send dhcp-lease-time $LEASE;
request subnet-mask, broadcast-address, routers, domain-name-servers, domain-name,
	domain-search, ntp-servers, interface-mtu, rfc3442-routes;
initial-interval 1;
backoff-cutoff 2;
retry 2;
END
touch leases
exec dhclient -4 -d -cf conf -lf leases -pf pid -sf $PWD/script eth0`,
		script: `case $reason in
PREINIT) ip link set $interface up ;;
BOUND|RENEW|REBIND|REBOOT)
	if [ $WARY = 1 ] && [ $reason = BOUND ]; then
		busybox arping -D -q -c 2 -w 2 -I $interface $new_ip_address || exit 1
	fi
	ip addr replace $new_ip_address/$new_subnet_mask dev $interface ;;
EXPIRE|FAIL|RELEASE|STOP) ip addr flush dev $interface ;;
esac`,
		release: func(c *client) {
			cmd := exec.Command("dhclient", "-4", "-r", "-cf", "conf", "-lf", "leases", "-pf", "pid", "-sf",
				c.file("script"), link)
			cmd.Dir = c.dir
			c.s.startCmd(c.host, c.name, cmd)
		},
		hears: map[string]string{
			"new_subnet_mask":         "255.255.255.0",
			"new_routers":             "192.168.77.254",
			"new_domain_name_servers": "192.168.77.3 192.168.77.4",
			"new_domain_name":         "lab.example.org",
			"new_domain_search":       "lab.example.org. example.org.",
			"new_ntp_servers":         "192.168.77.5",
			"new_interface_mtu":       "1400",
			"new_rfc3442_routes":      "8 10 192 168 77 253 0 192 168 77 254",
		},
	}

	udhcpc = program{
		name:    "udhcpc",
		seconds: 16,
		command: `exec busybox udhcpc -f -i eth0 -s $PWD/script -t 20 -T 1 -A 1 -x lease:$LEASE \
	$([ $WARY = 1 ] && echo -a500) -O search -O ntpsrv -O mtu -O staticroutes`,
		script: `case $1 in
deconfig) ip addr flush dev $interface ;;
bound|renew) ip addr replace $ip/$subnet dev $interface ;;
esac`,
		renews:  syscall.SIGUSR1,
		release: func(c *client) { c.signal(syscall.SIGUSR2) },
		hears: map[string]string{
			"subnet":       "255.255.255.0",
			"router":       "192.168.77.254",
			"dns":          "192.168.77.3 192.168.77.4",
			"domain":       "lab.example.org",
			"search":       "lab.example.org example.org",
			"ntpsrv":       "192.168.77.5",
			"mtu":          "1400",
			"staticroutes": "10.0.0.0/8 192.168.77.253 0.0.0.0/0 192.168.77.254",
		},
	}

	dhcpcd = program{
		name:      "dhcpcd",
		seconds:   20,
		remembers: true,
		// Its state is always in the same place, so each client mounts a
		// private folder there, which the rest of the system does not see.
		command: `cat >conf <<END
leasetime $LEASE
clientid
timeout 0
reboot 5
noipv6
noipv4ll
option subnet_mask, broadcast_address, routers, domain_name_servers, domain_name
option domain_search, ntp_servers, interface_mtu, classless_static_routes
$([ $WARY = 1 ] || echo noarp)
END
mkdir -p state
mount --bind state /var/lib/dhcpcd
mount -t tmpfs run /run
mkdir /run/dhcpcd
exec dhcpcd -4 -B -f $PWD/conf -c $PWD/script eth0`,
		release: func(c *client) { c.signal(syscall.SIGALRM) },
		hears: map[string]string{
			"new_subnet_mask":             "255.255.255.0",
			"new_routers":                 "192.168.77.254",
			"new_domain_name_servers":     "192.168.77.3 192.168.77.4",
			"new_domain_name":             "lab.example.org",
			"new_domain_search":           "lab.example.org example.org",
			"new_ntp_servers":             "192.168.77.5",
			"new_interface_mtu":           "1400",
			"new_classless_static_routes": "10.0.0.0/8 192.168.77.253 0.0.0.0/0 192.168.77.254",
		},
	}
)

// client is a program that runs on a host.
type client struct {
	program
	s    *site
	at   *segment
	host *netns.Namespace
	mac  net.HardwareAddr
	dir  string
	wary bool
	cmd  *exec.Cmd
	// steps are the environments in which its script was called.
	steps journal.Journal[map[string]string]
}

// startClient starts a client on a new host.
func (s *site) startClient(p program, at *segment, mac string, wary bool) *client {
	s.t.Helper()
	hw, err := net.ParseMAC(mac)
	s.must(err)
	c := &client{program: p, s: s, at: at, host: at.plug(mac), mac: hw, dir: s.t.TempDir(), wary: wary}
	// dhclient clears the environment, so the script contains the variables
	// that it needs.
	script := fmt.Sprintf("#!/bin/sh\nPATH=%s\nWARY=%s\n%s\n{ echo \"step=$reason$1\"; env; echo; } >%s\n",
		os.Getenv("PATH"), flag(wary), p.script, c.file("steps"))
	s.must(os.WriteFile(c.file("script"), []byte(script), 0o755))
	s.must(unix.Mkfifo(c.file("steps"), 0o600))
	// For writing too: without a writer, a reader would see the end of the
	// file.
	steps, err := os.OpenFile(c.file("steps"), os.O_RDWR, 0)
	s.must(err)
	s.t.Cleanup(func() { steps.Close() })
	go c.hear(steps)
	c.power()
	return c
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// power starts the program, the first time or again.
func (c *client) power() {
	c.s.t.Helper()
	cmd := exec.Command("/bin/sh", "-ec", c.command)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("LEASE=%d", c.seconds), "WARY="+flag(c.wary))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	c.cmd = c.s.startCmd(c.host, c.name, cmd)
}

// reset is the reset button: the program is killed, and the machine forgets its
// address.
func (c *client) reset() {
	c.s.t.Helper()
	c.s.must(c.host.Kill())
	c.cmd.Wait()
	c.s.must(c.host.Run("ip", "addr", "flush", "dev", link))
	c.power()
}

func (c *client) signal(sig syscall.Signal) {
	c.s.t.Helper()
	c.s.must(c.cmd.Process.Signal(sig))
}

func (c *client) file(name string) string { return filepath.Join(c.dir, name) }

// hear reads what the script writes: environments, each ended by an empty line.
func (c *client) hear(r *os.File) {
	step := map[string]string{}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if lines.Text() == "" {
			c.steps.Add(step)
			step = map[string]string{}
			continue
		}
		k, v, _ := strings.Cut(lines.Text(), "=")
		step[k] = v
	}
}

// bound waits for the client to have an address.
func (c *client) bound() (netip.Addr, map[string]string) {
	c.s.t.Helper()
	step, _, err := c.steps.Await(c.s.within(patience), 0, func(step map[string]string) bool {
		return strings.EqualFold(step["step"], "bound")
	})
	if err != nil {
		c.s.t.Fatalf("%s has no address: %v", c.name, err)
	}
	a, err := netip.ParseAddr(step["new_ip_address"] + step["ip"])
	if err != nil {
		c.s.t.Fatalf("%s is bound to no address: %v", c.name, step)
	}
	return a, step
}

// settled waits until the client has processed every ACK sent to it: one may
// have been on the wire and not yet in the client's memory.
func (c *client) settled() {
	c.s.t.Helper()
	acks, asked := 0, false
	for _, p := range c.at.wire.From(0) {
		if p.DHCP == nil || p.DHCP.ClientHWAddr.String() != c.mac.String() {
			continue
		}
		switch {
		case p.Is(dhcpv4.MessageTypeRequest):
			asked = true
		case p.Is(dhcpv4.MessageTypeAck) && asked:
			// A second ACK answers a request that was repeated in the meantime.
			acks, asked = acks+1, false
		}
	}
	_, _, err := c.steps.Await(c.s.within(patience), 0, func(step map[string]string) bool {
		switch strings.ToUpper(step["step"]) {
		case "BOUND", "RENEW", "REBIND", "REBOOT":
			acks--
		}
		return acks == 0
	})
	if err != nil {
		c.s.t.Fatalf("%s passes over %d ACKs: %v", c.name, acks, err)
	}
}

// releases makes the client release its address, and waits for the packet.
func (c *client) releases(a netip.Addr, place int) {
	c.s.t.Helper()
	deadline := c.s.within(patience)
	for deadline.Err() == nil {
		c.release(c)
		// dhcpcd loses a signal that arrives while it still processes the last
		// answer, so the signal is sent again.
		turn, cancel := context.WithTimeout(deadline, 5*time.Second)
		_, _, err := c.at.wire.Await(turn, place, func(p capture.Packet) bool {
			return p.Is(dhcpv4.MessageTypeRelease) && address(p.DHCP.ClientIPAddr) == a
		})
		cancel()
		if err == nil {
			return
		}
	}
	c.s.t.Fatalf("%s does not release %v", c.name, a)
}

// acked waits for a REQUEST from the client that matches, and for its ACK.
func (c *client) acked(what string, place int, match func(capture.Packet) bool) (capture.Packet, int) {
	c.s.t.Helper()
	q, next := c.at.await(what+" of "+c.name, place, func(p capture.Packet) bool {
		return p.Is(dhcpv4.MessageTypeRequest) && p.DHCP.ClientHWAddr.String() == c.mac.String() && match(p)
	})
	a, next := c.at.await("answer to the "+what+" of "+c.name, next, answers(q.DHCP))
	if !a.Is(dhcpv4.MessageTypeAck) {
		c.s.t.Fatalf("the %s of %s is answered by: %v", what, c.name, a)
	}
	return a, next
}

// The kinds of REQUEST, distinguished as in RFC 2131 table 4 and §4.3.2.
func selecting(p capture.Packet) bool { return p.DHCP.ServerIdentifier() != nil }

func initReboot(p capture.Packet) bool {
	return p.DHCP.ServerIdentifier() == nil && p.DHCP.RequestedIPAddress() != nil &&
		!address(p.DHCP.ClientIPAddr).IsValid()
}

func renewing(p capture.Packet) bool {
	return p.DHCP.ServerIdentifier() == nil && address(p.DHCP.ClientIPAddr).IsValid() && p.Dst == boxPort
}

func rebinding(p capture.Packet) bool {
	return p.DHCP.ServerIdentifier() == nil && address(p.DHCP.ClientIPAddr).IsValid() && p.Dst.Addr() != boxAddr
}
