// Package lab puts a site together: the segment, WDS servers, the appliance
// from its image, a plain DHCP server if the site has one, and a client with
// BIOS or UEFI. Tests and make run define what should happen there.
package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/handoff"
	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/peer"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/secureboot"
	"github.com/pxebox/pxebox/e2e/wds"
)

// The site's addresses, all in one /24.
var (
	BoxAddr     = netip.MustParseAddr("192.168.77.1") // if it is fixed
	WDSAddr     = netip.MustParseAddr("192.168.77.2")
	DHCPAddr    = netip.MustParseAddr("192.168.77.3")
	observer    = netip.MustParseAddr("192.168.77.4")
	SecondWDS   = netip.MustParseAddr("192.168.77.5") // if a test adds one
	FirstLease  = netip.MustParseAddr("192.168.77.100")
	LastLease   = netip.MustParseAddr("192.168.77.150")
	BoxMAC      = [6]byte{0x52, 0x54, 0x00, 0x77, 0x00, 0x01}
	dhcpMAC     = [6]byte{0x52, 0x54, 0x00, 0x77, 0x00, 0x03}
	ObserverMAC = [6]byte{0x52, 0x54, 0x00, 0x77, 0x00, 0x04}
	ClientMAC   = [6]byte{0x52, 0x54, 0x00, 0x77, 0x00, 0x10}
)

// ClientUUID is the client's identifier in option 97.
const ClientUUID = "70786562-6f78-4c61-8000-000000000010"

// Client returns the MAC of one of many clients. ClientMAC is number 0x10; the
// site's own hosts have lower numbers.
func Client(number byte) [6]byte {
	mac := ClientMAC
	mac[5] = number
	return mac
}

// uuid returns ClientUUID, with the client's own last digits.
func uuid(mac [6]byte) string { return fmt.Sprintf("%s%02x", ClientUUID[:len(ClientUUID)-2], mac[5]) }

const bits = 24

// NextProgram represents pxeboot.n12 and bootmgfw.efi, and has about the size
// of the former. The program's transfer must end with a short block, so the
// length is not a multiple of a block size in use.
var NextProgram = []byte(nbp.Marker + strings.Repeat("\xf4", 25000))

// Lab is a site with a WDS server, and anything else that was started.
type Lab struct {
	LAN *lan.LAN
	WDS *wds.Server
	// Observer is a host for a test's own requests.
	Observer *lan.Host
	// Key is trusted by machines with Secure Boot on, as real ones trust
	// Microsoft's.
	Key *secureboot.Key

	log     *slog.Logger
	accel   qemu.Accel
	files   map[string][]byte // of a WDS server
	name    string
	dir     string // for logs and the capture
	scratch string // for files that are not needed afterwards
	socket  string

	guests      context.Context // ends when a guest fails
	guestFailed context.CancelCauseFunc

	mu      sync.Mutex
	closers []func()
}

// New starts a site. dir is the build directory of make: the firmware is there,
// and the site's capture and logs go to dir/name.pcap and dir/name-*.log. log
// receives the requests to the WDS server.
func New(dir, name string, log *slog.Logger) (_ *Lab, err error) {
	l := &Lab{name: name, dir: dir, log: log}
	l.guests, l.guestFailed = context.WithCancelCause(context.Background())
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	choice, err := Accelerator()
	if err != nil {
		return nil, err
	}
	l.accel = choice.Accel
	if l.Key, err = secureboot.NewKey("pxebox lab, Secure Boot"); err != nil {
		return nil, err
	}
	if l.files, err = l.programs(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if l.scratch, err = os.MkdirTemp("", "lab"); err != nil {
		return nil, err
	}
	l.atClose(func() { os.RemoveAll(l.scratch) })
	capture, err := os.Create(l.Capture())
	if err != nil {
		return nil, err
	}
	l.atClose(func() { capture.Close() })
	if l.LAN, err = lan.New(capture); err != nil {
		return nil, err
	}
	l.atClose(func() {
		if err := l.LAN.Close(); err != nil {
			log.Error("capture", "err", err)
		}
	})
	l.socket = filepath.Join(l.scratch, "lan")
	if err := l.LAN.Listen(l.socket); err != nil {
		return nil, err
	}
	if l.Observer, err = l.LAN.Host(ObserverMAC, netip.PrefixFrom(observer, bits)); err != nil {
		return nil, err
	}
	if l.WDS, err = l.AddWDS(WDSAddr); err != nil {
		return nil, err
	}
	return l, nil
}

// programs returns the files of a WDS server. The UEFI program is signed with
// Key, as Microsoft's is with Microsoft's key; a machine with Secure Boot off
// ignores that.
func (l *Lab) programs() (map[string][]byte, error) {
	bios, err := nbp.Assemble()
	if err != nil {
		return nil, err
	}
	efi, err := l.Compile()
	if err != nil {
		return nil, err
	}
	if efi, err = l.Key.Sign(efi); err != nil {
		return nil, err
	}
	return map[string][]byte{
		wds.FileBIOSFirst: bios, wds.FileBIOSNext: NextProgram,
		wds.FileEFIFirst: efi, wds.FileEFINext: NextProgram,
	}, nil
}

// Compile makes the stand-in for wdsmgfw.efi, without a signature.
func (l *Lab) Compile() ([]byte, error) {
	f, err := l.Firmware(qemu.Debian13)
	if err != nil {
		return nil, err
	}
	return nbp.Compile(f.GNUEFI())
}

// AddWDS plugs in another WDS server at one of the site's addresses. It serves
// the same files as all the others; a test may stop it, or change its files and
// what it refuses.
func (l *Lab) AddWDS(addr netip.Addr) (*wds.Server, error) {
	host, err := l.LAN.Host(macOf(addr), netip.PrefixFrom(addr, bits))
	if err != nil {
		return nil, err
	}
	return l.serveWDS(wds.Config{Addr: addr, Listen: host.ListenUDP})
}

// AddWDS2023 plugs in a WDS server that has the UEFI program twice, as a current
// one has. The usual one is signed with old, the one of 2023 with new.
func (l *Lab) AddWDS2023(addr netip.Addr, old, new *secureboot.Key) (*wds.Server, error) {
	host, err := l.LAN.Host(macOf(addr), netip.PrefixFrom(addr, bits))
	if err != nil {
		return nil, err
	}
	program, err := l.Compile()
	if err != nil {
		return nil, err
	}
	files := maps.Clone(l.files)
	for name, key := range map[string]*secureboot.Key{wds.FileEFIFirst: old, wds.FileEFI2023: new} {
		if files[name], err = key.Sign(program); err != nil {
			return nil, err
		}
	}
	return l.serveWDS(wds.Config{Addr: addr, Listen: host.ListenUDP, Has2023: true, Files: files})
}

// AddTFTP makes the observer a TFTP server with a WDS server's files, which is
// not a WDS server.
func (l *Lab) AddTFTP() error {
	_, err := l.serveWDS(wds.Config{Addr: l.Observer.Addr, Listen: l.Observer.ListenUDP, TFTPOnly: true})
	return err
}

func (l *Lab) serveWDS(c wds.Config) (*wds.Server, error) {
	if c.Log = l.log; c.Files == nil {
		c.Files = l.files
	}
	s, err := wds.Start(c)
	if err != nil {
		return nil, err
	}
	l.atClose(s.Close)
	return s, nil
}

// macOf returns the MAC of the site's host with an address.
func macOf(addr netip.Addr) [6]byte {
	mac := BoxMAC
	mac[5] = addr.As4()[3]
	return mac
}

// Capture returns the path of the packet capture.
func (l *Lab) Capture() string { return filepath.Join(l.dir, l.name+".pcap") }

// Close ends everything, in reverse order.
func (l *Lab) Close() {
	l.mu.Lock()
	closers := l.closers
	l.closers = nil
	l.mu.Unlock()
	for i := len(closers) - 1; i >= 0; i-- {
		closers[i]()
	}
}

func (l *Lab) atClose(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers = append(l.closers, f)
}

// guest starts a guest whose console is written to a log file and, unless it is
// nil, to also.
func (l *Lab) guest(name, display string, args []string, also io.Writer) (*qemu.Machine, error) {
	return l.start(qemu.Config{Name: name, Args: args, Display: display}, also)
}

func (l *Lab) start(c qemu.Config, also io.Writer) (*qemu.Machine, error) {
	log, err := os.Create(filepath.Join(l.dir, l.name+"-"+c.Name+".log"))
	if err != nil {
		return nil, err
	}
	l.atClose(func() { log.Close() })
	c.Log = log
	if also != nil {
		c.Log = io.MultiWriter(log, also)
	}
	m, err := qemu.Start(c)
	if err != nil {
		return nil, err
	}
	l.atClose(m.Stop)
	go l.watch(m)
	return m, nil
}

// StartBox starts the appliance from a copy of its image. Its /perm holds the
// files in perm, by their path on /perm.
func (l *Lab) StartBox(image string, perm map[string]File) (*qemu.Machine, error) {
	own := filepath.Join(l.scratch, "box.img")
	if err := prepareImage(image, own, filepath.Join(l.scratch, "perm"), perm); err != nil {
		return nil, err
	}
	return l.guest("box", "", qemu.Box(l.accel, own, qemu.NIC{MAC: BoxMAC, Socket: l.socket}), nil)
}

// StartDHCP starts the site's own DHCP server and waits until it runs. builddir
// is the directory that pins the appliance's kernel.
func (l *Lab) StartDHCP(ctx context.Context, builddir string) error {
	kernel, err := peer.Kernel(builddir)
	if err != nil {
		return err
	}
	initramfs := filepath.Join(l.scratch, "peer.cpio")
	err = peer.Build(initramfs, peer.DHCP{Addr: netip.PrefixFrom(DHCPAddr, bits), First: FirstLease, Last: LastLease})
	if err != nil {
		return err
	}
	m, err := l.guest("dhcp", "", qemu.Linux(l.accel, kernel, initramfs, qemu.NIC{MAC: dhcpMAC, Socket: l.socket}), nil)
	if err != nil {
		return err
	}
	_, err = m.Console.WaitFor(ctx, peer.Ready)
	return err
}

// ClientConfig describes the properties of a client.
type ClientConfig struct {
	Firmware qemu.Firmware // required
	MAC      [6]byte       // zeros mean ClientMAC; each client needs a different MAC
	Disk     string        // the image of its disk, which is not written to; may be empty
	Memory   int           // MiB; 0 means 256
	Display  string        // as in qemu.Config
	Serial   io.Writer     // receives the lines of its serial console; may be nil
}

// name returns the client's name, for its log.
func (c ClientConfig) name() string {
	if c.MAC == ClientMAC {
		return "client"
	}
	return fmt.Sprintf("client-%02x", c.MAC[5])
}

// StartClient powers on a BIOS machine.
func (l *Lab) StartClient(c ClientConfig) (*qemu.Machine, error) {
	if c.Memory == 0 {
		c.Memory = 256
	}
	if c.MAC == [6]byte{} {
		c.MAC = ClientMAC
	}
	args := qemu.Client(c.Firmware, l.accel, c.Memory, uuid(c.MAC), qemu.NIC{MAC: c.MAC, Socket: l.socket})
	if c.Disk != "" {
		args = append(args, qemu.Disk(c.Disk)...)
	}
	return l.guest(c.name(), c.Display, args, c.Serial)
}

// UEFIConfig describes the properties of a UEFI client. If Memory is 0, the
// client has 512 MiB.
type UEFIConfig struct {
	ClientConfig
	SecureBoot bool
	// Trusts is what Secure Boot trusts in addition to Microsoft's certificates;
	// nil means the lab's Key.
	Trusts *secureboot.Key
	// NoThirdParty makes Secure Boot refuse shim: see
	// secureboot.WithoutThirdParty.
	NoThirdParty bool
	// ThirdParty is the name of the only certificate for third parties that
	// Secure Boot trusts, one of those that have signed shim.
	ThirdParty string
	HTTP       bool // boot over HTTP; if false, by PXE over IPv4
}

// StartUEFI powers on a UEFI machine. Its variables are those of a new machine,
// and survive a reset.
func (l *Lab) StartUEFI(c UEFIConfig) (*qemu.Machine, error) {
	state, err := os.ReadFile(c.Firmware.State(c.SecureBoot))
	if err != nil {
		return nil, err
	}
	if c.SecureBoot {
		if state, err = cmp.Or(c.Trusts, l.Key).Trust(state); err != nil {
			return nil, err
		}
	}
	if c.NoThirdParty {
		if state, err = secureboot.WithoutThirdParty(state); err != nil {
			return nil, err
		}
	}
	if c.ThirdParty != "" {
		shim, err := os.ReadFile(filepath.Join(l.dir, "..", "assets/grub/usr/lib/shim/shimx64.efi.signed"))
		if err != nil {
			return nil, err
		}
		if state, err = secureboot.OnlyThirdParty(state, shim, c.ThirdParty); err != nil {
			return nil, err
		}
	}
	if c.MAC == [6]byte{} {
		c.MAC = ClientMAC
	}
	u := qemu.UEFI{
		Firmware:   c.Firmware,
		State:      filepath.Join(l.scratch, c.name()+"-state.fd"),
		SecureBoot: c.SecureBoot,
		HTTP:       c.HTTP,
		Memory:     c.Memory,
	}
	if u.Memory == 0 {
		u.Memory = 512
	}
	if err := os.WriteFile(u.State, state, 0o600); err != nil {
		return nil, err
	}
	args := qemu.UEFIClient(u, l.accel, uuid(c.MAC), qemu.NIC{MAC: c.MAC, Socket: l.socket})
	if c.Disk != "" {
		args = append(args, qemu.Disk(c.Disk)...)
	}
	return l.guest(c.name(), c.Display, args, c.Serial)
}

// Trail returns an empty trail of the client.
func (l *Lab) Trail() *handoff.Trail { return &handoff.Trail{MAC: ClientMAC, WDS: WDSAddr} }

// Follow reports the client's steps as they happen, until the last step or
// until ctx ends. The last step is visible only on the console.
func (l *Lab) Follow(ctx context.Context, client *qemu.Machine, report func(handoff.Event)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	verdict := make(chan handoff.Event, 1)
	go func() {
		e, err := Verdict(ctx, client)
		if err == nil {
			verdict <- e
		}
		stop(err)
	}()
	trail := l.Trail()
	for i := 0; ; i++ {
		d, err := l.LAN.Datagram(ctx, i)
		if err != nil {
			select {
			case e := <-verdict:
				report(e)
				if !nbp.Succeeded(e.Detail) {
					return errors.New(e.Detail)
				}
				return nil
			default:
				return err
			}
		}
		if e, ok := trail.See(d); ok {
			report(e)
		}
	}
}

// Verdict waits for the complete last line of a stand-in for one of Microsoft's
// programs.
func Verdict(ctx context.Context, client *qemu.Machine) (handoff.Event, error) {
	last := strings.Join([]string{nbp.OK, nbp.Fail, nbp.EFIOK, nbp.EFIFail, nbp.WinPEOK, nbp.WinPEFail}, "|")
	m, err := client.Console.WaitFor(ctx, "("+last+")[^\n]*\n")
	if err != nil {
		return handoff.Event{}, err
	}
	return handoff.Event{Step: handoff.Verdict, Time: m.Time, Detail: strings.TrimSpace(m.Text)}, nil
}

// BoxAddress waits until the box's own DHCP lease was acknowledged.
func (l *Lab) BoxAddress(ctx context.Context) (netip.Addr, error) {
	var addr netip.Addr
	_, err := l.LAN.WaitUDP(ctx, func(d lan.Datagram) bool {
		if d.Dst.Port() != dhcpv4.ClientPort {
			return false
		}
		p, err := dhcpv4.FromBytes(d.Payload)
		if err != nil || p.MessageType() != dhcpv4.MessageTypeAck || [6]byte(p.ClientHWAddr) != BoxMAC {
			return false
		}
		addr, _ = netip.AddrFromSlice(p.YourIPAddr.To4())
		return addr.IsValid()
	})
	if err != nil {
		return addr, fmt.Errorf("waiting for the box's own address: %w", err)
	}
	return addr, nil
}
