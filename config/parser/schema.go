package parser

import (
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Bounds of values. The longest TIMEOUT of PXELINUX is 35996 tenths of a second,
// just under the hour.
const (
	minTimeout = time.Second // anything shorter reaches the menu as 0, which waits without end
	maxTimeout = 59 * time.Minute
	minProbe   = time.Second
	maxProbe   = 24 * time.Hour
	minLease   = spec.MinLease
	maxLease   = spec.MaxLease
	maxDevice  = spec.MaxDevice

	maxLeases       = spec.MaxLeases
	maxSubnets      = spec.MaxSubnets
	maxReservations = spec.MaxReservations

	minMTU       = spec.MinMTU
	maxMTU       = spec.MaxMTU
	maxOption    = spec.MaxOption
	maxAddresses = spec.MaxAddresses
	maxOptions   = spec.MaxOptions
	maxBootFile  = spec.MaxBootFile
	maxAllowed   = spec.MaxAllowed

	minBlock  = spec.MinBlock
	maxBlock  = spec.MaxBlock
	maxWindow = spec.MaxWindow

	maxMachines = 4096
	maxWDS      = 64 // the box asks each of them for its programs, every 30 s by default
)

// field is one key: its name, an example for the error about a value of the
// wrong type, and how it is read.
type field struct {
	name    string
	example string
	read    func(r *reader, v value)
}

// section is a [table], or where many is set a [[table]].
type section struct {
	name   string // as in its header: "dhcp", "dhcp.option"
	many   bool
	by     string        // the key by which people tell items apart, if any
	add    func(*reader) // many: makes room for one more
	fields []field
	inner  []section
	// other reads a key that is none of fields; false where it cannot.
	other func(r *reader, v value) bool
}

// key is the section's name inside of the one that holds it.
func (s *section) key() string { return s.name[strings.LastIndexByte(s.name, '.')+1:] }

func (s *section) header() string {
	if s.many {
		return "[[" + s.name + "]]"
	}
	return "[" + s.name + "]"
}

// in returns the section inside of s that has the key; it must be there.
func (s *section) in(key string) *section {
	return &s.inner[slices.IndexFunc(s.inner, func(in section) bool { return in.key() == key })]
}

// schema is all that a file may hold. The built-in default file is tested
// against it.
var schema = []section{
	{name: "network", fields: []field{
		{"interface", `"eth0"`, func(r *reader, v value) { r.cfg.Network.Interface = v.device() }},
		{"address", `"192.168.77.1/24"`, func(r *reader, v value) { r.cfg.Network.Address = v.ownAddress() }},
		{"gateway", `"192.168.77.254"`, func(r *reader, v value) { r.cfg.Network.Gateway = v.address() }},
		{"dns", `["192.168.77.254"]`, func(r *reader, v value) { r.cfg.Network.DNS = v.addresses() }},
	}},
	{name: "dhcp", fields: append([]field{
		{"mode", `"auto"`, func(r *reader, v value) {
			r.cfg.DHCP.Mode = choice(v, spec.ModeAuto, spec.ModeProxy, spec.ModeServer, spec.ModeOff)
		}},
		{"force", `true`, func(r *reader, v value) { r.cfg.DHCP.Force = v.flag() }},
		{"probe", `false`, func(r *reader, v value) { r.cfg.DHCP.Probe = v.flag() }},
		{"range", `["192.168.77.100-192.168.77.150"]`, func(r *reader, v value) { r.cfg.DHCP.Ranges = v.ranges() }},
	}, parameters(ownParameters)...), inner: []section{options("dhcp", ownParameters)}},
	{name: "boot", fields: bootFiles(), other: bootByArch},
	{name: "tftp", fields: []field{
		{"port", `69`, func(r *reader, v value) { r.cfg.TFTP.Port = v.port() }},
		{"max_block", `1468`, func(r *reader, v value) { r.cfg.TFTP.MaxBlock = int(v.integer(minBlock, maxBlock)) }},
		{"max_window", `16`, func(r *reader, v value) { r.cfg.TFTP.MaxWindow = int(v.integer(1, maxWindow)) }},
	}},
	{name: "http", fields: []field{
		{"port", `8080`, func(r *reader, v value) { r.cfg.HTTP.Port = v.port() }},
	}},
	{name: "page", fields: []field{
		{"port", `8443`, func(r *reader, v value) { r.cfg.Page.Port = v.port() }},
	}},
	{name: "files", fields: []field{
		{"any_case", `true`, func(r *reader, v value) { r.cfg.Files.AnyCase = v.flag() }},
		{"own_menus", `true`, func(r *reader, v value) { r.cfg.Files.OwnMenus = v.flag() }},
	}},
	{name: "metrics", fields: []field{
		{"allow", `["10.9.0.0/24"]`, func(r *reader, v value) { r.cfg.Metrics.Allow = v.networks() }},
	}},
	{name: "syslog", fields: []field{
		{"server", `"192.168.77.9"`,
			func(r *reader, v value) { r.cfg.Syslog.Server, r.cfg.Syslog.Port = v.hostPort() }},
		{"protocol", `"tcp"`,
			func(r *reader, v value) { r.cfg.Syslog.Protocol = choice(v, config.SyslogUDP, config.SyslogTCP) }},
	}},
	{name: "subnet", many: true, by: "network",
		add: func(r *reader) { r.cfg.DHCP.Subnets = append(r.cfg.DHCP.Subnets, config.Subnet{}) },
		fields: append([]field{
			{"network", `"10.1.0.0/24"`, func(r *reader, v value) { last(r.cfg.DHCP.Subnets).Network = v.network() }},
			{"range", `["10.1.0.100-10.1.0.150"]`,
				func(r *reader, v value) { last(r.cfg.DHCP.Subnets).Ranges = v.ranges() }},
		}, parameters(subnetParameters)...), inner: []section{options("subnet", subnetParameters)}},
	{name: "reservation", many: true, by: "address",
		add: func(r *reader) { r.cfg.DHCP.Reservations = append(r.cfg.DHCP.Reservations, config.Reservation{}) },
		fields: []field{
			{"mac", `"52:54:00:12:34:56"`, func(r *reader, v value) { last(r.cfg.DHCP.Reservations).MAC = v.mac() }},
			{"client", `"01:52:54:00:12:34:57"`,
				func(r *reader, v value) { last(r.cfg.DHCP.Reservations).Client = v.clientID() }},
			{"address", `"192.168.77.20"`,
				func(r *reader, v value) { last(r.cfg.DHCP.Reservations).Address = v.address() }},
			{"hostname", `"pc1"`, func(r *reader, v value) { last(r.cfg.DHCP.Reservations).Hostname = v.hostname() }},
		}},
	{name: "wds", many: true, by: "name", add: func(r *reader) { r.cfg.WDS = append(r.cfg.WDS, newWDS()) },
		fields: append([]field{
			{"name", `"wds"`, func(r *reader, v value) { last(r.cfg.WDS).Name = v.name() }},
			{"server", `"192.168.77.2"`, func(r *reader, v value) { last(r.cfg.WDS).Server = v.host() }},
			{"probe", `"30s"`,
				func(r *reader, v value) { last(r.cfg.WDS).Probe = v.durationOrNever(minProbe, maxProbe) }},
			{"probe_4011", `true`, func(r *reader, v value) { last(r.cfg.WDS).Probe4011 = v.flag() }},
			{"on_down", `"mark"`, func(r *reader, v value) {
				last(r.cfg.WDS).OnDown = choice(v, config.OnDownMark, config.OnDownHide, config.OnDownNext)
			}},
			{"bios_route", `"chain"`, func(r *reader, v value) {
				last(r.cfg.WDS).BIOSRoute = choice(v, config.RouteChain, config.RouteReboot)
			}},
		}, append(wdsPrograms(), wdsPrograms2023()...)...)},
	{name: "bootserver", many: true, by: "name", add: func(r *reader) { r.others = append(r.others, newBootServer()) },
		fields: []field{
			{"name", `"fog"`, func(r *reader, v value) { last(r.others).Name = v.name() }},
			{"address", `"192.168.77.3"`, func(r *reader, v value) { last(r.others).Server = v.host() }},
			{"bios", `"undionly.kpxe"`, bootServerProgram},
			{"uefi-ia32", `"i386-efi/ipxe.efi"`, bootServerProgram},
			{"uefi-x64", `"ipxe.efi"`, bootServerProgram},
			{"uefi-arm64", `"arm64-efi/ipxe.efi"`, bootServerProgram},
			{"probe", `"30s"`,
				func(r *reader, v value) { last(r.others).Probe = v.durationOrNever(minProbe, maxProbe) }},
			{"on_down", `"mark"`, func(r *reader, v value) {
				last(r.others).OnDown = choice(v, config.OnDownMark, config.OnDownHide, config.OnDownNext)
			}},
			{"bios_route", `"chain"`, func(r *reader, v value) {
				last(r.others).BIOSRoute = choice(v, config.RouteChain, config.RouteReboot)
			}},
		}},
	{name: "menu", fields: []field{
		{"title", `"Network boot"`, func(r *reader, v value) { r.cfg.Menu.Title = v.label() }},
		{"timeout", `"10s"`,
			func(r *reader, v value) { r.cfg.Menu.Timeout = v.durationOrNever(minTimeout, maxTimeout) }},
		{"default", `"disk"`, func(r *reader, v value) { r.cfg.Menu.Default = v.ref() }},
		{"serial", `true`, func(r *reader, v value) { r.cfg.Menu.Serial = v.flag() }},
		{"password", examplePassword, func(r *reader, v value) { r.cfg.Menu.Password = v.password() }},
	}},
	{name: "entry", many: true, by: "name",
		add: func(r *reader) { r.cfg.Entries = append(r.cfg.Entries, config.Entry{}) }, fields: []field{
			{"name", `"debian"`, func(r *reader, v value) { last(r.cfg.Entries).Name = v.name() }},
			{"label", `"Debian installer"`, func(r *reader, v value) { last(r.cfg.Entries).Label = v.label() }},
			{"help", `"Asks nothing."`, func(r *reader, v value) { last(r.cfg.Entries).Help = v.help() }},
			{"in", `"tools"`, func(r *reader, v value) { last(r.cfg.Entries).In = v.ref() }},
			{"wds", `"wds"`, func(r *reader, v value) { last(r.cfg.Entries).WDS = v.ref() }},
			{"bootserver", `"fog"`, func(r *reader, v value) { last(r.cfg.Entries).WDS = v.ref() }},
			{"winpe", `"win11"`, func(r *reader, v value) { last(r.cfg.Entries).WinPE = v.path() }},
			{"kernel", `"debian/linux"`, func(r *reader, v value) { last(r.cfg.Entries).Kernel = v.path() }},
			{"initrd", `["debian/initrd.gz"]`, func(r *reader, v value) { last(r.cfg.Entries).Initrd = v.paths() }},
			{"append", `"console=ttyS0,115200"`,
				func(r *reader, v value) { last(r.cfg.Entries).Append = v.arguments() }},
			{"file", `"tools/memtest.bin"`, func(r *reader, v value) { last(r.cfg.Entries).File = v.path() }},
			{"efi", `"tools/memtest.efi"`, func(r *reader, v value) { last(r.cfg.Entries).EFI = v.path() }},
			{"start", `"firmware"`,
				func(r *reader, v value) { last(r.cfg.Entries).Start = choice(v, config.StartFirmware) }},
			{"pxelinux", `"COM32 hdt.c32"`, func(r *reader, v value) { last(r.cfg.Entries).PXELINUX = v.pxelinux() }},
			{"grub", `"fwsetup"`, func(r *reader, v value) { last(r.cfg.Entries).GRUB = v.grub() }},
			{"disk", `true`, func(r *reader, v value) { last(r.cfg.Entries).Disk = v.flag() }},
			{"submenu", `true`, func(r *reader, v value) { last(r.cfg.Entries).Submenu = v.flag() }},
			{"signed", `false`, func(r *reader, v value) { last(r.cfg.Entries).Unsigned = !v.flag() }},
			{"locked", `true`, func(r *reader, v value) { last(r.cfg.Entries).Locked = v.flag() }},
			{"erases", `true`, func(r *reader, v value) { last(r.cfg.Entries).Erases = v.flag() }},
			{"listed", `false`, func(r *reader, v value) { last(r.cfg.Entries).Unlisted = !v.flag() }},
		}},
	{name: "machine", many: true,
		add: func(r *reader) { r.cfg.Machines = append(r.cfg.Machines, config.Machine{Boot: config.BootMenu}) },
		fields: []field{
			{"mac", `["52:54:00:12:34:56"]`, func(r *reader, v value) { last(r.cfg.Machines).MAC = v.macBeginnings() }},
			{"guid", `["70786562-6f78-4c61-8000-000000000010"]`,
				func(r *reader, v value) { last(r.cfg.Machines).GUID = v.guids() }},
			{"firmware", `["uefi-x64"]`, func(r *reader, v value) { last(r.cfg.Machines).Firmware = v.firmwares() }},
			{"boot", `"disk"`, func(r *reader, v value) { last(r.cfg.Machines).Boot = v.ref() }},
			{"once", `true`, func(r *reader, v value) { last(r.cfg.Machines).Once = v.flag() }},
			{"entries", `["debian"]`, func(r *reader, v value) { last(r.cfg.Machines).Entries = v.refs() }},
			{"default", `"debian"`, func(r *reader, v value) { last(r.cfg.Machines).Default = v.ref() }},
			{"timeout", `"10s"`, func(r *reader, v value) {
				d := v.durationOrNever(minTimeout, maxTimeout)
				last(r.cfg.Machines).Timeout = &d
			}},
		}},
}

func last[T any](s []T) *T { return &s[len(s)-1] }

func ownParameters(r *reader) *config.Parameters    { return &r.cfg.DHCP.Parameters }
func subnetParameters(r *reader) *config.Parameters { return &last(r.cfg.DHCP.Subnets).Parameters }

// parameters are the keys that [dhcp] and [[subnet]] have in common.
func parameters(p func(*reader) *config.Parameters) []field {
	return []field{
		{"identify", `"mac"`,
			func(r *reader, v value) { p(r).Identify = choice(v, spec.IdentifyClient, spec.IdentifyMAC) }},
		{"lease", `"1h"`, func(r *reader, v value) { p(r).Lease = v.duration(minLease, maxLease) }},
		{"router", `"192.168.77.1"`, func(r *reader, v value) { p(r).Router = v.address() }},
		{"dns", `["192.168.77.1"]`, func(r *reader, v value) { p(r).DNS = v.optionAddresses() }},
		{"domain", `"lab.example.org"`, func(r *reader, v value) { p(r).Domain = v.domain() }},
		{"search", `["lab.example.org"]`, func(r *reader, v value) { p(r).Search = v.search() }},
		{"ntp", `["192.168.77.1"]`, func(r *reader, v value) { p(r).NTP = v.optionAddresses() }},
		{"mtu", `1500`, func(r *reader, v value) { p(r).MTU = int(v.integer(minMTU, maxMTU)) }},
		{"routes", `["10.0.0.0/8 via 192.168.77.254"]`, func(r *reader, v value) { p(r).Routes = v.routes() }},
	}
}

// options is the [[option]] of [dhcp] and of [[subnet]]. Whichever key says
// the value, it is kept as bytes.
func options(in string, p func(*reader) *config.Parameters) section {
	o := func(r *reader) *spec.Option { return last(p(r).Options) }
	return section{
		name: in + ".option", many: true,
		add: func(r *reader) { p(r).Options = append(p(r).Options, spec.Option{}) },
		fields: []field{
			{"code", `150`, func(r *reader, v value) { o(r).Code = v.code() }},
			{"ip", `["192.168.77.9"]`, func(r *reader, v value) { o(r).Value = v.optionIP() }},
			{"text", `"a text"`, func(r *reader, v value) { o(r).Value = v.optionText() }},
			{"hex", `"01:02:0a"`, func(r *reader, v value) { o(r).Value = v.optionHex() }},
			{"number", `5`, func(r *reader, v value) { o(r).Value = v.optionNumber() }},
			{"size", `2`, func(r *reader, v value) { v.optionSize() }},
		},
	}
}

// bootFiles are the keys of [boot] that have a name: one for each of
// firmware.Kinds, firmware.IPXE, and those that are about all firmware.
func bootFiles() []field {
	file := func(r *reader, v value) { r.boot(firmware.Kind(v.field.name), v.bootFile()) }
	url := func(r *reader, v value) { r.boot(firmware.Kind(v.field.name), v.bootURL()) }
	return []field{
		{"bios", `"pxelinux.0"`, file},
		{"uefi-ia32", `"efi/bootia32.efi"`, file},
		{"uefi-x64", `"efi/bootx64.efi"`, file},
		{"uefi-arm64", `"efi/bootaa64.efi"`, file},
		{"uefi-ia32-http", `"http://192.168.77.1/efi/bootia32.efi"`, url},
		{"uefi-x64-http", `"http://192.168.77.1/efi/bootx64.efi"`, url},
		{"uefi-arm64-http", `"http://192.168.77.1/efi/bootaa64.efi"`, url},
		{"raspberry-pi", `"start4.elf"`, file},
		{string(firmware.IPXE), `"boot.ipxe"`, func(r *reader, v value) { r.boot(firmware.IPXE, v.ipxeScript()) }},
		{"adapt", `false`, func(r *reader, v value) { r.cfg.DHCP.Adapt = v.flag() }},
		{"fallback", `"wds"`, func(r *reader, v value) { r.cfg.DHCP.Fallback = v.ref() }},
	}
}

// registered are types without a name here, as people write them who know the
// registry or another boot server.
var registered = map[string]firmware.Arch{
	"uefi-arm32": 0x0a, "opal": 0x0e, "uefi-arm32-http": 0x12, "bios-http": 0x14, "uboot-arm32": 0x15,
	"uboot-arm64": 0x16, "uefi-riscv64": 0x1b, "uefi-riscv64-http": 0x1c, "uefi-loongarch64": 0x27,
	"uefi-loongarch64-http": 0x28, "rpiboot": 0x29,
}

// bootByArch reads a key of [boot] that is the number of an architecture.
func bootByArch(r *reader, v value) bool {
	arch, isNumber := firmware.ParseArch(v.field.name)
	if !isNumber {
		var ok bool
		if arch, ok = registered[v.field.name]; !ok {
			return false
		}
	}
	kind := arch.Kind()
	key := string(kind)
	switch {
	case key != v.field.name && slices.Contains(firmwareWords, key) && isNumber:
		v.fail("is the number of "+key, "write "+key)
	case key != v.field.name:
		v.fail("is not known", "write "+key)
	case arch.IsHTTP():
		v.field.example = `"http://192.168.77.1/efi/boot.efi"`
		r.boot(kind, v.bootURL())
	default:
		v.field.example = `"efi/boot.efi"`
		r.boot(kind, v.bootFile())
	}
	return true
}

func (r *reader) boot(kind firmware.Kind, file string) {
	if r.cfg.DHCP.BootFiles == nil {
		r.cfg.DHCP.BootFiles = map[firmware.Kind]string{}
	}
	r.cfg.DHCP.BootFiles[kind] = file
}

// programs are those of a WDS server that was set up as Microsoft does it, in
// the order of firmware.Kinds.
var programs = []struct {
	firmware firmware.Kind
	file     string
}{
	{"bios", `boot\x64\wdsnbp.com`},
	{"uefi-ia32", `boot\x86\wdsmgfw.efi`},
	{"uefi-x64", `boot\x64\wdsmgfw.efi`},
	{"uefi-arm64", `boot\arm64\wdsmgfw.efi`},
}

func newWDS() config.WDS {
	w := config.WDS{
		Programs: map[firmware.Kind]string{}, Programs2023: map[firmware.Kind]string{},
		Probe: spec.Duration(30 * time.Second), OnDown: config.OnDownMark, BIOSRoute: config.RouteChain,
	}
	for _, p := range programs {
		w.Programs[p.firmware] = p.file
	}
	return w
}

// wdsPrograms are the keys of a [[wds]] for its programs.
func wdsPrograms() []field {
	var out []field
	for _, p := range programs {
		out = append(out, field{string(p.firmware), "'" + p.file + "'", func(r *reader, v value) {
			last(r.cfg.WDS).Programs[p.firmware] = v.wdsProgram()
		}})
	}
	return out
}

// newBootServer returns a [[bootserver]] without programs: boot servers that are
// not WDS have no names in common.
func newBootServer() config.WDS {
	w := newWDS()
	w.Programs, w.Programs2023, w.Other = map[firmware.Kind]string{}, nil, true
	return w
}

func bootServerProgram(r *reader, v value) {
	last(r.others).Programs[firmware.Kind(v.field.name)] = v.serverProgram()
}
