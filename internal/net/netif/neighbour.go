package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Neighbours asks the kernel who is at an address on the link. Each file that a
// machine asks for is one or more questions, so it keeps one socket for all of
// them, and each answer for a second. The zero value is ready to use, by several
// goroutines.
type Neighbours struct {
	mu      sync.Mutex
	sockets map[int]*nl.SocketHandle // one or, before the first question and after an error, none

	recentMu sync.Mutex
	recent   recent
}

// neighbour is an address on a link.
type neighbour struct {
	index int
	addr  netip.Addr
}

// recent are the kernel's answers of one second. The kernel itself keeps them for
// half a minute before it asks the machine again. What it does not know is not
// kept: it may be known at any moment.
type recent struct {
	since time.Time
	macs  map[neighbour]ether.MAC
}

// maxAnswers limits how many answers are kept.
const maxAnswers = 4096

// get returns an answer that is still valid.
func (s *recent) get(now time.Time, n neighbour) (ether.MAC, bool) {
	if age := now.Sub(s.since); age < 0 || age >= time.Second {
		return ether.MAC{}, false
	}
	mac, ok := s.macs[n]
	return mac, ok
}

// put keeps an answer.
func (s *recent) put(now time.Time, n neighbour, mac ether.MAC) {
	if age := now.Sub(s.since); age < 0 || age >= time.Second || len(s.macs) >= maxAnswers {
		s.since, s.macs = now, map[neighbour]ether.MAC{}
	}
	s.macs[n] = mac
}

// answerTime is how long the kernel may take to answer. It answers at once.
const answerTime = 5 * time.Second

// ask sends a question over the socket, and opens it if there is none.
func (n *Neighbours) ask(req *nl.NetlinkRequest) ([][]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets == nil {
		s, err := nl.Subscribe(unix.NETLINK_ROUTE) // to no group
		if err != nil {
			return nil, err
		}
		limit := unix.NsecToTimeval(answerTime.Nanoseconds())
		if err := errors.Join(s.SetSendTimeout(&limit), s.SetReceiveTimeout(&limit)); err != nil {
			s.Close()
			return nil, err
		}
		n.sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: s}}
	}
	req.Sockets = n.sockets
	msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		n.sockets[unix.NETLINK_ROUTE].Close()
		n.sockets = nil
	}
	return msgs, err
}

// At returns the hardware address that the kernel uses for an IP address on the
// link, as it was within the last second. It is zero if the kernel has none: it
// has sent nothing there lately, or no machine answered ARP.
func (n *Neighbours) At(index int, a netip.Addr) (ether.MAC, error) {
	now, key := time.Now(), neighbour{index, a}
	n.recentMu.Lock()
	mac, ok := n.recent.get(now, key)
	n.recentMu.Unlock()
	if ok {
		return mac, nil
	}
	mac, err := n.look(index, a)
	if err == nil && mac.IsValid() {
		n.recentMu.Lock()
		n.recent.put(now, key, mac)
		n.recentMu.Unlock()
	}
	return mac, err
}

// look asks the kernel.
//
// It requests a single entry, not the table: a stranger's packet may trigger
// the call, and a large network has thousands of entries.
func (n *Neighbours) look(index int, a netip.Addr) (ether.MAC, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
	req.AddData(&netlink.Ndmsg{Family: unix.AF_INET, Index: uint32(index)})
	req.AddData(nl.NewRtAttr(netlink.NDA_DST, a.AsSlice()))
	msgs, err := n.ask(req)
	if errors.Is(err, unix.ENOENT) {
		return ether.MAC{}, nil
	}
	if err != nil {
		return ether.MAC{}, fmt.Errorf("look up neighbor %v: %w", a, err)
	}
	const useless = netlink.NUD_INCOMPLETE | netlink.NUD_FAILED
	for _, m := range msgs {
		n, err := netlink.NeighDeserialize(m)
		if err != nil {
			return ether.MAC{}, fmt.Errorf("read neighbor %v: %w", a, err)
		}
		if mac := ether.From(n.HardwareAddr); n.State&useless == 0 && mac.IsValid() {
			return mac, nil
		}
	}
	return ether.MAC{}, nil
}

// Resolve makes the kernel send an ARP request for an address on the link, and
// does not wait for the answer.
func Resolve(index int, a netip.Addr) error {
	err := netlink.NeighSet(&netlink.Neigh{LinkIndex: index, Family: unix.AF_INET, State: netlink.NUD_NONE,
		Flags: netlink.NTF_USE, IP: a.AsSlice()})
	if errors.Is(err, unix.EPERM) { // no CAP_NET_ADMIN, as in the Debian package
		err = poke(index, a)
	}
	if err != nil {
		return fmt.Errorf("look for neighbor %v: %w", a, err)
	}
	return nil
}

// discard is the port of a service that throws away what it receives (RFC 863).
const discard = 9

// poke sends an empty datagram to an address on the link, for which the kernel
// needs its hardware address.
func poke(index int, a netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, index); err != nil {
		return os.NewSyscallError("setsockopt SO_BINDTOIFINDEX", err)
	}
	return os.NewSyscallError("sendto", unix.Sendto(fd, nil, 0, &unix.SockaddrInet4{Port: discard, Addr: a.As4()}))
}
