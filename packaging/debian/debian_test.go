package debian

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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
	for key, want := range map[string]string{
		"User": "pxebox", "Group": "pxebox", "UMask": "0027", "StateDirectoryMode": "0750",
		"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"PrivateDevices": "yes", "MemoryDenyWriteExecute": "yes", "RestrictNamespaces": "yes", "RestrictSUIDSGID": "yes",
		"SystemCallFilter": "@system-service ~@privileged @resources", "WatchdogSec": "30s", "Restart": "always",
	} {
		if pxed[key] != want {
			t.Errorf("%s is %q, want %q", key, pxed[key], want)
		}
	}
	for _, key := range []string{
		"LockPersonality", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs",
		"ProtectKernelModules", "ProtectKernelTunables", "RemoveIPC", "RestrictRealtime",
	} {
		if pxed[key] != "yes" {
			t.Errorf("%s is %q, want yes", key, pxed[key])
		}
	}
}

// The first installation generates a password that only root and the programs'
// group may read, and prints none. Later ones keep it.
func TestPostinst(t *testing.T) {
	b, err := os.ReadFile("postinst")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	etc, bin := filepath.Join(dir, "etc"), filepath.Join(dir, "bin")
	script := filepath.Join(dir, "postinst")
	text := strings.NewReplacer("/etc/pxebox", etc, "/srv/pxebox", filepath.Join(dir, "srv"),
		"/run/systemd/system", filepath.Join(dir, "none")).Replace(string(b))
	err = errors.Join(os.Mkdir(etc, 0o755), os.Mkdir(bin, 0o755), os.WriteFile(script, []byte(text), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{
		"systemd-sysusers": "", "deb-systemd-helper": "", "deb-systemd-invoke": "", "hostname": "echo 192.0.2.1",
		"pxebox": "", "chown": `echo "owner $1, and mode before: $(stat -c %a "$2")"`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+program+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (output, password string) {
		t.Helper()
		cmd := exec.Command("sh", append([]string{script}, args...)...)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		p, err := os.ReadFile(filepath.Join(etc, "password"))
		if err != nil {
			t.Fatal(err)
		}
		return string(out), string(p)
	}
	out, password := run("configure", "")
	if !regexp.MustCompile(`^[a-km-np-z2-9]{20}\n$`).MatchString(password) {
		t.Errorf("the password is %q", password)
	}
	if info, err := os.Stat(filepath.Join(etc, "password")); err != nil || info.Mode() != 0o640 {
		t.Errorf("its file: %v, %v", info, err)
	}
	if strings.Contains(out, strings.TrimSpace(password)) || !strings.Contains(out, "https://192.0.2.1/") ||
		!strings.Contains(out, "owner root:pxebox, and mode before: 600\n") {
		t.Errorf("it prints %s", out)
	}
	if all, err := os.ReadDir(etc); err != nil || len(all) != 1 {
		t.Errorf("left in /etc/pxebox: %v, %v", all, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "srv")); err != nil || info.Mode() != os.ModeDir|0o755 {
		t.Errorf("/srv/pxebox: %v, %v", info, err)
	}
	out, again := run("configure", "1.0.0")
	if again != password || strings.Contains(out, "https://") {
		t.Errorf("an upgrade changes the password: %v; it prints %q", again != password, out)
	}
	if err := os.Remove(filepath.Join(etc, "password")); err != nil {
		t.Fatal(err)
	}
	if _, other := run("configure", ""); other == password {
		t.Error("two hosts have the same password")
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
