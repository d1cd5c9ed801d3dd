package clients

import "github.com/pxebox/pxebox/internal/boot/ether"

// shared are GUIDs that makers of boards and firmware have left in whole
// batches of machines, in the form that GUID writes. They do not distinguish
// machines. FreeBSD's rc.d/hostid rejects most of them too.
var shared = unique(
	"03000200-0400-0500-0006-000700080009", // AMI's default: many mini PCs and boards
	"07090201-0103-0301-0807-060504030201",
	"11111111-1111-1111-1111-111111111111",
	"11111111-2222-3333-4444-555555555555",
	"12345678-1234-5678-90ab-cddeefaabbcc",
	"4c4c4544-0000-2010-8020-80c04f202020", // Dell's, from an empty service tag
	"58585858-5858-5858-5858-585858585858",
	"890e2d14-cacd-45d1-ae66-bc80e8bfeb0f",
	"8e275844-178f-44a8-aceb-a7d7e5178c63",
	"dc698397-fa54-4cf2-82c8-b1b5307a6a7f",
	"fefefefe-fefe-fefe-fefe-fefefefefefe",
)

func unique(guids ...string) map[string]bool {
	out := map[string]bool{}
	for _, g := range guids {
		out[eitherOrder(g)] = true
	}
	return out
}

// eitherOrder returns the same text for a GUID and for its byte-swapped form,
// which results if a ROM sends the first three fields with the high byte first.
// One machine may show both: one from its ROM, one from a boot program that
// sends its own request.
func eitherOrder(guid string) string {
	if len(guid) != len("70786562-6f78-4c61-8000-000000000010") {
		return guid
	}
	g := []byte(guid)
	for _, pair := range [][2]int{{0, 6}, {2, 4}, {9, 11}, {14, 16}} {
		i, j := pair[0], pair[1]
		g[i], g[i+1], g[j], g[j+1] = g[j], g[j+1], g[i], g[i+1]
	}
	return min(guid, string(g))
}

// OwnGUID returns the GUID that identifies one machine, in one of its two byte
// orders; empty if it is not known or is shared by many machines.
func OwnGUID(guid string) string {
	g := eitherOrder(guid)
	if shared[g] {
		return ""
	}
	return g
}

// Same reports whether two packets, or two records, are from one machine, as
// far as they say. A machine has one GUID, and as many MACs as network ports; a
// USB adapter or a dock lends its MAC to many machines. So if both have a GUID
// that identifies one machine, the GUID decides. Otherwise the MAC decides: a
// record without a GUID may be from any machine with that MAC.
func (m Machine) Same(o Machine) bool {
	if a, b := OwnGUID(m.GUID), OwnGUID(o.GUID); a != "" && b != "" {
		return a == b
	}
	return m.MAC == o.MAC
}

// Spent is a rule for one boot, and a machine that has used it.
type Spent struct {
	Rule string    `json:"rule"` // Fingerprint
	MAC  ether.MAC `json:"mac"`
	GUID string    `json:"guid,omitempty"` // if it is known
}

// Spends returns the rule with the machine that boots by it.
func (r Rule) Spends(m Machine) Spent { return Spent{Fingerprint(r), m.MAC, m.GUID} }
