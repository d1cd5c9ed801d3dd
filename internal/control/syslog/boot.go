package syslog

import "github.com/pxebox/pxebox/internal/boot/trace"

// Boot sends a boot that has ended. It never blocks.
func (s *Sender) Boot(b trace.Boot, v trace.Verdict) {
	r := Report{
		Time: b.Last(), GUID: b.GUID, Firmware: b.Firmware, Stage: v.Stage.String(), Finding: string(v.Finding),
		Entry: v.Entry, Sentence: v.Sentence(), Good: v.Good,
	}
	if b.MAC.IsValid() {
		r.MAC = b.MAC.String()
	}
	if b.Addr.IsValid() {
		r.Address = b.Addr.String()
	}
	if v.Server.IsValid() {
		r.Server = v.Server.String()
	}
	s.Send(r)
}
