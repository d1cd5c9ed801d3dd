package boots

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// maxUnpacked is more than the events of one boot take as JSON.
const maxUnpacked = 1 << 20

// dictionary is what the events of nearly every boot have in common: a packed
// boot refers to it instead of holding it. What comes last costs the least.
var dictionary = []byte(strings.Join([]string{
	`"outcome":"not found"`, `"outcome":"timed out"`, `"outcome":"aborted"`, `"outcome":"begun"`,
	`"outcome":"refused","why":"`, `"protocol":"http"`, `"retransmits":1`, `"ipxe":true`, `"server":"192.168.`,
	`revocations.efi`, `shim_certificate.efi`, `grub/x86_64-efi/command.lst`, `grub/grub.cfg-01-`, `grub/font.pf2`,
	`pxelinux.0`, `ldlinux.c32`, `pxelinux.cfg/01-`, `vesamenu.c32`, `libcom32.c32`, `"firmware":"bios"`,
	`handoff/`, `"handed over"`, `"role":"hand-over","entry":"`,
	`[{"time":"20`, `Z","protocol":"dhcp","mac":"`, `","guid":"`, `","addr":"10.`,
	`","firmware":"uefi-x64","what":"offer`,
	`","outcome":"sent","file":"shimx64.efi"},`, `"what":"selecting","outcome":"sent"`,
	`Z","protocol":"tftp","addr":"192.168.`, `","what":"shimx64.efi","outcome":"sent","role":"first stage"`,
	`","what":"grubx64.efi","outcome":"sent","role":"second stage"`, `"role":"initrd"`, `"role":"kernel","entry":"`,
	`","what":"/grub/grub.cfg","outcome":"sent","role":"menu","code":"`, `","bytes":`, `,"took":1`,
	`00000},{"time":"20`,
}, ""))

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
		w, err := flate.NewWriterDict(&p.b, flate.BestCompression, dictionary)
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
	r := io.LimitReader(flate.NewReaderDict(bytes.NewReader(packed), dictionary), maxUnpacked)
	if err := json.NewDecoder(r).Decode(&events); err != nil {
		return nil
	}
	return events
}
