package mdns

import (
	"golang.org/x/net/dns/dnsmessage"
)

// maxParts is how many questions and records of a message are read: more than
// fit into a packet of 1,500 bytes, with the names that services have.
const maxParts = 128

// message is a packet of another host.
type message struct {
	header    dnsmessage.Header
	questions []dnsmessage.Question
	answers   []dnsmessage.Resource // in a question: those that it knows already
	authority []dnsmessage.Resource // in a question: those that a probe is for
	more      []dnsmessage.Resource
}

// parse reads a packet. It leaves out what the library cannot read, such as the
// name of a service that contains a dot. ok is false if the rest of the packet
// cannot be read either.
func parse(b []byte) (m message, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	// RFC 6762 §18.3, §18.11: other codes are ignored.
	if err != nil || h.OpCode != 0 || h.RCode != 0 {
		return message{}, false
	}
	m.header = h
	left := maxParts
	for {
		q, err := p.Question()
		if err == dnsmessage.ErrSectionDone {
			break
		}
		if left--; left < 0 {
			return m, false
		}
		if err == nil {
			m.questions = append(m.questions, q)
		} else if p.SkipQuestion() != nil {
			return m, false
		}
	}
	for _, s := range []struct {
		to     *[]dnsmessage.Resource
		header func() (dnsmessage.ResourceHeader, error)
		skip   func() error
	}{
		{&m.answers, p.AnswerHeader, p.SkipAnswer},
		{&m.authority, p.AuthorityHeader, p.SkipAuthority},
		{&m.more, p.AdditionalHeader, p.SkipAdditional},
	} {
		for {
			h, err := s.header()
			if err == dnsmessage.ErrSectionDone {
				break
			}
			if left--; left < 0 {
				return m, true // the questions and the first records are there
			}
			var body dnsmessage.ResourceBody
			if err == nil {
				body, err = readBody(&p, h.Type)
			}
			switch {
			case err == nil:
				*s.to = append(*s.to, dnsmessage.Resource{Header: h, Body: body})
			case s.skip() != nil:
				return m, true
			}
		}
	}
	return m, true
}

// readBody reads the record whose header was read last. Names in it may be
// compressed; the data of all other types is taken as it is.
func readBody(p *dnsmessage.Parser, t dnsmessage.Type) (dnsmessage.ResourceBody, error) {
	switch t {
	case dnsmessage.TypeSRV:
		r, err := p.SRVResource()
		return &r, err
	case dnsmessage.TypePTR:
		r, err := p.PTRResource()
		return &r, err
	}
	r, err := p.UnknownResource()
	return &r, err
}
