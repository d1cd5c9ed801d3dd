package menu

import (
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/loader/grub"
)

// grubSyntax lists the keywords of GRUB's script language.
var grubSyntax = []string{"if", "elif", "else", "fi", "for", "do", "done", "function", "{", "}", "set", "then", "while"}

// TestGRUBCommandsHaveAModule reads each command of each menu. A command whose
// module make assets does not check would only fail in front of a user.
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
				// In "if cat ...; then" a command follows a keyword.
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
				// The site's lines (grub = ...) may use any command.
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
