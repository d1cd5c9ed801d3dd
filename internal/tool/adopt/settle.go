package adopt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// block is a part of the DHCP settings in the pxebox.toml that can be left out
// separately: a key, or a table with its keys.
type block struct {
	text  string // whole lines
	from  []pxelinux.Line
	fixed bool // a table's header: what follows needs it
	// subnet numbers the subnets from 1; the blocks of a subnet are left out
	// together.
	subnet int
}

func key(name, value string, from ...pxelinux.Line) block {
	return block{text: name + " = " + value + "\n", from: from}
}

var serverMode = key("mode", quote(string(spec.ModeServer)))

// dhcpTOML returns the text of the blocks.
func (s *site) dhcpTOML() string {
	var b strings.Builder
	for _, k := range s.blocks {
		b.WriteString(k.text)
	}
	return b.String()
}

// settle leaves out what a configuration does not allow, and reports it: the
// parser checks more rules than this package does.
func (c *converter) settle() error {
	for {
		_, err := parser.Parse(configFile, c.toml())
		var errs config.Errors
		if err == nil || !errors.As(err, &errs) {
			return err
		}
		// Find the lines of each block in the file. [dhcp] and the like come
		// before everything that comes from the menus.
		line := 1 + strings.Count(c.header(), "\n")
		drop := map[int]string{}
		at := 0
		for i, b := range c.blocks {
			end := line + strings.Count(b.text, "\n")
			for ; at < len(errs) && errs[at].Line < end; at++ {
				if errs[at].Line >= line && (!b.fixed || b.subnet > 0) && drop[i] == "" {
					drop[i] = errs[at].Problem
				}
			}
			if b.fixed && drop[i] != "" {
				for j, o := range c.blocks {
					if o.subnet == b.subnet {
						drop[j] = drop[i]
					}
				}
			}
			line = end
		}
		if len(drop) == 0 {
			// For example, nothing is left to lease.
			i := slices.IndexFunc(c.blocks, func(b block) bool { return b.text == serverMode.text })
			if i < 0 {
				return err
			}
			c.blocks[i] = key("mode", quote(string(spec.ModeAuto)))
			continue
		}
		var left []block
		for i, b := range c.blocks {
			why, dropped := drop[i]
			if !dropped {
				left = append(left, b)
				continue
			}
			for _, l := range b.from {
				c.lost(l, "is left out: %s", why)
			}
			if len(b.from) == 0 && b.subnet == 0 { // the box's address or mode
				return err
			}
		}
		c.blocks = left
	}
}

// counted summarizes what was taken from DHCP servers.
func (c *converter) counted() string {
	subnets, reservations := 0, 0
	for _, b := range c.blocks {
		if strings.Contains(b.text, "[[reservation]]") {
			reservations++
		}
		if strings.Contains(b.text, "[[subnet]]") {
			subnets++
		}
	}
	if len(c.sources) == 0 {
		return ""
	}
	return fmt.Sprintf(", %d subnets, %d reservations", subnets, reservations)
}
