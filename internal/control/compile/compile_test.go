package compile

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/test/golden"
)

func encode(t *testing.T, g generation.Generation) []byte {
	t.Helper()
	b, err := generation.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pxed embeds the generation of the built-in configuration as a file, because it
// does not link the compiler.
func TestDefaultOfPxedIsThatOfTheConfiguration(t *testing.T) {
	golden.Compare(t, "../../generation/default.json", encode(t, Generation(parser.Default(), menu.Status{})))
}

// all sets every key that pxed needs.
const all = `
[network]
interface = "eth0"
address = "192.168.77.1/24"
gateway = "192.168.77.254"
dns = ["192.168.77.2"]
[tftp]
port = 6969
max_block = 1428
max_window = 16
[http]
port = 0
[files]
any_case = true
own_menus = true
[metrics]
allow = ["10.9.0.0/24"]
[[machine]]
mac = ["52:54:00"]
guid = ["70786562-6f78-4c61-8000-000000000010"]
firmware = ["uefi-x64"]
boot = "disk"
once = true
[[machine]]
mac = ["52:54:01"]
entries = ["disk"]
default = "disk"
[dhcp]
mode = "server"
force = true
probe = false
range = ["192.168.77.100-192.168.77.150"]
identify = "mac"
lease = "90m"
router = "192.168.77.254"
dns = ["192.168.77.2"]
domain = "lab.example.org"
search = ["lab.example.org"]
ntp = ["192.168.77.3"]
mtu = 1400
routes = ["10.0.0.0/8 via 192.168.77.253"]
option = [{code = 150, hex = "00:ff"}]
[boot]
bios = ""
uefi-x64 = "efi/bootx64.efi"
fallback = "wds"
[[wds]]
name = "wds"
server = "192.168.77.2"
[[entry]]
name = "wds"
wds = "wds"
[[entry]]
name = "disk"
disk = true
[[subnet]]
network = "10.1.0.0/24"
range = ["10.1.0.9"]
router = "10.1.0.1"
routes = ["10.2.0.0/16 via 10.1.0.2"]
identify = "client"
[[reservation]]
mac = "52:54:00:12:34:56"
address = "192.168.77.20"
hostname = "pc1"
[[reservation]]
client = "00:70:63"
address = "10.1.0.20"
`

// A generation holds every setting that pxed needs. Losing one would change what
// machines are told.
func TestGenerationHoldsEverySetting(t *testing.T) {
	c, err := parser.Parse("f", []byte(all))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{
		c.Network, c.DHCP, c.DHCP.Subnets[0], c.DHCP.Parameters, c.DHCP.Subnets[0].Parameters, c.TFTP,
		c.HTTP, c.Files, c.Metrics,
	} {
		for i, v := 0, reflect.ValueOf(v); i < v.NumField(); i++ {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "Probe" { // true is the default
				t.Errorf("the file leaves %s of %s as it is: nothing is shown of it", name, v.Type())
			}
		}
	}
	got, err := generation.Decode(encode(t, Generation(c, menu.Status{})))
	if err != nil {
		t.Fatal(err)
	}
	machines := make([]spec.Machine, len(got.Machines))
	for i, r := range got.Machines {
		machines[i] = r.Machine
	}
	for of, v := range map[string][2]any{
		"network": {got.Network, c.Network}, "dhcp": {got.DHCP, c.DHCP}, "tftp": {got.TFTP, c.TFTP},
		"http":  {got.HTTP, c.HTTP},
		"files": {got.Names, c.Files}, "metrics": {got.Metrics, c.Metrics}, "machine": {machines, c.Machines},
	} {
		// The types have the same fields, so they print the same.
		if got, want := fmt.Sprintf("%+v", v[0]), fmt.Sprintf("%+v", v[1]); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", of, got, want)
		}
	}
}

// No machine is sent to a server that is down.
func TestFallbackThatIsDown(t *testing.T) {
	c, err := parser.Parse("f", []byte(all))
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[bootmenu.State]string{bootmenu.Up: "wds", bootmenu.Down: ""} {
		down := map[firmware.Kind]bootmenu.Health{}
		for _, k := range firmware.Kinds {
			down[k] = bootmenu.Health{State: state}
		}
		g := Generation(c, menu.Status{WDS: map[string]bootmenu.Server{"wds": {Programs: down}}})
		if g.DHCP.Fallback != want {
			t.Errorf("%v: %q", state, g.DHCP.Fallback)
		}
	}
}

// FuzzGeneration checks that pxed accepts every generation that a site's
// configuration can produce.
func FuzzGeneration(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(all))
	f.Add([]byte("[network]\naddress = \"10.0.0.1/8\"\n[dhcp]\nmode = \"server\"\n" +
		"range = [\"10.1.0.0-10.1.255.255\"]\nlease = \"8760h\""))
	f.Add([]byte("[dhcp]\nsearch = [\"" + strings.Repeat("a.", 126) +
		"b\"]\nmtu = 9216\nlease = \"1m\"\n[tftp]\nmax_block = 65464\nmax_window = 256"))
	f.Add([]byte("[[wds]]\nname = \"w\"\nserver = \"wds.example.org\"\n[[entry]]\nname = \"e\"\nwds = \"w\""))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := parser.Parse("f", file)
		if err != nil {
			return
		}
		b, err := generation.Encode(Generation(c, menu.Status{}))
		if err != nil {
			return // too large
		}
		if _, err := generation.Decode(b); err != nil {
			t.Errorf("%s\n%v", file, err)
		}
	})
}

// A default for one machine gives it a separate menu with all entries.
func TestParse(t *testing.T) {
	file := func(machines int) []byte {
		b := []byte("[menu]\ntitle = \"Lab\"\n")
		for i := range 400 {
			b = fmt.Appendf(b, "[[entry]]\nname = \"e%d\"\nkernel = \"k\"\nappend = %q\n", i, strings.Repeat("x", 90))
		}
		for i := range machines {
			b = fmt.Appendf(b, "[[machine]]\nmac = [\"52:54:00:00:00:%02x\"]\ndefault = \"e%d\"\n", i, i)
		}
		return b
	}
	if c, err := Parse("f.toml", file(2)); err != nil || len(c.Entries) != 400 {
		t.Errorf("a few machines: %v", err)
	}
	const want = `^f\.toml:1603: machine: all menus together exceed the box's limit of 16 MiB: .+; let machines share them, or write fewer entries$`
	c, err := Parse("f.toml", file(150))
	if !errors.As(err, new(config.Errors)) || !regexp.MustCompile(want).MatchString(err.Error()) || c != nil {
		t.Errorf("many: %v, %v", c, err)
	}
	if _, err := Parse("f.toml", []byte("[menu]\ntitel = \"x\"\n")); !errors.As(err, new(config.Errors)) {
		t.Errorf("a mistake: %v", err)
	}
}

func TestParts(t *testing.T) {
	c, err := parser.Parse("f.toml", []byte(`
[[entry]]
name = "one"
kernel = "Shared/Linux"
initrd = ["one/initrd.gz"]
[[entry]]
name = "two"
kernel = "shared/linux"
[[entry]]
name = "memtest"
file = "tools/memtest.bin"
efi = "tools/memtest.efi"
[[entry]]
name = "raw"
pxelinux = """
  LINUX raw/linux
  INITRD raw/one.gz,raw/two.gz
  append initrd=raw/three.gz,http://192.168.77.9/four quiet"""
grub = """
echo linux
linux '/raw/vmlinuz' quiet
initrd /raw/one.gz "/raw/five.gz" $more (hd0,1)/six
chainloader (http,192.168.77.9)/x.efi"""
[[entry]]
name = "empty"
pxelinux = "COM32"
grub = "fwsetup"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]generation.Part{
		"shared/linux":      {Role: trace.Kernel}, // of two entries
		"one/initrd.gz":     {Role: trace.Initrd, Entry: "one"},
		"tools/memtest.bin": {Role: trace.Kernel, Entry: "memtest"},
		"tools/memtest.efi": {Role: trace.Kernel, Entry: "memtest"},
		"raw/linux":         {Role: trace.Kernel, Entry: "raw"},
		"raw/vmlinuz":       {Role: trace.Kernel, Entry: "raw"},
		"raw/one.gz":        {Role: trace.Initrd, Entry: "raw"},
		"raw/two.gz":        {Role: trace.Initrd, Entry: "raw"},
		"raw/three.gz":      {Role: trace.Initrd, Entry: "raw"},
		"raw/five.gz":       {Role: trace.Initrd, Entry: "raw"},
	}
	if got := Generation(c, menu.Status{}).Parts; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
