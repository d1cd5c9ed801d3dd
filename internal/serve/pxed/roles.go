package pxed

import (
	"net/url"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/serve/pxe"
)

// roles say what a file is to a boot, by its name as bootfiles.Fold returns it.
type roles map[string]generation.Part

// newRoles lists the files whose role is known: those that DHCP names, those of
// entries, the bundled programs, and copies of shim.
func newRoles(g generation.Generation, bundled map[string][]byte, copies []string) roles {
	out := roles{}
	for name, part := range g.Parts {
		out[bootfiles.Fold(name)] = part
	}
	// An entry may load one of these too, but each menu does.
	for name := range bundled {
		out[bootfiles.Fold(name)] = generation.Part{Role: trace.SecondStage}
	}
	first := func(name string) {
		if u, err := url.Parse(name); err == nil && pxe.IsURL(name) {
			name = u.Path
		}
		out[bootfiles.Fold(name)] = generation.Part{Role: trace.FirstStage}
	}
	for _, k := range firmware.Kinds {
		first(pxe.BootFile(g.DHCP.BootFiles, k))
	}
	for _, name := range g.DHCP.BootFiles {
		first(name)
	}
	for _, name := range copies {
		first(name)
	}
	options := func(p spec.Parameters) {
		for _, o := range p.Options {
			if o.Code == optBootFile {
				first(string(o.Value))
			}
		}
	}
	options(g.DHCP.Parameters)
	for _, s := range g.DHCP.Subnets {
		options(s.Parameters)
	}
	delete(out, "") // firmware without a boot file
	return out
}

// optBootFile is the boot file's name (RFC 2132 §9.5).
const optBootFile = 67

// of returns what a file is to a boot, by its name as the client sent it.
func (r roles) of(raw string) (role trace.Role, entry string) {
	if h, ok := handoff.Parse(raw); ok {
		return trace.HandOver, trace.Name(h.Entry)
	}
	name := bootfiles.Fold(raw)
	if p, ok := r[name]; ok {
		return p.Role, p.Entry
	}
	if bootfiles.IsConfiguration(name) {
		return trace.Menu, ""
	}
	return "", ""
}
