package container

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The containers run the programs with the command lines and capabilities of the
// package's units.
func TestComposeAsUnits(t *testing.T) {
	compose, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"menuwatch", "pxed"} {
		unit, err := os.ReadFile("../debian/" + name + ".service")
		if err != nil {
			t.Fatal(err)
		}
		_, service, ok := strings.Cut(string(compose), "\n  "+name+":\n")
		if !ok {
			t.Fatalf("there is no service %s", name)
		}
		service, _, _ = strings.Cut(service, "\n\n")
		value := func(text, pattern string) string {
			m := regexp.MustCompile(`(?m)` + pattern).FindStringSubmatch(text)
			if m == nil {
				t.Errorf("%s: nothing matches %s", name, pattern)
				return ""
			}
			return m[1]
		}
		command := value(service, `^    command: (.*)$`)
		if want := value(string(unit), `^ExecStart=(.*)$`); command != want {
			t.Errorf("%s runs %q, its unit %q", name, command, want)
		}
		caps := "CAP_" + strings.ReplaceAll(value(service, `^    cap_add: \[(.*)\]$`), ", ", " CAP_")
		if want := value(string(unit), `^CapabilityBoundingSet=(.*)$`); caps != want {
			t.Errorf("%s has %q, its unit %q", name, caps, want)
		}
	}
}
