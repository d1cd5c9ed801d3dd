package secureboot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Component is a part of a boot program with its generation, which is raised for
// each vulnerability that Secure Boot must block (shim, SBAT.md).
type Component struct {
	Name       string
	Generation int
}

// String returns the format of an SBAT section: name,generation.
func (c Component) String() string { return fmt.Sprintf("%s,%d", c.Name, c.Generation) }

// SBAT returns the components of an image, from its .sbat section.
func (i *Image) SBAT() ([]Component, error) {
	b := i.Section(".sbat")
	if b == nil {
		return nil, errors.New("it has no SBAT section")
	}
	return parseSBAT(b)
}

// parseSBAT reads lines of name,generation; the rest of a line is for people. It
// stops at a NUL.
func parseSBAT(b []byte) ([]Component, error) {
	b, _, _ = bytes.Cut(b, []byte{0})
	var all []Component
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		fields := strings.Split(line, ",")
		if len(fields) < 2 {
			return nil, fmt.Errorf("its SBAT section has the line %q without a generation", line)
		}
		generation, err := strconv.Atoi(fields[1])
		if err != nil || generation < 1 {
			return nil, fmt.Errorf("its SBAT section has the line %q without a generation", line)
		}
		all = append(all, Component{fields[0], generation})
	}
	if len(all) == 0 || all[0].Name != "sbat" {
		return nil, errors.New("its SBAT section does not begin with sbat,1")
	}
	return all, nil
}

// Level is what shim writes into the firmware's SbatLevel variable: components
// below these generations do not start.
type Level struct {
	// Date of the level, for example 2025051000; empty for shim's automatic one.
	Date string
	Min  []Component
}

// String returns shim's name for the level.
func (l Level) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sbat,1,%s", l.Date)
	for _, c := range l.Min {
		fmt.Fprintf(&b, " %v", c)
	}
	return b.String()
}

// Latest returns the newest revocation level that a shim carries: the latest
// payload of its .sbatlevel section. The section has a version, which is 0, then
// the offsets of the previous and the latest payload, both relative to the first
// offset (shim, include/sbat.h).
func (i *Image) Latest() (Level, error) {
	const version, latest, header = 0, 8, 12
	b := i.Section(".sbatlevel")
	if len(b) < header {
		return Level{}, errors.New("it has no .sbatlevel section, so this shim cannot revoke")
	}
	if v := binary.LittleEndian.Uint32(b); v != version {
		return Level{}, fmt.Errorf("its .sbatlevel section has version %d; only version %d is supported", v, version)
	}
	start := 4 + int64(binary.LittleEndian.Uint32(b[latest:]))
	if start < header || start >= int64(len(b)) {
		return Level{}, fmt.Errorf("its .sbatlevel section has %d bytes and a payload at %d", len(b), start)
	}
	payload := b[start:]
	min, err := parseSBAT(payload)
	if err != nil {
		return Level{}, fmt.Errorf("the payload of .sbatlevel: %w", err)
	}
	first, _, _ := strings.Cut(string(payload), "\n")
	l := Level{Min: min[1:]}
	if fields := strings.Split(strings.TrimRight(first, "\x00"), ","); len(fields) > 2 {
		l.Date = fields[2]
	}
	return l, nil
}

// Revokes returns the first of a program's components that the level revokes. A
// component that the level does not name is not revoked.
func (l Level) Revokes(program []Component) (c, want Component, revoked bool) {
	for _, want := range l.Min {
		for _, c := range program {
			if c.Name == want.Name && c.Generation < want.Generation {
				return c, want, true
			}
		}
	}
	return Component{}, Component{}, false
}
