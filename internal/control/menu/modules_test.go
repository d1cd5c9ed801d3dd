package menu

import (
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/loader/grub"
)

// grubSyntax are the words of GRUB's language itself.
var grubSyntax = []string{"if", "elif", "else", "fi", "for", "do", "done", "function", "{", "}", "set", "then", "while"}

// TestGRUBCommandsHaveAModule reads each command of each menu. One whose module
// make assets does not look for would fail in front of a person only.
func TestGRUBCommandsHaveAModule(t *testing.T) {
	used := map[string]bool{}
	for _, s := range situations(t) {
		own := map[string]bool{}
		c := parse(t, s.file)
		r := Render(c, s.status)
		scripts := [][]byte{r.Files[grub.ConfigFile]}
		for _, view := range r.Views {
			scripts = append(scripts, view[grub.ConfigFile])
		}
		for _, b := range scripts {
			for line := range strings.Lines(string(b)) {
				words := strings.Fields(line)
				if len(words) == 0 || strings.HasPrefix(words[0], "#") {
					continue
				}
				if words[0] == "function" {
					own[words[1]] = true
				}
				// "if cat ...; then" is a command behind a word of the language.
				for len(words) > 1 && (words[0] == "if" || words[0] == "elif") {
					words = words[1:]
				}
				command := words[0]
				if len(words) > 1 && grub.Commands[command+" "+strings.Split(words[1], "=")[0]] != "" {
					used[command+" "+strings.Split(words[1], "=")[0]] = true
				}
				if slices.Contains(grubSyntax, command) || own[command] {
					continue
				}
				// The site's own lines (grub = ...) may use what they like.
				if grub.Commands[command] == "" && !strings.Contains(s.file, command) {
					t.Errorf("%s: %q is a command of no known module", s.name, command)
				}
				used[command] = true
			}
		}
	}
	for command := range grub.Commands {
		if !used[command] {
			t.Errorf("no menu uses %q", command)
		}
	}
}
