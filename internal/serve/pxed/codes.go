package pxed

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootmenu"
)

const (
	// codeLasts is how long a machine keeps its code after the last request for
	// a menu. A boot loader reads the parts of a menu within seconds. A machine
	// that restarts takes longer to ask again, or has the same code twice: a
	// person who enters it finds both boots.
	codeLasts = 20 * time.Second
	// maxCodes is the minimum number of addresses whose codes are remembered;
	// the maximum is twice that.
	maxCodes = 4096
)

// codeLetters are the letters of a code: none is easily taken for another one.
const codeLetters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// codes are the short codes on the screens of machines, by address. A person
// types the code into the page to find that boot. It protects nothing. The zero
// codes is ready to use.
type codes struct {
	mu          sync.Mutex
	now, before map[netip.Addr]code
}

type code struct {
	text string
	used time.Time
}

// show returns the code for a menu that is sent to an address.
func (c *codes) show(now time.Time, a netip.Addr) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.find(a)
	if !ok || now.Sub(x.used) >= codeLasts {
		x.text = newCode()
	}
	x.used = now
	if _, ok := c.now[a]; !ok && len(c.now) >= maxCodes || c.now == nil {
		c.now, c.before = map[netip.Addr]code{}, c.now
	}
	c.now[a] = x
	return x.text
}

// shown returns the code on the screen of the machine at an address; empty if
// it shows none.
func (c *codes) shown(a netip.Addr) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, _ := c.find(a)
	return x.text
}

func (c *codes) find(a netip.Addr) (code, bool) {
	if x, ok := c.now[a]; ok {
		return x, true
	}
	x, ok := c.before[a]
	return x, ok
}

func newCode() string {
	b := make([]byte, len(bootmenu.CodeMark))
	for i := range b {
		b[i] = codeLetters[rand.IntN(len(codeLetters))]
	}
	return string(b)
}
