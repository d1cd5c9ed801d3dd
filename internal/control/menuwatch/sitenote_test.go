package menuwatch

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/sitenote"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		situation string
		err       error
		want      int
	}{
		{situation: "none", want: 0},
		{situation: "a file that cannot be read", err: fs.ErrPermission, want: 1},
		{situation: "two", err: config.Errors{{Line: 1}, {Line: 2}}, want: 2},
		{situation: "two, with what was read", err: errors.Join(config.Errors{{Line: 1}, {Line: 2}}), want: 2},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := mistakes(tt.err); got != tt.want {
				t.Errorf("%d mistakes, want %d", got, tt.want)
			}
		})
	}
}

func TestSiteNoteOfServers(t *testing.T) {
	s := simulate(t, morning)
	if err := os.MkdirAll(s.RunDir, 0o755); err != nil { // as the first generation does
		t.Fatal(err)
	}
	with := func(states ...bootmenu.State) *server {
		sv := &server{programs: map[firmware.Kind]program{}}
		for i, state := range states {
			sv.programs[firmware.Kinds[i]] = program{Health: bootmenu.Health{State: state}}
		}
		return sv
	}
	s.box.servers.known = map[string]*server{
		"wds3": with(bootmenu.Down, bootmenu.Down), "wds2": with(bootmenu.Up, bootmenu.Refused),
		"wds1": with(bootmenu.Up, bootmenu.Down),
	}
	s.box.note()
	if got, want := sitenote.Read(s.RunDir).Down, []string{"wds1", "wds3"}; !slices.Equal(got, want) {
		t.Errorf("%q are down, want %q", got, want)
	}
}

// The note for the console follows the file, and is taken back.
func TestSiteNote(t *testing.T) {
	s := simulate(t, morning)
	for _, tt := range []struct {
		text string
		want int
	}{{"[menu]\ntitel = \"x\"\n[dhcp]\nmode = 1\n", 2}, {"[menu]\n", 0}} {
		s.write(tt.text)
		if err := s.box.read(s.now); err != nil {
			t.Fatal(err)
		}
		s.box.note()
		if got := sitenote.Read(s.RunDir); got.Mistakes != tt.want || len(got.Down) > 0 {
			t.Errorf("%q: the note is %+v, want %d mistakes", tt.text, got, tt.want)
		}
	}
}
