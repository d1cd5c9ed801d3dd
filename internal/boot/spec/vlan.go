package spec

import (
	"strconv"
	"strings"
)

// MaxVLAN is the highest number of a VLAN. 0 and 4095 are reserved
// (IEEE 802.1Q-2018 table 9-2).
const MaxVLAN = 4094

// ParseVLAN splits the name of a VLAN's interface, such as "eth0.10", into the
// interface that carries the VLAN and the VLAN's number. ok is false for any
// other name.
func ParseVLAN(name string) (parent string, id int, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 {
		return "", 0, false
	}
	id, err := strconv.Atoi(name[i+1:])
	if err != nil || id < 1 || id > MaxVLAN || strconv.Itoa(id) != name[i+1:] {
		return "", 0, false
	}
	return name[:i], id, true
}
