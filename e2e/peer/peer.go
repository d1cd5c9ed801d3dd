// Package peer makes the other server of a site: a guest that runs Debian's
// busybox on the appliance's kernel, with udhcpd as a plain DHCP server that
// knows nothing about network boot. It tests that pxebox serves next to a
// third-party server.
package peer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
)

// Ready is what the guest writes to its console when the server runs.
const Ready = "PEER: udhcpd runs"

// DHCP describes the leases of the server.
type DHCP struct {
	Addr        netip.Prefix // the server's own
	First, Last netip.Addr
}

// Build writes the guest's initial RAM file system.
func Build(path string, d DHCP) error {
	busybox, err := readBusybox()
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = writeInitramfs(w, []entry{
		{name: "bin", mode: fs.ModeDir | 0o755},
		{name: "dev", mode: fs.ModeDir | 0o755},
		{name: "etc", mode: fs.ModeDir | 0o755},
		{name: "proc", mode: fs.ModeDir | 0o755},
		{name: "bin/busybox", mode: 0o755, content: busybox},
		{name: "bin/sh", mode: fs.ModeSymlink | 0o777, content: []byte("busybox")},
		{name: "etc/udhcpd.conf", mode: 0o644, content: udhcpdConf(d)},
		{name: "etc/leases", mode: 0o644},
		{name: "init", mode: 0o755, content: initScript(d)},
	})
	return errors.Join(err, w.Flush(), f.Close())
}

// udhcpdConf returns the configuration of a typical office router, without
// network boot: no siaddr, no boot file, no option 60, 66 or 67.
func udhcpdConf(d DHCP) []byte {
	mask := net.IP(net.CIDRMask(d.Addr.Bits(), 32))
	return fmt.Appendf(nil, `interface eth0
start %v
end %v
max_leases 50
lease_file /etc/leases
option subnet %v
option router %v
option dns %v
option lease 3600
`, d.First, d.Last, mask, d.Addr.Addr(), d.Addr.Addr())
}

func initScript(d DHCP) []byte {
	// The kernel has no /dev/console until devtmpfs is mounted. -a: how long to
	// check whether an address is in use (ms); the default of 2000 is for slow
	// networks.
	return fmt.Appendf(nil, `#!/bin/sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
$b mount -t proc proc /proc
$b ip link set lo up
$b ip link set eth0 up
$b ip addr add %v dev eth0 || { echo "PEER: no network card"; $b poweroff -f; }
echo "%s"
$b udhcpd -f -a 500 /etc/udhcpd.conf
echo "PEER: udhcpd ended: $?"
$b poweroff -f
`, d.Addr, Ready)
}

// readBusybox reads Debian's static busybox.
func readBusybox() ([]byte, error) {
	for _, path := range []string{"/usr/bin/busybox", "/bin/busybox"} {
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return b, err
	}
	return nil, errors.New("busybox is missing: run make deps")
}

// Kernel returns the path of the Linux kernel that the appliance is built with.
// builddir is the directory whose go.mod pins it.
func Kernel(builddir string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/gokrazy/kernel.amd64")
	cmd.Dir = builddir
	cmd.Env = append(os.Environ(), "GOWORK=off") // a workspace would hide the pin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%v: %w\n%s%s", cmd, err, out, stderr.Bytes())
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("%v: %w", cmd, err)
	}
	return filepath.Join(module.Dir, "vmlinuz"), nil
}
