package menuwatch

import (
	"errors"
	"slices"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/sitenote"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
)

// mistakes counts what is wrong in a configuration file: 1 if it cannot be read.
func mistakes(err error) int {
	var each config.Errors
	errors.As(err, &each)
	if err != nil {
		return max(1, len(each))
	}
	return 0
}

// note writes what the box's console shows of the site, if it changed. Best
// effort: the log has it, too.
func (s *state) note() {
	n := sitenote.Note{Mistakes: s.mistakes}
	for name, sv := range s.servers.known {
		for _, p := range sv.programs {
			if p.State == bootmenu.Down && !slices.Contains(n.Down, name) {
				n.Down = append(n.Down, name)
			}
		}
	}
	slices.Sort(n.Down)
	if s.lastNote != nil && s.lastNote.Mistakes == n.Mistakes && slices.Equal(s.lastNote.Down, n.Down) {
		return
	}
	if err := sitenote.Write(s.RunDir, n); err == nil {
		s.lastNote = &n
	}
}
