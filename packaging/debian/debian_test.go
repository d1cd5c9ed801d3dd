package debian

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config/parser"
)

// The package's settings change nothing, and each example in them is right.
func TestSettings(t *testing.T) {
	b, err := os.ReadFile("pxebox.toml")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(b), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			t.Errorf("line %d is a setting: %s", i+1, line)
		}
	}
	examples := regexp.MustCompile(`(?m)^#([^ \n])`).ReplaceAllString(string(b), "$1")
	c, err := parser.Parse("pxebox.toml", []byte(examples))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Entries) != 2 || len(c.WDS) != 1 || c.HTTP.Port != 8080 || c.Page.Port != 8443 {
		t.Errorf("the examples are %+v", c)
	}
}

// Both units confine their programs alike, but for what pxed needs for packets.
func TestUnits(t *testing.T) {
	pxed, menuwatch := confinement(t, "pxed"), confinement(t, "menuwatch")
	for key, want := range map[string]string{
		"AmbientCapabilities":     "CAP_NET_BIND_SERVICE CAP_NET_RAW",
		"CapabilityBoundingSet":   "CAP_NET_BIND_SERVICE CAP_NET_RAW",
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_NETLINK AF_PACKET",
	} {
		if pxed[key] != want {
			t.Errorf("%s of pxed is %s", key, pxed[key])
		}
	}
	for key, want := range map[string]string{
		"AmbientCapabilities":     "CAP_NET_BIND_SERVICE",
		"CapabilityBoundingSet":   "CAP_NET_BIND_SERVICE",
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_NETLINK",
	} {
		if menuwatch[key] != want {
			t.Errorf("%s of menuwatch is %s", key, menuwatch[key])
		}
		menuwatch[key] = pxed[key]
	}
	for key, value := range pxed {
		if menuwatch[key] != value {
			t.Errorf("%s is %q for pxed and %q for menuwatch", key, value, menuwatch[key])
		}
	}
	for _, key := range []string{"NoNewPrivileges", "ProtectSystem", "WatchdogSec", "SystemCallFilter", "User"} {
		if pxed[key] == "" {
			t.Errorf("%s is missing", key)
		}
	}
}

// confinement returns the settings of a unit's [Service] section, but for those in
// which the two differ by their nature.
func confinement(t *testing.T, unit string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(unit + ".service")
	if err != nil {
		t.Fatal(err)
	}
	_, service, _ := strings.Cut(string(b), "[Service]\n")
	service, _, _ = strings.Cut(service, "[Install]\n")
	settings := map[string]string{}
	for line := range strings.Lines(service) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			settings[key] += " " + value
			settings[key] = strings.TrimSpace(settings[key])
		}
	}
	delete(settings, "ExecStart")
	delete(settings, "LimitNOFILE")
	return settings
}
