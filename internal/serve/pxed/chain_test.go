package pxed

import (
	"testing"

	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

// The event of a machine that loads pxechn.c32 says where the menus lead with it.
func TestEventOfTheChainModule(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	g := d.now.Generation
	g.Chain = handoff.Chain{Entry: "install", Server: wds}
	d.use(g)
	events := d.tell.bus.Subscribe()
	for _, name := range []string{"libutil.c32", "/pxechn.c32"} {
		d.files.transferred(tftp.Event{Client: pcPort, File: name, Size: 9, Sent: 9, Start: t0})
		e := <-events
		if is := name == "/pxechn.c32"; (e.Entry == "install") != is || (e.Server == wds) != is ||
			e.Role != trace.SecondStage {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
