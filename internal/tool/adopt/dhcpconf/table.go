package dhcpconf

import (
	"encoding/csv"
	"net"
	"net/netip"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// maxRows limits the rows of a table of machines.
const maxRows = 100_000

// ReadTable reads a table of machinesas spreadsheets export it. Each row has a
// hardware address, an IPv4 addressand optionally a name, in any order, with
// commas, semicolons or tabs between them. Other columns are ignored.
func ReadTable(name string, data []byte) *Config {
	c := &Config{}
	number, header := 0, true
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		number++
		row := strings.TrimSpace(line)
		l := Line{name, number, row}
		if row == "" || strings.HasPrefix(row, "#") {
			continue
		}
		if number > maxRows {
			c.Lost(l, "is one row too many: at most %d are read", maxRows)
			break
		}
		h := Host{Line: l}
		var names []string
		for _, cell := range cells(row) {
			a, err := netip.ParseAddr(cell)
			switch mac := MAC(cell); {
			case mac != "" && h.MAC == "":
				h.MAC = mac
			case err == nil && a.Is4() && !h.Address.IsValid():
				h.Address = a
			default:
				names = append(names, cell)
			}
		}
		first := header
		header = false
		switch {
		case h.MAC == "" && !h.Address.IsValid() && first:
			continue // the header row
		case h.MAC == "":
			c.Lost(l, "has no hardware address: a reservation needs one")
			continue
		case !h.Address.IsValid():
			c.Lost(l, "has no IPv4 address: a reservation needs one")
			continue
		}
		for _, n := range names {
			if host, _, _ := strings.Cut(n, "."); IsHostname(host) && h.Hostname == "" {
				h.Hostname = host
			}
		}
		c.Hosts = append(c.Hosts, h)
	}
	return c
}

// cells splits a row at its most frequent separator.
func cells(row string) []string {
	separator := ','
	for _, s := range ";\t" {
		if strings.Count(row, string(s)) > strings.Count(row, string(separator)) {
			separator = s
		}
	}
	r := csv.NewReader(strings.NewReader(row))
	r.Comma, r.LazyQuotes, r.TrimLeadingSpace, r.FieldsPerRecord = separator, true, separator != '\t', -1
	out, err := r.Read()
	if err != nil {
		out = strings.Split(row, string(separator))
	}
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

// MAC returns a hardware address of six bytes in the form of a pxebox.toml, or
// "".
func MAC(s string) string {
	hw, err := net.ParseMAC(s)
	if err != nil && len(s) == 12 {
		hw, err = spec.ParseHex(s)
	}
	if err != nil || len(hw) != 6 {
		return ""
	}
	return hw.String()
}

// IsHostname reports whether a name is a valid host name (RFC 1123 §2.1).
func IsHostname(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}
