package event

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

const (
	// maxPackets is how many packets a Tap takes in a second, and maxUnproven
	// how many of them may be of machines that were not sent a file yet. Anyone
	// on the network can invent those.
	maxPackets  = 2000
	maxUnproven = 1000
	// maxWaiting is how many bytes may wait in a Tap: a fifth of a second of
	// packets.
	maxWaiting = 256 << 10
	// maxPayload is the largest packet that a Tap takes.
	maxPayload = 1500
)

// Tap takes copies of control packets from the servers, for programs that follow
// boots. It never blocks a server, and allocates nothing: packets wait in a
// buffer of a fixed size. What does not fit, or comes too fast, is counted as
// lost. The zero Tap is off. A nil Tap stays off.
type Tap struct {
	on     atomic.Bool
	proven machines

	mu       sync.Mutex // held only to copy one packet, or to swap the buffers
	waiting  []byte
	spare    []byte
	second   int64 // that the counts are for
	taken    int
	unproven int
	lost     uint64
	ready    chan struct{} // has an element if packets wait
}

// Open turns the tap on. The channel is readable when packets wait.
func (t *Tap) Open() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready == nil {
		t.ready = make(chan struct{}, 1)
		t.waiting, t.spare = make([]byte, 0, maxWaiting), make([]byte, 0, maxWaiting)
		t.on.Store(true)
	}
	return t.ready
}

// On reports whether anyone wants packets, so that a server need not copy one
// for nothing.
func (t *Tap) On() bool { return t != nil && t.on.Load() }

// header is the length of what precedes a packet in the buffer: time, two
// addresses with ports, MAC and length.
const header = 8 + 2*(4+2) + 6 + 2

// Packet takes a copy of a UDP datagram's payload. mac is the machine's, zero
// if the packet does not say it.
func (t *Tap) Packet(from, to netip.AddrPort, mac ether.MAC, payload []byte) {
	if t.On() {
		t.packet(time.Now(), from, to, mac, payload)
	}
}

// packet is Packet at the given time, for a Tap that is on.
func (t *Tap) packet(now time.Time, from, to netip.AddrPort, mac ether.MAC, payload []byte) {
	if len(payload) > maxPayload {
		return
	}
	proven := t.proven.has(mac, from.Addr()) || t.proven.has(ether.MAC{}, to.Addr())
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := now.Unix(); s != t.second {
		t.second, t.taken, t.unproven = s, 0, 0
	}
	if t.taken >= maxPackets || !proven && t.unproven >= maxUnproven ||
		len(t.waiting)+header+len(payload) > cap(t.waiting) {
		t.lost++
		return
	}
	t.taken++
	if !proven {
		t.unproven++
	}
	b := binary.BigEndian.AppendUint64(t.waiting, uint64(now.UnixNano()))
	b = appendAddress(appendAddress(b, from), to)
	b = binary.BigEndian.AppendUint16(append(b, mac[:]...), uint16(len(payload)))
	t.waiting = append(b, payload...)
	select {
	case t.ready <- struct{}{}:
	default:
	}
}

func appendAddress(b []byte, a netip.AddrPort) []byte {
	var ip [4]byte
	if v4 := a.Addr().Unmap(); v4.Is4() {
		ip = v4.As4()
	}
	return binary.BigEndian.AppendUint16(append(b, ip[:]...), a.Port())
}

// Proven notes that a machine is not invented: it was sent a file. Its packets
// are taken even while a flood uses up the places of the others.
func (t *Tap) Proven(mac ether.MAC, a netip.Addr) { t.proven.add(mac, a) }

// Take hands over the packets that wait, and returns how many were lost since
// the last call. One goroutine calls it.
func (t *Tap) Take(to func(tracestream.Packet)) (lost uint64) {
	t.mu.Lock()
	b := t.waiting
	t.waiting, t.spare = t.spare[:0], b
	lost, t.lost = t.lost, 0
	t.mu.Unlock()
	for len(b) > 0 {
		p := tracestream.Packet{
			Time: time.Unix(0, int64(binary.BigEndian.Uint64(b))),
			From: address(b[8:]), To: address(b[14:]), MAC: ether.MAC(b[20:26]),
		}
		n := int(binary.BigEndian.Uint16(b[26:]))
		p.Payload = append([]byte(nil), b[header:header+n]...)
		b = b[header+n:]
		to(p)
	}
	return lost
}

func address(b []byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[4:]))
}

// machines is a set of machines, by MAC and by address, that is read without a
// lock. It may contain a machine that was not added: that costs nothing but a
// place in a flood.
type machines struct {
	bits  [1 << 10]atomic.Uint64
	added atomic.Int64
}

// maxProven is how many machines are added before the set starts over, so that
// it does not fill up. A machine that boots is soon added again.
const maxProven = 16384

var seed = maphash.MakeSeed()

func hash(b []byte) uint64 { return maphash.Bytes(seed, b) }

func (m *machines) add(mac ether.MAC, a netip.Addr) {
	if m.added.Add(1) > maxProven {
		for i := range m.bits {
			m.bits[i].Store(0)
		}
		m.added.Store(1)
	}
	set := func(h uint64) { m.bits[h/64%uint64(len(m.bits))].Or(1 << (h % 64)) }
	if mac.IsValid() {
		set(hash(mac[:]))
	}
	if a.Is4() {
		ip := a.As4()
		set(hash(ip[:]))
	}
}

// has reports whether a machine is in the set: by its MAC, or by its address if
// the MAC is zero.
func (m *machines) has(mac ether.MAC, a netip.Addr) bool {
	var h uint64
	switch {
	case mac.IsValid():
		h = hash(mac[:])
	case a.Is4():
		ip := a.As4()
		h = hash(ip[:])
	default:
		return false
	}
	return m.bits[h/64%uint64(len(m.bits))].Load()&(1<<(h%64)) != 0
}
