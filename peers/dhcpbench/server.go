package dhcpbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/pxebox/pxebox/peers/box"
	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/netns"
)

// Server is a DHCP server to measure.
type Server struct {
	Name       string
	Durability string // what a power cut leaves of the leases
	// Clients is the number of machines. Each server gets a number that suits
	// it.
	Clients int

	begin float64  // rate of the first trial, in exchanges per second
	mount []string // options of the file system that dir is on
	// start runs the server on a host, with its files in dir.
	start func(ctx context.Context, host *netns.Namespace, dir string) (pid int, stop func(), err error)
}

const (
	// many is as many as a range of a /16 holds, with room to spare.
	many = 60_000
	// few is for dnsmasq, which walks a list of all leases for each packet, and
	// writes all of them if it has a file.
	few = 960
)

// Servers returns the servers to compare. Ours is in the folder bin. None of
// them checks whether an address is in use before offering it.
func Servers(bin string) []Server {
	kea, dnsmasqName := fileserver.Named("Kea", "kea-dhcp4", "-v"), fileserver.Named("dnsmasq", "dnsmasq", "--version")
	start := command(keaConf, "kea-dhcp4", "-c", "kea.json")
	return []Server{
		{Name: "pxed", Durability: "every ACK: fsync of the database before it leaves", Clients: many,
			begin: 8000, start: pxed(bin)},
		{Name: kea + DurableKea, Durability: "every ACK: each write of the file reaches the disk before it returns",
			Clients: many, begin: 500, mount: []string{"sync"}, start: start},
		{Name: kea + ", as it comes", Durability: "what the kernel had written by itself: no fsync", Clients: many,
			begin: 4000, start: start},
		{Name: dnsmasqName + ", lease file", Durability: "as Kea as it comes; the file is written again for each lease",
			Clients: few, begin: 500, start: dnsmasq("--dhcp-leasefile=leases")},
	}
}

// DurableKea ends the name of the server that pxed's times are compared with.
const DurableKea = ", lease file on a mount with -o sync"

func pxed(bin string) func(context.Context, *netns.Namespace, string) (int, func(), error) {
	return func(ctx context.Context, host *netns.Namespace, dir string) (int, func(), error) {
		b, err := box.Start(ctx, host, link, bin, dir, fmt.Sprintf(`
[network]
address = %q
gateway = %q

[dhcp]
mode = "server"
probe = false
range = ["192.168.77.100"]

[[subnet]]
network = "10.1.0.0/16"
range = ["%v-%v"]
`, serverAddr, routerAddr.Addr(), first, last))
		if err != nil {
			return 0, nil, err
		}
		return b.PID(), func() { b.Stop() }, nil
	}
}

func dnsmasq(more string) func(context.Context, *netns.Namespace, string) (int, func(), error) {
	return command("", "dnsmasq", "--keep-in-foreground", "--log-facility=/dev/null", "--quiet-dhcp",
		"--conf-file=/dev/null",
		"--port=0", "--user=root", "--pid-file=", "--interface="+link, "--no-ping", "--dhcp-lease-max=70000",
		fmt.Sprintf("--dhcp-range=%v,%v,255.255.0.0,1h", first, last),
		"--dhcp-range=192.168.77.100,192.168.77.100,1h", more)
}

// command runs a program in its own folder, where the file kea.json holds conf.
func command(conf, name string, args ...string) func(context.Context, *netns.Namespace, string) (int, func(), error) {
	return func(_ context.Context, host *netns.Namespace, dir string) (int, func(), error) {
		path, err := exec.LookPath(name)
		if err != nil {
			return 0, nil, fmt.Errorf("%s is missing: run make bench-dhcp, which installs it", name)
		}
		// A copy, because on some systems AppArmor denies the program at the
		// original path all files except its own.
		program, err := os.ReadFile(path)
		err = errors.Join(err,
			os.WriteFile(filepath.Join(dir, name), program, 0o755),
			os.WriteFile(filepath.Join(dir, "kea.json"), []byte(conf), 0o644))
		if err != nil {
			return 0, nil, err
		}
		cmd := exec.Command(filepath.Join(dir, name), args...)
		cmd.Dir = dir
		// Since 2.6.3 Kea accepts a lease file only in this folder.
		cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "KEA_DHCP_DATA_DIR="+dir)
		cmd.Stderr = os.Stderr
		if err := host.Start(cmd); err != nil {
			return 0, nil, err
		}
		return cmd.Process.Pid, func() {
			cmd.Process.Kill()
			cmd.Wait()
		}, nil
	}
}

// keaConf is Kea's default except for what is set here; leases.csv is in its
// working folder. Since 2.6 Kea requires the subnet's id.
var keaConf = fmt.Sprintf(`{"Dhcp4": {
	"interfaces-config": {"interfaces": [%q], "dhcp-socket-type": "udp"},
	"lease-database": {"type": "memfile", "persist": true, "name": "leases.csv", "lfc-interval": 3600},
	"valid-lifetime": 3600,
	"subnet4": [{"id": 1, "subnet": "10.1.0.0/16", "pools": [{"pool": "%v - %v"}]}],
	"loggers": [{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{"output": "stderr"}]}]
}}`, link, first, last)
