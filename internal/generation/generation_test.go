package generation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// build returns a generation with the given title in its menu.
func build(_ *testing.T, title string) Generation {
	return Generation{
		Format: Format,
		Network: spec.Network{
			Address: netip.MustParsePrefix("192.168.77.1/24"), Gateway: netip.MustParseAddr("192.168.77.254"),
		},
		DHCP: spec.DHCP{
			Mode: spec.ModeServer, Probe: true,
			Ranges: []spec.Range{
				{First: netip.MustParseAddr("192.168.77.100"), Last: netip.MustParseAddr("192.168.77.150")},
				{First: netip.MustParseAddr("192.168.77.9"), Last: netip.MustParseAddr("192.168.77.9")},
			},
			Parameters: spec.Parameters{
				Lease: spec.Duration(90 * time.Minute), DNS: []netip.Addr{netip.MustParseAddr("192.168.77.2")},
			},
		},
		Files: map[string][]byte{pxelinux.ConfigFile: []byte("MENU TITLE " + title + "\n")},
	}
}

func encode(t *testing.T, g Generation) []byte {
	t.Helper()
	b, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	for name, want := range map[string]Generation{"default": Default(), "server": build(t, "Lab"), "full": full(t)} {
		t.Run(name, func(t *testing.T) {
			b := encode(t, want)
			got, err := Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.ID) != 12 {
				t.Errorf("ID %q, want 12 digits", got.ID)
			}
			got.ID = ""
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			if again := encode(t, got); !bytes.Equal(again, b) {
				t.Errorf("encoded again it is another file")
			}
		})
	}
}

// full returns a generation with a value in every field.
func full(t *testing.T) Generation {
	g := build(t, "Lab")
	timeout := spec.Duration(5 * time.Second)
	g.HTTP = spec.HTTP{Port: spec.PortOff}
	g.TFTP = spec.TFTP{Port: 6969, MaxBlock: 1428, MaxWindow: 16}
	g.Names = spec.Files{AnyCase: true, OwnMenus: true}
	g.Metrics = spec.Metrics{Allow: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")}}
	g.Views = map[string]map[string][]byte{"1": {pxelinux.ConfigFile: []byte("DEFAULT x\n")}}
	g.Machines = []clients.Rule{{
		Machine: spec.Machine{
			MAC: []string{"52:54:00"}, GUID: []string{"70786562-6f78-4c61-8000-000000000010"},
			Firmware: []firmware.Kind{"uefi-x64"},
			Boot:     "wds", Once: true, Entries: []string{"wds"}, Default: "wds", Timeout: &timeout,
		},
		View: "1", Waits: true, Handoff: "wds",
	}}
	g.Handoffs = map[string]handoff.Target{
		"wds": {
			Server:       netip.MustParseAddr("192.168.77.2"),
			Programs:     map[firmware.Kind]string{"bios": `boot\x64\wdsnbp.com`},
			Alternatives: map[firmware.Kind][]string{"uefi-x64": {`boot_EX\x64\wdsmgfw_EX.efi`}},
		},
		"shim": {Self: true, Programs: map[firmware.Kind]string{"uefi-x64": "ubuntu/shimx64.efi"}},
		"win11": {
			Self: true, Programs: map[firmware.Kind]string{"uefi-x64": "win11/bootmgfw.efi"},
			WinPE: &handoff.WinPE{Folder: "win11", Cache: "0123456789abcdef"},
		},
	}
	g.Chain = handoff.Chain{Entry: "wds", Server: netip.MustParseAddr("192.168.77.2")}
	g.Parts = map[string]Part{"debian/linux": {Role: trace.Kernel, Entry: "debian"}}
	return g
}

func TestFullGenerationLeavesNothingOut(t *testing.T) {
	g := full(t)
	if win := g.Handoffs["win11"]; !win.Self || win.WinPE == nil {
		t.Error("no hand-over is to the box itself, or to Windows PE")
	}
	for _, v := range []any{
		g, g.TFTP, g.HTTP, g.Names, g.Metrics, g.Chain, g.Machines[0], g.Machines[0].Machine,
		g.Handoffs["wds"], g.Parts["debian/linux"],
	} {
		for i, v := 0, reflect.ValueOf(v); i < v.NumField(); i++ {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "ID" && name != "TooLarge" &&
				name != "Self" && name != "WinPE" {
				t.Errorf("%s of %s is empty: nothing is shown of it", name, v.Type())
			}
		}
	}
}

func TestDefaultServesAMenu(t *testing.T) {
	g := Default()
	if g.DHCP.Mode != spec.ModeAuto || g.Network.Address != (netip.Prefix{}) || len(g.Files[pxelinux.ConfigFile]) == 0 {
		t.Errorf("the default is %+v", g)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(encode(t, Default()))
	with := func(key string) string { return strings.Replace(good, `"lease"`, key+`, "lease"`, 1) } // of dhcp
	alternatives := func(names ...string) string {
		const target = `"handoffs": {"w": {"server": "", "programs": {}, "alternatives": {"uefi-x64": ["%s"]}}}, "dhcp"`
		return strings.Replace(good, `"dhcp"`, fmt.Sprintf(target, strings.Join(names, `", "`)), 1)
	}
	winpe := func(folder, cache string) string {
		const target = `"handoffs": {"w": {"server": "", "programs": {}, "winpe": {"folder": %q, "cache": %q}}}, "dhcp"`
		return strings.Replace(good, `"dhcp"`, fmt.Sprintf(target, folder, cache), 1)
	}
	for _, tt := range []struct{ name, file, want string }{
		{name: "Windows PE at the top", file: winpe(".", ""), want: `handoff w: winpe: "." is not a folder`},
		{name: "Windows PE elsewhere", file: winpe("../x", ""), want: `handoff w: winpe: "../x" is not a folder`},
		{name: "all of the cache", file: winpe("x", "."), want: `handoff w: winpe: "." is not a folder of the cache`},
		{name: "another cache", file: winpe("x", "../y"), want: `handoff w: winpe: "../y" is not a folder of the cache`},
		{name: "nothing", want: "unexpected end"},
		{name: "half a file", file: good[:len(good)/2], want: "unexpected end"},
		{name: "a former format", file: strings.Replace(good, `"format": 4`, `"format": 1`, 1),
			want: "format 1, this program reads 4"},
		{name: "another format with another shape", file: `{"format": 9, "menus": []}`, want: "format 9"},
		{name: "no format", file: "{}", want: "format 0"},
		{name: "a key of the future", file: strings.Replace(good, `"dhcp"`, `"dhcpv6"`, 1),
			want: `unknown field "dhcpv6"`},
		{name: "a second generation behind it", file: good + good, want: "after top-level value"},
		{name: "a range that is none", file: strings.Replace(good, `"lease"`, `"range": ["9-1"], "lease"`, 1),
			want: "not an IPv4 address"},
		{name: "a subnet without a network", file: with(`"subnet": [{}]`),
			want: "subnet 1: network: invalid Prefix is invalid"},
		{name: "a subnet of another kind", file: with(`"subnet": [{"network": "fd00::/64", "lease": "1h"}]`),
			want: "subnet 1: network: fd00::/64 is invalid"},
		{name: "a subnet of all addresses", file: with(`"subnet": [{"network": "0.0.0.0/0", "lease": "1h"}]`),
			want: "network: 0.0.0.0/0 is invalid"},
		{name: "a subnet without a lease time", file: with(`"subnet": [{"network": "10.0.0.0/8"}]`),
			want: "subnet 1: lease: 0s is not"},
		{name: "a range that is nothing", file: with(`"range": [null]`),
			want: "range: invalid IP to invalid IP is invalid"},
		{name: "a range of all addresses", file: with(`"range": ["0.0.0.0-255.255.255.255"]`),
			want: "4294967296 addresses are too many"},
		{name: "a router of another kind", file: strings.Replace(good, `"router": ""`, `"router": "fe80::1%x"`, 1),
			want: "router: fe80::1%x is not an IPv4"},
		{name: "a name server that is nothing", file: with(`"dns": [null]`), want: "dns: invalid IP is not an IPv4"},
		{name: "a route of another kind", file: with(`"routes": [{"to": "fd00::/8", "via": "fd00::1"}]`),
			want: "routes: fd00::/8 via fd00::1 is invalid"},
		{name: "a third way to know machines", file: with(`"identify": "guid"`), want: `identify: "guid" is unknown`},
		{name: "an option that the box writes itself", file: with(`"option": [{"code": 53, "value": "AA=="}]`),
			want: "option 53"},
		{name: "an option without a value", file: with(`"option": [{"code": 150, "value": null}]`), want: "option 150"},
		{name: "a reservation that is nothing", file: with(`"reservation": [{}]`),
			want: "reservation 1: address: invalid IP"},
		{name: "a reservation for no machine", file: with(`"reservation": [{"address": "10.0.0.1"}]`),
			want: "reservation 1: mac, client:"},
		{name: "a reservation for a MAC that is none",
			file: with(`"reservation": [{"address": "10.0.0.1", "mac": "xx"}]`),
			want: `"xx" is not a hardware address`},
		{name: "a boot file that no packet has room for",
			file: with(`"boot": {"bios": "` + strings.Repeat("x", 128) + `"}`),
			want: "boot: bios: the name has 128 bytes"},
		{name: "a mode that is none", file: strings.Replace(good, `"mode": "auto"`, `"mode": "on"`, 1),
			want: `mode: "on" is unknown`},
		{name: "an address of another kind", file: strings.Replace(good, `"address": ""`, `"address": "fd00::1/64"`, 1),
			want: "network: address: fd00::1/64"},
		{name: "a port that does not exist",
			file: strings.Replace(good, `"tftp": {`, `"http": {"port": 65536}, "tftp": {`, 1),
			want: "http: port"},
		{name: "a block of one byte", file: strings.Replace(good, `"tftp": {`, `"tftp": {"max_block": 1`, 1),
			want: "tftp: max_block"},
		{name: "metrics for a host of another kind",
			file: strings.Replace(good, `"metrics": {`, `"metrics": {"allow": ["fd00::/8"]`, 1),
			want: "metrics: allow: fd00::/8 is not"},
		{name: "a file that is no part of an entry",
			file: strings.Replace(good, `"tftp"`, `"parts": {"x": {"role": "menu"}}, "tftp"`, 1),
			want: `parts: x: "menu" is not`},
		{name: "an alternative that no packet has room for", file: alternatives(strings.Repeat("x", 128)),
			want: "handoff w: the name of a program has 128 bytes"},
		{name: "more alternatives than a machine tries", file: alternatives("1", "2", "3", "4", "5"),
			want: "handoff w: uefi-x64 has 5 alternatives; the limit is 4"},
		{name: "too large", file: strings.Repeat(" ", MaxSize) + good, want: "limit is 16777216"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Decode([]byte(tt.file)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestPublish(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "pxebox")
	if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("read before the first: %v", err)
	}
	file := filepath.Join(dir, FileName)
	publish := func(title string, want bool) os.FileInfo {
		t.Helper()
		id, changed, err := Publish(dir, build(t, title))
		if err != nil || changed != want {
			t.Fatalf("changed is %v, error %v", changed, err)
		}
		if g, err := Read(dir); err != nil || g.ID != id {
			t.Fatalf("published as %s, read as %s; error %v", id, g.ID, err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := publish("one", true)
	if first.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, want 0644", first.Mode())
	}
	if same := publish("one", false); !os.SameFile(first, same) {
		t.Error("the same generation was written again")
	}
	second := publish("two", true)
	if os.SameFile(first, second) {
		t.Error("the file was overwritten in place")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPublishRefusesWhatNobodyWouldRead(t *testing.T) {
	dir := t.TempDir()
	g := build(t, "large")
	g.Views = map[string]map[string][]byte{"all": {pxelinux.ConfigFile: make([]byte, MaxSize)}}
	if _, _, err := Publish(dir, g); !errors.As(err, new(TooLargeError)) {
		t.Errorf("error %v", err)
	}
	if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}

// follower drives follow step by step.
type follower struct {
	t     *testing.T
	dir   string
	hints chan struct{}
	used  chan Generation
	log   lines
}

// lines is a log that a test can wait on.
type lines chan string

func (l lines) Write(b []byte) (int, error) { l <- string(b); return len(b), nil }

func follows(t *testing.T) *follower {
	l := make(lines, 100)
	f := &follower{t, t.TempDir(), make(chan struct{}), make(chan Generation, 100), l}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		follow(ctx, f.hints, f.dir, slog.New(slog.NewTextHandler(l, nil)), func(g Generation) { f.used <- g })
	}()
	t.Cleanup(func() { stop(); <-done })
	return f
}

// look makes follow read the file, and returns when it has.
func (f *follower) look() {
	f.hints <- struct{}{}
	f.hints <- struct{}{} // accepted only after the first was processed
}

// write replaces the file in one step, so that no read sees half of it.
func (f *follower) write(b []byte) {
	f.t.Helper()
	name := filepath.Join(f.dir, FileName)
	if err := os.WriteFile(name+".new", b, 0o644); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		f.t.Fatal(err)
	}
}

func TestFollow(t *testing.T) {
	f := follows(t)
	expect := func(step string, generations, logged int) {
		t.Helper()
		f.look()
		if len(f.used) != generations || len(f.log) != logged {
			t.Fatalf("%s: %d generations and %d log lines, want %d and %d",
				step, len(f.used), len(f.log), generations, logged)
		}
		for range generations {
			<-f.used
		}
		for range logged {
			<-f.log
		}
	}
	expect("no file yet", 0, 1)
	expect("still none", 0, 0)
	f.write(encode(t, build(t, "one")))
	expect("the first", 1, 0)
	expect("the same file", 0, 0)
	f.write([]byte("{"))
	expect("a bad file", 0, 1)
	expect("still bad", 0, 0)
	if err := os.Remove(filepath.Join(f.dir, FileName)); err != nil {
		t.Fatal(err)
	}
	expect("no file any more", 0, 1)
	f.write(encode(t, build(t, "one")))
	expect("the same one is back", 0, 0)
	f.write(encode(t, build(t, "two")))
	expect("another one", 1, 0)
}

func TestWatchBeforeTheDirectoryIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	used := make(chan Generation)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Watch(ctx, dir, slog.New(slog.DiscardHandler), func(g Generation) { used <- g })
	}()
	defer func() { stop(); <-done }()
	if _, _, err := Publish(dir, build(t, "one")); err != nil {
		t.Fatal(err)
	}
	select {
	case g := <-used:
		if g.ID == "" {
			t.Error("a generation without an ID")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the generation was not seen")
	}
}
