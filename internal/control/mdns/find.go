package mdns

import (
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// Group is where questions are sent: the group's address and port.
var Group = netip.AddrPortFrom(group, port)

// The attributes of the page's TXT record.
const (
	product     = "product=pxebox" // tells the page from other hosts' pages
	fingerprint = "sha256="
)

// attributes returns the texts of the page's TXT record.
func attributes(sum string) []string {
	texts := []string{product, "path=/"}
	if sum != "" {
		texts = append(texts, fingerprint+sum)
	}
	return texts
}

// Box is a box that answered a question.
type Box struct {
	Name        string // such as "pxebox.local"
	Addr        netip.Addr
	Port        uint16 // of its page
	Fingerprint string // of its certificate, as it says; empty if it has none yet
}

// Question asks for the pages of all boxes, as an ordinary resolver does: the
// answers come to the port that it is sent from (RFC 6762 §6.7).
func Question() []byte {
	return pack(dnsmessage.Message{Questions: []dnsmessage.Question{
		{Name: dnsmessage.MustNewName(ServiceType), Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET},
	}})
}

var (
	reName        = regexp.MustCompile(`^[a-z0-9-]{1,63}\.local$`)
	reFingerprint = regexp.MustCompile(`^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$`)
)

// ReadBox returns the box that an answer is from. ok is false for the answers
// of other programs: any host can have a page.
func ReadBox(b []byte) (box Box, ok bool) {
	m, ok := parse(b)
	if !ok || !m.header.Response {
		return Box{}, false
	}
	isBox := false
	for _, r := range append(m.answers, m.more...) {
		switch body := r.Body.(type) {
		case *dnsmessage.SRVResource:
			box.Name = strings.ToLower(strings.TrimSuffix(body.Target.String(), "."))
			box.Port = body.Port
		case *dnsmessage.UnknownResource:
			switch {
			case r.Header.Type == dnsmessage.TypeA && len(body.Data) == 4:
				box.Addr = netip.AddrFrom4([4]byte(body.Data))
			case r.Header.Type == dnsmessage.TypeTXT:
				for _, text := range texts(body.Data) {
					isBox = isBox || text == product
					if sum, ok := strings.CutPrefix(text, fingerprint); ok && reFingerprint.MatchString(sum) {
						box.Fingerprint = sum
					}
				}
			}
		}
	}
	return box, isBox && box.Addr.IsValid() && reName.MatchString(box.Name)
}

// texts splits the data of a TXT record.
func texts(data []byte) (all []string) {
	for len(data) > 0 {
		n := int(data[0])
		if data = data[1:]; n > len(data) {
			break
		}
		all = append(all, string(data[:n]))
		data = data[n:]
	}
	return all
}
