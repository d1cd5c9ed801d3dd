// Package compile builds the generation that pxed serves, from a configuration
// and what is known of the site. It is the only place where the types of
// pxebox.toml become those of the servers.
package compile

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/generation"
)

// Generation builds the generation for a configuration and what is known of the
// site.
func Generation(c *config.Config, st menu.Status) generation.Generation {
	r := menu.Render(c, st)
	g := generation.Generation{
		Format:  generation.Format,
		Network: spec.Network(c.Network), DHCP: dhcp(c.DHCP), TFTP: spec.TFTP(c.TFTP),
		HTTP: spec.HTTP(c.HTTP), Names: spec.Files(c.Files),
		Metrics: spec.Metrics(c.Metrics),
		Files:   r.Files, Views: r.Views, Machines: r.Machines, Handoffs: r.Handoffs, TooLarge: r.TooLarge,
		Chain: r.Chain, Parts: parts(c.Entries),
	}
	g.DHCP.Fallback = r.Fallback
	return g
}

func dhcp(c config.DHCP) spec.DHCP {
	d := spec.DHCP{
		Mode: c.Mode, Force: c.Force, Probe: c.Probe,
		Ranges: c.Ranges, Parameters: spec.Parameters(c.Parameters), BootFiles: c.BootFiles,
		Adapt: c.Adapt,
	}
	for _, s := range c.Subnets {
		d.Subnets = append(d.Subnets, spec.Subnet{Network: s.Network, Ranges: s.Ranges,
			Parameters: spec.Parameters(s.Parameters)})
	}
	for _, r := range c.Reservations {
		d.Reservations = append(d.Reservations, spec.Reservation(r))
	}
	return d
}

// Parse reads a configuration as parser.Parse does, and rejects one whose
// generation no reader would accept. The error is of type config.Errors.
func Parse(file string, data []byte) (*config.Config, error) {
	c, err := parser.Parse(file, data)
	if err != nil {
		return nil, err
	}
	if _, err = generation.Encode(Generation(c, menu.Status{})); errors.As(err, new(generation.TooLargeError)) {
		line := 1
		if at := reMachine.FindIndex(data); at != nil {
			line += bytes.Count(data[:at[0]], []byte("\n"))
		}
		return nil, config.Errors{{
			File: file, Line: line, Key: "machine",
			Problem: fmt.Sprintf("all menus together exceed the box's limit of %d MiB: each default and each list of entries adds a complete menu", generation.MaxSize>>20),
			Fix:     "let machines share them, or write fewer entries",
		}}
	}
	return c, err
}

var reMachine = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*machine\b`)
