package boots

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"io"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// maxUnpacked is more than the events of one boot take as JSON.
const maxUnpacked = 1 << 20

// packer makes the events of boots small: there are many, and few are ever
// looked at.
type packer struct {
	w *flate.Writer
	b bytes.Buffer
}

func (p *packer) pack(events []trace.Event) []byte {
	if len(events) == 0 {
		return nil
	}
	p.b.Reset()
	if p.w == nil {
		w, err := flate.NewWriter(&p.b, flate.BestSpeed)
		if err != nil {
			panic(err) // a constant level
		}
		p.w = w
	} else {
		p.w.Reset(&p.b)
	}
	if err := errors.Join(json.NewEncoder(p.w).Encode(events), p.w.Close()); err != nil {
		return nil // a time that JSON cannot hold
	}
	return bytes.Clone(p.b.Bytes())
}

func unpack(packed []byte) []trace.Event {
	if packed == nil {
		return nil
	}
	var events []trace.Event
	r := io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxUnpacked)
	if err := json.NewDecoder(r).Decode(&events); err != nil {
		return nil
	}
	return events
}
