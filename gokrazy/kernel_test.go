package gokrazy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// make kernel must not end with a kernel that lacks what config.addendum.txt
// names: Kconfig drops such options silently.
func TestKernelConfigIsChecked(t *testing.T) {
	for _, tt := range []struct {
		situation, addendum, config string
		says                        string // "" if the configuration is right
	}{
		{situation: "built in", addendum: "# why\n\nCONFIG_VMXNET3=y\n", config: "CONFIG_VMXNET3=y\n"},
		{situation: "off", addendum: "CONFIG_LOGO=n\n", config: "# CONFIG_LOGO is not set\n"},
		{situation: "off, and not mentioned", addendum: "CONFIG_LOGO=n\n", config: "CONFIG_LOG=y\n"},
		{situation: "a text", addendum: `CONFIG_LOCALVERSION="-pxebox"`, config: `CONFIG_LOCALVERSION="-pxebox"` + "\n"},
		{situation: "no such option", addendum: "CONFIG_VMXNET4=y\n", config: "CONFIG_VMXNET3=y\n",
			says: "CONFIG_VMXNET4=y; the kernel's configuration has nothing: this kernel has no such option, or lacks " +
				"what it depends on"},
		{situation: "a module instead of built in", addendum: "CONFIG_VMXNET3=y\n", config: "CONFIG_VMXNET3=m\n",
			says: "CONFIG_VMXNET3=y; the kernel's configuration has CONFIG_VMXNET3=m"},
		{situation: "not on", addendum: "CONFIG_VMXNET3=y\n", config: "# CONFIG_VMXNET3 is not set\n",
			says: "CONFIG_VMXNET3=y; the kernel's configuration has # CONFIG_VMXNET3 is not set"},
		{situation: "not off", addendum: "CONFIG_LOGO=n\n", config: "CONFIG_LOGO=y\n", says: "has CONFIG_LOGO=y"},
		{situation: "an option whose name only begins alike", addendum: "CONFIG_MMC=y\n", config: "CONFIG_MMC_BLOCK=y\n",
			says: "CONFIG_MMC=y; the kernel's configuration has nothing"},
		{situation: "a line that is no option", addendum: "VMXNET3=y\n", config: "CONFIG_VMXNET3=y\n", says: "has VMXNET3=y"},
		{situation: "the last line, without an end", addendum: "CONFIG_A=y\nCONFIG_B=y", config: "CONFIG_A=y\n",
			says: "has CONFIG_B=y"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			addendum, config := filepath.Join(dir, "addendum"), filepath.Join(dir, "config")
			write(t, addendum, tt.addendum)
			write(t, config, tt.config)
			out, err := exec.Command("kernel/check-config.sh", addendum, config).CombinedOutput()
			if (err != nil) != (tt.says != "") || !strings.Contains(string(out), tt.says) {
				t.Fatalf("%v, and it says %q; want %q", err, out, tt.says)
			}
		})
	}
}

// Each line that adds to gokrazy's configuration has its reason above it.
func TestKernelOptionsHaveReasons(t *testing.T) {
	text, err := os.ReadFile("kernel/config.addendum.txt")
	if err != nil {
		t.Fatal(err)
	}
	options, reason := 0, false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "#"):
			reason = true
		case line == "\n":
			reason = false
		default:
			options++
			if !reason {
				t.Errorf("no reason for %s", line)
			}
		}
	}
	if options < 15 {
		t.Errorf("%d options", options)
	}
}

// An image for PCs has the kernel from make kernel where there is one.
func TestInstanceHasKernelThatWasBuilt(t *testing.T) {
	script, err := os.ReadFile("instance.sh")
	if err != nil {
		t.Fatal(err)
	}
	const own, gokrazys = "github.com/pxebox/pxebox/build/kernel", "github.com/gokrazy/kernel.amd64"
	for _, tt := range []struct {
		situation, name, want string
		built                 bool
	}{
		{"a PC, and nothing was built", "pxebox-amd64", gokrazys, false},
		{"a PC", "pxebox-amd64", own, true},
		{"a Raspberry Pi", "pxebox-rpi", "github.com/gokrazy/kernel.rpi", true},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			config, err := os.ReadFile(filepath.Join(tt.name, "config.json"))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, "gokrazy/instance.sh"), string(script))
			write(t, filepath.Join(dir, "gokrazy", tt.name, "config.json"), string(config))
			if tt.built {
				write(t, filepath.Join(dir, "build/kernel/vmlinuz"), "a kernel")
			}
			if out, err := exec.Command(filepath.Join(dir, "gokrazy/instance.sh"), tt.name).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			made, err := os.ReadFile(filepath.Join(dir, "build/gokrazy", tt.name, "config.json"))
			if err != nil || !strings.Contains(string(made), `"KernelPackage": "`+tt.want+`",`) {
				t.Errorf("not %s, %v:\n%s", tt.want, err, made)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
