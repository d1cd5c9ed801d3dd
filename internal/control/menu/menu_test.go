package menu

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/test/golden"
)

func parse(t testing.TB, file string) *config.Config {
	t.Helper()
	c, err := parser.Parse("f.toml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const wdsByName = `
[[wds]]
name = "wds"
server = "wds.example.org"
[[entry]]
name = "wds"
label = "Windows Deployment Services"
wds = "wds"
`

const twoServers = `
[[wds]]
name = "wds"
server = "192.168.77.2"
on_down = "ON_DOWN"
[[wds]]
name = "wds2"
server = "192.168.77.3"
[[entry]]
name = "wds"
label = "Windows Deployment Services"
wds = "wds"
[[entry]]
name = "disk"
disk = true
`

func twoServersThat(onDown string) string { return replaceOnDown(twoServers, onDown) }

func replaceOnDown(file, onDown string) string { return strings.ReplaceAll(file, "ON_DOWN", onDown) }

var (
	found = Status{WDS: map[string]bootmenu.Server{"wds": {Addr: netip.MustParseAddr("192.168.77.2")}}}
	since = time.Date(2026, 3, 1, 14, 3, 0, 0, time.UTC)
)

// health returns the status of wds, with the same answer for each firmware, and
// of wds2, which is up.
func health(h bootmenu.Health) Status {
	each := func(h bootmenu.Health) bootmenu.Server {
		return bootmenu.Server{Programs: map[firmware.Kind]bootmenu.Health{bios: h, uefi: h}}
	}
	return Status{WDS: map[string]bootmenu.Server{"wds": each(h), "wds2": each(bootmenu.Health{State: bootmenu.Up})}}
}

func everything(t testing.TB) string {
	password, err := HashPassword("secret", salts())
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/everything.toml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(b), "PASSWORD", password, 1)
}

// situations are rendered into testdata/SITUATION.txt.
func situations(t testing.TB) []situation {
	return []situation{
		{name: "no configuration"},
		{name: "everything", file: everything(t), status: Status{Missing: map[string][]string{"gone": {"gone/linux"}}}},
		{name: "the page, with entries that refuse",
			file: wdsByName + "[[entry]]\nname = \"gone\"\nkernel = \"gone/linux\"\n",
			status: Status{WDS: found.WDS, Missing: map[string][]string{"gone": {"gone/linux"}},
				Page: "https://192.168.77.1"}},
		{name: "the page, serial port", file: "[menu]\nserial = true\n",
			status: Status{Page: "https://192.168.77.1:8443"}},
		{name: "the page, an address longer than the screen", file: wdsByName,
			status: Status{Page: "https://" + strings.Repeat("long.", 20) + "example"}},
		{name: "WDS in server mode",
			file: "[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nmode = \"server\"\n" +
				"range = [\"192.168.77.100-192.168.77.150\"]\n" + wdsByName, status: found},
		{name: "WDS by name, found", file: wdsByName, status: found},
		{name: "WDS by name, not found, is all there is", file: wdsByName},
		{name: "another WDS not found, label too long for the note", file: `
[[wds]]
name = "wds"
server = "wds.example.org"
[[entry]]
name = "disk"
disk = true
[[entry]]
name = "wds"
label = "Windows Deployment Services in the old building, room 1"
wds = "wds"
`},
		{name: "longest title, western letters", file: "[menu]\ntitle = \"" + strings.Repeat("Prüf ", 11) + "x\"\n"},
		{name: "default WDS not found, an installer below",
			file: wdsByName + "[[entry]]\nname = \"wipe\"\nkernel = \"k\"\n"},
		{name: "WDS down", file: twoServersThat("mark"),
			status: health(bootmenu.Health{State: bootmenu.Down, Since: since})},
		{name: "WDS down, no clock", file: twoServersThat("mark"),
			status: health(bootmenu.Health{State: bootmenu.Down})},
		{name: "WDS down, hidden", file: twoServersThat("hide"),
			status: health(bootmenu.Health{State: bootmenu.Down, Since: since})},
		{name: "WDS down, the next one", file: twoServersThat("next"),
			status: health(bootmenu.Health{State: bootmenu.Down, Since: since})},
		{name: "WDS refuses", file: twoServersThat("mark"),
			status: health(bootmenu.Health{State: bootmenu.Refused,
				Note: "access violation:\nadd it to the ReadFilter"})},
		{name: "serial port, no timeout", file: "[menu]\nserial = true\ntimeout = \"0s\"\n"},
		{name: "default is unsigned", file: "[[entry]]\nname = \"own\"\nkernel = \"own/linux\"\nsigned = false\n"},
		{name: "default runs on a BIOS only",
			file: "[[entry]]\nname = \"iso\"\nfile = \"rescue.iso\"\n[[entry]]\nname = \"wipe\"\nkernel = \"k\"\n"},
		{name: "names that are numbers, titles that are options", file: `
[menu]
default = "2"
[[entry]]
name = "1"
label = "2"
disk = true
[[entry]]
name = "2"
label = "--help"
kernel = "rescue/linux"
[[entry]]
name = "-x"
label = "Wipe"
kernel = "wipe/linux"
`},
		{name: "every kind of boot file", file: `
[[entry]]
name = "c32"
file = "hdt.c32"
append = "-v"
[[entry]]
name = "nbp"
file = "ipxe/undionly.kpxe"
[[entry]]
name = "iso"
file = "rescue/rescue.ISO"
append = "raw"
[[entry]]
name = "floppy"
file = "dos.img"
append = "floppy"
[[entry]]
name = "memtest"
file = "memtest.bin"
efi = "memtest.efi"
`},
	}
}

type situation struct {
	name, file string
	status     Status
}

// asText writes all rendered files as one text.
func asText(r Rendered) []byte {
	var b bytes.Buffer
	files := func(view string, files map[string][]byte) {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if strings.HasSuffix(name, ".png") {
				continue
			}
			fmt.Fprintf(&b, "==== %s%s\n%s", view, name, files[name])
		}
	}
	files("", r.Files)
	for _, view := range slices.Sorted(maps.Keys(r.Views)) {
		files(view+": ", r.Views[view])
	}
	for _, m := range r.Machines {
		fmt.Fprintf(&b, "==== machine %v boot=%s: view %q, handoff %q\n", m.MAC, m.Boot, m.View, m.Handoff)
	}
	for _, entry := range slices.Sorted(maps.Keys(r.Handoffs)) {
		target := r.Handoffs[entry]
		fmt.Fprintf(&b, "==== handoff of %s: %v\n", entry, target.Server)
		for _, firmware := range slices.Sorted(maps.Keys(target.Programs)) {
			fmt.Fprintf(&b, "%s %s\n", firmware, target.Programs[firmware])
		}
		for _, firmware := range slices.Sorted(maps.Keys(target.Alternatives)) {
			fmt.Fprintf(&b, "%s if that is refused: %s\n", firmware, target.Alternatives[firmware])
		}
	}
	return b.Bytes()
}

func TestRender(t *testing.T) {
	for _, tt := range situations(t) {
		t.Run(tt.name, func(t *testing.T) {
			c := parse(t, tt.file)
			rendered := Render(c, tt.status)
			file := filepath.Join("testdata", strings.NewReplacer(" ", "-", ",", "").Replace(tt.name)+".txt")
			golden.Compare(t, file, asText(rendered))
			checkGRUB(t, rendered)
		})
	}
}

// checkGRUB runs GRUB's parser on everything that was rendered for GRUB.
func checkGRUB(t *testing.T, r Rendered) {
	t.Helper()
	scripts := [][]byte{r.Files[grub.ConfigFile]}
	for _, view := range r.Views {
		if b, ok := view[grub.ConfigFile]; ok {
			scripts = append(scripts, b)
		}
	}
	for _, script := range scripts {
		cmd := exec.Command("grub-script-check")
		cmd.Stdin = bytes.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			if _, missing := exec.LookPath("grub-script-check"); missing != nil {
				t.Fatal("grub-script-check (package grub-common) is needed: run make deps")
			}
			t.Fatalf("%v: %s\n%s", err, out, script)
		}
	}
}

// line is a line of a menu as a machine shows it.
type line struct {
	depth     int
	name      string
	title     string
	cannot    bool // be chosen
	locked    bool
	isDefault bool
}

// readPXELINUX reads a menu back with a reader that follows PXELINUX and shares
// no code with Render.
func readPXELINUX(t *testing.T, file []byte) (out []line, timeout bool) {
	t.Helper()
	for l := range bytes.Lines(file) {
		if len(l) > 4094 { // fgets with a buffer of 4096 would split it into two lines
			t.Errorf("a line of %d bytes", len(l))
		}
	}
	c, err := pxelinux.Parse("default", func(string) ([]byte, error) { return file, nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range c.Faults {
		t.Errorf("%s: %s", fault.Line.Place(), fault.Why)
	}
	var walk func(m *pxelinux.Menu, depth int)
	walk = func(m *pxelinux.Menu, depth int) {
		for _, e := range m.Entries {
			title, err := charmap.CodePage437.NewDecoder().String(e.Caption())
			if err != nil {
				t.Errorf("title %q: %v", e.Label, err)
			}
			if n := len([]rune(title)); n > 70 {
				t.Errorf("title %q has %d letters; the screen shows 70", title, n)
			}
			out = append(out, line{depth: depth, name: e.Name, title: title, cannot: e.Disabled,
				locked: e.Password != nil, isDefault: m.Default == e})
			if e.Submenu != nil {
				walk(e.Submenu, depth+1)
			}
		}
	}
	walk(c.Top, 0)
	if n := len(c.Top.Title); n > 70 { // one byte per letter
		t.Errorf("the menu's title %q has %d letters; the screen shows 70", c.Top.Title, n)
	}
	timeout = slices.ContainsFunc(c.Top.Lines, func(l pxelinux.Line) bool { return l.Keyword == "TIMEOUT" })
	for _, must := range []string{"PROMPT 0", "NOESCAPE 1", "ALLOWOPTIONS 0"} {
		if !slices.ContainsFunc(c.Lines, func(l pxelinux.Line) bool { return l.String() == must }) {
			t.Errorf("there is no %s", must)
		}
	}
	return out, timeout
}

// grubWords splits a GRUB script as GRUB's manual says under "Quoting": a word
// for each command, argument and brace. A word with a quoted part begins with a
// NUL, because it is not a keyword.
func grubWords(t *testing.T, script string) []string {
	t.Helper()
	var words []string
	var word strings.Builder
	some, quoted := false, false
	end := func() {
		if quoted {
			words = append(words, "\x00"+word.String())
		} else if some {
			words = append(words, word.String())
		}
		word.Reset()
		some, quoted = false, false
	}
	for i := 0; i < len(script); i++ {
		switch b := script[i]; {
		case b == '#' && !some && !quoted:
			for i < len(script) && script[i] != '\n' {
				i++
			}
		case b == ' ' || b == '\n' || b == '\t' || b == ';':
			end()
			if b == '\n' || b == ';' {
				words = append(words, "\n")
			}
		case b == '\'':
			n := strings.IndexByte(script[i+1:], '\'')
			if n < 0 {
				t.Fatalf("a quote is open at the end:\n%s", script)
			}
			word.WriteString(script[i+1 : i+1+n])
			i += n + 1
			quoted = true
		case b == '\\' && i+1 < len(script):
			i++
			word.WriteByte(script[i])
			quoted = true
		case b == '"':
			for i++; i < len(script) && script[i] != '"'; i++ {
				if script[i] == '\\' {
					i++
				}
				word.WriteByte(script[i])
			}
			quoted = true
		default:
			word.WriteByte(b)
			some = true
		}
	}
	end()
	return words
}

// readGRUB reads a menu as GRUB shows it without Secure Boot.
func readGRUB(t *testing.T, file []byte) (out []line, timeout bool) {
	t.Helper()
	words := grubWords(t, string(file))
	text := func(i int) string { return strings.TrimPrefix(words[i], "\x00") }
	var open []bool // braces; true for those of a submenu
	depth, preset := 0, "0"
	for i := 0; i < len(words); i++ {
		first := i == 0 || words[i-1] == "\n"
		switch w := words[i]; {
		case first && (w == "menuentry" || w == "submenu"):
			var args []string
			for i++; words[i] != "{"; i++ {
				args = append(args, text(i))
			}
			l := grubEntry(t, args)
			l.depth = depth
			// An entry that cannot be chosen says why, and where the page is, and
			// does nothing else.
			l.cannot = words[i+2] == "echo" && (words[i+5] == "go_back" || words[i+5] == "echo")
			out = append(out, l)
			open = append(open, w == "submenu")
			if w == "submenu" {
				depth++
			}
		case w == "{":
			open = append(open, false)
		case w == "}":
			if len(open) == 0 {
				t.Fatalf("a brace too many:\n%s", file)
			}
			if open[len(open)-1] {
				depth--
			}
			open = open[:len(open)-1]
		case w == "set" && first:
			if v, ok := strings.CutPrefix(text(i+1), "default="); ok {
				preset = v
			}
			timeout = timeout || strings.HasPrefix(text(i+1), "timeout=")
		}
	}
	if len(open) > 0 {
		t.Fatalf("%d braces are open at the end:\n%s", len(open), file)
	}
	if i := grubDefault(out, preset); i >= 0 {
		out[i].isDefault = true
	}
	for i := range out {
		out[i].name = strings.TrimPrefix(out[i].name, "^") // which all entries have
	}
	return out, timeout
}

// grubEntry reads the arguments of menuentry or submenu as GRUB reads options
// (lib/arg.c, grub_arg_parse): options may follow the title, -- ends them, and an
// unknown option or a request for help leaves no entry.
func grubEntry(t *testing.T, args []string) line {
	t.Helper()
	l := line{locked: true}
	var rest []string
	for i := 0; i < len(args); i++ {
		option, value, given := strings.Cut(args[i], "=")
		switch {
		case args[i] == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case len(args[i]) < 2 || args[i][0] != '-':
			rest = append(rest, args[i])
		case option == "--unrestricted":
			l.locked = false
		case option == "--id" || option == "--hotkey":
			if !given {
				if i++; i == len(args) || len(args[i]) > 1 && args[i][0] == '-' {
					t.Errorf("%q has no value for %s", args, option)
					return l
				}
				value = args[i]
			}
			if option == "--id" {
				l.name = value
			}
		default:
			t.Errorf("%q has the option %s, which makes no entry", args, option)
		}
	}
	if len(rest) != 1 {
		t.Errorf("%q has %d titles", args, len(rest))
		return l
	}
	l.title = rest[0]
	return l
}

// reNumber matches what GRUB reads as a number at the start of a text.
var reNumber = regexp.MustCompile(`^ *(0x[0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)`)

// grubDefault returns the index of the line that GRUB starts for a default, or
// -1. For each menu on the path that is a number, whatever follows it, or the
// first entry with that title or id (normal/menu.c, get_entry_number).
func grubDefault(lines []line, path string) int {
	at, depth := 0, 0
	found := -1
	for part := range strings.SplitSeq(path, ">") {
		n, err := strconv.ParseInt(strings.TrimLeft(reNumber.FindString(part), " "), 0, 64)
		isNumber := err == nil
		found = -1
		for i, seen := at, int64(0); i < len(lines) && lines[i].depth >= depth && found < 0; i++ {
			if lines[i].depth > depth {
				continue
			}
			if isNumber && seen == n || !isNumber && (lines[i].title == part || lines[i].name == part) {
				found = i
			}
			seen++
		}
		if found < 0 {
			return -1
		}
		at, depth = found+1, depth+1
	}
	return found
}

// wanted returns the general menu that a configuration asks for when all servers
// are up and all files are there. It is derived from the configuration alone.
func wanted(c *config.Config, firmware firmware.Kind) []line {
	var out []line
	var walk func(in string, depth int)
	walk = func(in string, depth int) {
		for _, e := range c.Entries {
			if e.In != in || e.Unlisted {
				continue
			}
			efi := strings.HasSuffix(strings.ToLower(e.File), ".efi")
			runs := true
			switch e.Kind() {
			case config.KindProgram:
				runs = firmware == bios && e.File != "" && !efi || firmware == uefi && (e.EFI != "" || efi)
			case config.KindRaw:
				runs = firmware == bios && e.PXELINUX != "" || firmware == uefi && e.GRUB != ""
			case config.KindWDS:
				i := slices.IndexFunc(c.WDS, func(w config.WDS) bool { return w.Name == e.WDS })
				runs = c.WDS[i].Programs[firmware] != "" &&
					(c.DHCP.Mode != spec.ModeOff || firmware == bios && c.WDS[i].BIOSRoute == config.RouteChain)
			}
			if !runs {
				continue
			}
			out = append(out, line{depth: depth, name: e.Name, title: e.Label, locked: e.Locked})
			switch before := len(out); {
			case e.Submenu:
				walk(e.Name, depth+1)
				if len(out) == before {
					out = out[:before-1] // empty
					continue
				}
				out = append(out, line{depth: depth + 1, name: "BACK-" + e.Name, title: "Back"})
			case e.Erases:
				out = append(out, line{depth: depth + 1, name: "NO-" + e.Name, title: "No, go back"},
					line{depth: depth + 1, name: e.Name, title: answerYes})
			}
		}
	}
	walk("", 0)
	return out
}

// compare reports where a rendered menu differs from what the configuration asks
// for.
func compare(t *testing.T, c *config.Config, r Rendered) {
	t.Helper()
	gotBIOS, biosTimeout := readPXELINUX(t, r.Files[pxelinux.ConfigFile])
	gotUEFI, uefiTimeout := readGRUB(t, r.Files[grub.ConfigFile])
	for _, firmware := range []struct {
		name firmware.Kind
		got  []line
	}{{bios, gotBIOS}, {uefi, gotUEFI}} {
		want := wanted(c, firmware.name)
		got := slices.Clone(firmware.got)
		for i := range got {
			got[i].isDefault = false
		}
		got = slices.DeleteFunc(got, func(l line) bool { return l.name == "HELP" || l.name == "AGAIN" })
		if !slices.Equal(got, want) {
			t.Errorf("%s shows\n%+v\nwant\n%+v", firmware.name, got, want)
		}
	}
	// The entry that starts without a key press is the configured one, on either
	// firmware.
	name := c.Menu.Default
	if name == "" && len(c.Entries) > 0 {
		name = c.Entries[0].Name
	}
	starts := func(l line) bool { return l.name == name && l.isDefault && !l.locked }
	if biosTimeout && !slices.ContainsFunc(gotBIOS, starts) {
		t.Errorf("PXELINUX's menu starts something by itself, which is not %s: %+v", name, gotBIOS)
	}
	if uefiTimeout && !slices.ContainsFunc(gotUEFI, starts) {
		t.Errorf("GRUB's menu starts something by itself, which is not %s: %+v", name, gotUEFI)
	}
}

func TestMenusAreWhatTheConfigurationAsksFor(t *testing.T) {
	for _, tt := range situations(t) {
		c := parse(t, tt.file)
		if slices.ContainsFunc(c.WDS, func(w config.WDS) bool { _, ok := w.Addr(); return !ok }) {
			continue
		}
		t.Run(tt.name, func(t *testing.T) { compare(t, c, Render(c, Status{})) })
	}
}

// A label or an argument stays one word, whatever it contains.
func TestHostileTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"'", `"`, `\`, "$x", "${x", "}", "{", "`", ";", "&&", "|", "#", "%s",
		"(", ")", "*", ">", "--id", "--unrestricted", "--", "-", "-h", "--help",
		"menuentry", "LABEL", "MENU END", "ENDTEXT", " ", " ", "a", "ü", "é", "█"}
	text := func() string {
		s := ""
		for range 1 + random.IntN(8) {
			s += pieces[random.IntN(len(pieces))]
		}
		if s = strings.TrimSpace(s); s == "" {
			return "x"
		}
		return s
	}
	ascii := func() string {
		return strings.Map(func(r rune) rune {
			if r > '~' {
				return 'x'
			}
			return r
		}, text())
	}
	for n := range 150 {
		c := parse(t, "[[wds]]\nname = \"wds\"\nserver = \"192.168.77.2\"\n")
		c.Menu.Title = text()
		c.Menu.Password = config.Password{Crypt: "$6$x$y", PBKDF2: "grub.pbkdf2.sha512.1.00.00"}
		c.Menu.Serial = random.IntN(2) == 0
		c.Entries = nil
		// GRUB may read these as a number or an option.
		names := []string{"0", "1", "0x2", "-x", "--", "10-win"}
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		c.Menu.Default = names[random.IntN(len(names))]
		for i := range 6 {
			e := config.Entry{Name: names[i], Label: text(),
				Help:   text() + "\n" + text() + "\nENDTEXT\n endtext " + text(),
				Locked: random.IntN(3) == 0}
			switch random.IntN(5) {
			case 0:
				e.Kernel, e.Initrd, e.Append = "k/linux", []string{"i", "j"}, ascii()
				e.Erases, e.Unsigned = random.IntN(2) == 0, random.IntN(2) == 0
			case 1:
				e.File, e.EFI, e.Append = "x.bin", "x.efi", ascii()
			case 2:
				e.Disk = true
			case 3:
				e.WDS = "wds"
			case 4:
				e.Submenu = true
				c.Entries = append(c.Entries,
					config.Entry{Name: fmt.Sprint("in", i), In: e.Name, Label: text(), Disk: true})
			}
			if random.IntN(4) == 0 {
				e.Label = names[random.IntN(len(names))]
			}
			c.Entries = append(c.Entries, e)
		}
		r := Render(c, Status{})
		compare(t, c, r)
		checkGRUB(t, r)
		if t.Failed() {
			t.Fatalf("at number %d:\n%s", n, asText(r))
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range situations(f) {
		f.Add([]byte(s.file))
	}
	f.Add([]byte("[[entry]]\nname = \"a\"\nkernel = \"k\"\nlabel = \"x\\u0085LABEL y\"\nappend = \"x\\nLABEL y\""))
	f.Add([]byte("[menu]\ntitle = \"\u00a0 MENU\"\n[[entry]]\nname = \"a\"\nfile = \".com32\""))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := parser.Parse("f.toml", file)
		if err != nil {
			return
		}
		st := Status{WDS: map[string]bootmenu.Server{}}
		for _, w := range c.WDS {
			st.WDS[w.Name] = bootmenu.Server{Addr: netip.MustParseAddr("192.168.77.2")}
		}
		if slices.ContainsFunc(c.Entries, func(e config.Entry) bool { return e.Kind() == config.KindRaw }) {
			checkGRUB(t, Render(c, st))
			for i, e := range c.Entries { // lines may show any text
				if e.GRUB != "" {
					c.Entries[i].GRUB = "true"
				}
				if e.PXELINUX != "" {
					c.Entries[i].PXELINUX = "LOCALBOOT 0"
				}
			}
		}
		compare(t, c, Render(c, st))
	})
}

func TestRenderIsDeterministic(t *testing.T) {
	c := parse(t, everything(t))
	first := asText(Render(c, found))
	for range 20 {
		if !bytes.Equal(asText(Render(c, found)), first) {
			t.Fatal("two renderings of the same settings differ")
		}
	}
}

// The server replaces the marks in place.
func TestMarksAreAsLongAsWhatTheyStandFor(t *testing.T) {
	if len(bootmenu.MACMark) != len("52:54:00:12:34:56") {
		t.Errorf("MACMark has %d letters", len(bootmenu.MACMark))
	}
	if len(bootmenu.TokenMark) != handoff.TokenLen {
		t.Errorf("TokenMark has %d letters", len(bootmenu.TokenMark))
	}
	r := Render(parse(t, everything(t)), Status{})
	for _, name := range []string{pxelinux.ConfigFile, "grub/theme.txt"} {
		if !bytes.Contains(r.Files[name], []byte(bootmenu.MACMark)) {
			t.Errorf("%s has no mark", name)
		}
	}
}

// The menu leaves room for its entries above the longest possible help text.
func TestManyLongNamesAreMissing(t *testing.T) {
	var names []string
	for i := range 7 {
		names = append(names, fmt.Sprint(i, strings.Repeat("x", 250)))
	}
	for _, serial := range []bool{false, true} {
		c := parse(t, fmt.Sprintf("[menu]\nserial = %v\n[[entry]]\nname = \"a\"\nkernel = \"k\"\ninitrd = [\"%s\"]\n",
			serial, strings.Join(names, `", "`)))
		r := Render(c, Status{Missing: map[string][]string{"a": names}})
		m, err := pxelinux.Parse("default", func(string) ([]byte, error) { return r.Files[pxelinux.ConfigFile], nil })
		if err != nil {
			t.Fatal(err)
		}
		number := func(keyword string) int {
			l, _ := m.Last(keyword)
			n, err := strconv.Atoi(l.Args)
			if err != nil {
				t.Fatalf("%s: %v", l, err)
			}
			return n
		}
		help := m.Top.Entries[0].Help
		if !strings.Contains(strings.Join(strings.Fields(strings.Join(help, " ")), " "),
			", and 4 more. Choose this to read the menu again.") {
			t.Errorf("the help is %q", help)
		}
		bottom := 28
		if serial {
			bottom = 24
		}
		for i, l := range help {
			if len(strings.TrimSpace(l)) > 70 || number("MENU HELPMSGROW")+i > bottom {
				t.Errorf("serial is %v: line %d of the help is off the screen: %q", serial, i+1, l)
			}
		}
		if rows := number("MENU ROWS"); rows < 3 {
			t.Errorf("serial is %v: there are %d rows for entries", serial, rows)
		}
	}
}

func BenchmarkRender1000Entries(b *testing.B) {
	var file strings.Builder
	file.WriteString("[[wds]]\nname = \"wds\"\nserver = \"192.168.77.2\"\n")
	for i := range 50 {
		fmt.Fprintf(&file, "[[entry]]\nname = \"menu%d\"\nsubmenu = true\nhelp = \"Help\"\n", i)
	}
	for i := range 950 {
		fmt.Fprintf(&file,
			"[[entry]]\nname = \"e%d\"\nlabel = \"Entry number %d\"\nkernel = \"debian/linux\"\n"+
				"initrd = [\"debian/initrd.gz\"]\nappend = \"quiet a=b ---\"\nin = \"menu%d\"\nhelp = \"Help\"\n",
			i, i, i%50)
	}
	c := parse(b, file.String())
	for b.Loop() {
		Render(c, Status{})
	}
}
