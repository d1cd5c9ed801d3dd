package menu

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/pxebox/pxebox/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func parse(t *testing.T, file string) *config.Config {
	t.Helper()
	c, err := config.Parse("f.toml", []byte(file))
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

var found = Status{WDS: map[string]netip.Addr{"wds": netip.MustParseAddr("192.168.77.2")}}

// situations are rendered into testdata/SITUATION.cfg.
var situations = []struct {
	name, file string
	status     Status
}{
	{"no configuration", "", Status{}},
	{"WDS and a Linux installer", `
[menu]
title = "Lab"
default = "debian"
[[wds]]
name = "wds"
server = "192.168.77.2"
[[entry]]
name = "wds"
label = "Windows Deployment Services"
wds = "wds"
[[entry]]
name = "debian"
label = "Debian installer"
kernel = "debian/linux"
initrd = ["debian/initrd.gz", "debian/firmware.cpio.gz"]
append = "console=ttyS0,115200"
`, Status{}},
	{"WDS by name, found", wdsByName, found},
	{"WDS by name, not found, is all there is", wdsByName, Status{}},
	{"default WDS not found, an installer below", wdsByName + "[[entry]]\nname = \"wipe\"\nkernel = \"k\"\n", Status{}},
	{"another WDS not found, label too long for the note", `
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
`, Status{}},
	{"serial port, no timeout", "[menu]\nserial = true\ntimeout = \"0s\"\n", Status{}},
	{"every kind of boot file", `
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
`, Status{}},
	{"western letters", "[menu]\ntitle = \"Prüfstände\"\n", Status{}},
}

func TestRender(t *testing.T) {
	for _, tt := range situations {
		t.Run(tt.name, func(t *testing.T) {
			c := parse(t, tt.file)
			got := Render(c, tt.status)[PXELINUXConfig]
			golden := filepath.Join("testdata", strings.NewReplacer(" ", "-", ",", "").Replace(tt.name)+".cfg")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nwant (%s):\n%s", got, golden, want)
			}
			compare(t, c, tt.status, got)
		})
	}
}

func TestWDSRecipe(t *testing.T) {
	got := string(Render(parse(t, wdsByName), found)[PXELINUXConfig])
	const want = `LABEL wds
  MENU LABEL Windows Deployment Services
  MENU DEFAULT
  COM32 pxechn.c32
  APPEND 192.168.77.2::boot\x64\wdsnbp.com -W
`
	if !strings.HasSuffix(got, want) {
		t.Errorf("got:\n%s\nwant at its end:\n%s", got, want)
	}
}

// directive is one line as PXELINUX takes it: a keyword, and the rest.
type directive struct{ keyword, rest string }

// readBack splits a menu as PXELINUX's readconfig.c does: lines end at LF, and
// at CR; leading white space goes; keywords are of any case. The directives
// before the first LABEL are at 0, those of the nth LABEL at n.
func readBack(t *testing.T, file []byte) [][]directive {
	t.Helper()
	blocks := [][]directive{nil}
	for raw := range bytes.SplitSeq(file, []byte("\n")) {
		if len(raw) > 4094 { // fgets with a buffer of 4096 would make two lines of it
			t.Errorf("a line of %d bytes", len(raw))
		}
		text, _, _ := bytes.Cut(raw, []byte("\r"))
		text = bytes.TrimLeftFunc(text, func(r rune) bool { return r <= ' ' })
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		keyword, rest, _ := strings.Cut(string(text), " ")
		keyword = strings.ToUpper(keyword)
		if keyword == "MENU" {
			sub, arg, _ := strings.Cut(rest, " ")
			keyword, rest = "MENU "+strings.ToUpper(sub), arg
		}
		if keyword == "LABEL" {
			blocks = append(blocks, nil)
		}
		blocks[len(blocks)-1] = append(blocks[len(blocks)-1], directive{keyword, rest})
	}
	return blocks
}

// compare says where a rendered menu is not what the configuration asks for.
// It is written from PXELINUX's side and shares nothing with Render.
func compare(t *testing.T, c *config.Config, st Status, file []byte) {
	t.Helper()
	shown := func(s string) string {
		out, err := charmap.CodePage437.NewEncoder().String(s)
		if err != nil {
			t.Errorf("%q is not in code page 437", s)
		}
		return out
	}
	blocks := readBack(t, file)
	head := blocks[0]
	for _, must := range []directive{{"UI", "menu.c32"}, {"PROMPT", "0"}, {"NOESCAPE", "1"}, {"ALLOWOPTIONS", "0"}, {"MENU TITLE", shown(c.Menu.Title)}} {
		if !slices.Contains(head, must) {
			t.Errorf("the head has no %v", must)
		}
	}
	if c.Menu.Serial != (head[0] == directive{"SERIAL", "0 115200"}) {
		t.Errorf("serial is %v, and the first directive is %v", c.Menu.Serial, head[0])
	}
	items, alive, preset := blocks[1:], 0, false
	if len(items) < len(c.Entries) {
		t.Fatalf("%d labels for %d entries", len(items), len(c.Entries))
	}
	for i, e := range c.Entries {
		want := []directive{{"LABEL", e.Name}, {"MENU LABEL", shown(e.Label)}}
		dead := false
		first := c.Menu.Default == "" && i == 0
		if e.Kind() == config.KindWDS {
			server := c.WDS[slices.IndexFunc(c.WDS, func(w config.WDS) bool { return w.Name == e.WDS })]
			a, ok := st.WDS[e.WDS]
			if ip, err := netip.ParseAddr(server.Server); err == nil && !ok {
				a, ok = ip, true
			}
			dead = !ok
			if ok {
				want = append(want, directive{"COM32", "pxechn.c32"}, directive{"APPEND", fmt.Sprintf(`%v::boot\x64\wdsnbp.com -W`, a)})
			}
		}
		got := slices.Clone(items[i])
		if dead {
			if !slices.Contains(got, directive{"MENU DISABLE", ""}) || !strings.HasSuffix(got[1].rest, " (name not found)") || len(got) != 3 {
				t.Errorf("entry %s of a server that was not found is %v", e.Name, got)
			}
			continue
		}
		alive++
		if e.Name == c.Menu.Default || first {
			preset = true
			want = slices.Insert(want, 2, directive{"MENU DEFAULT", ""})
		}
		if e.Kind() == config.KindLinux {
			want = append(want, directive{"LINUX", e.Kernel})
			if len(e.Initrd) > 0 {
				want = append(want, directive{"INITRD", strings.Join(e.Initrd, ",")})
			}
		}
		if e.Kind() == config.KindDisk {
			want = append(want, directive{"LOCALBOOT", "0"})
		}
		if e.Kind() == config.KindProgram { // by the golden files; here only that nothing else is there
			files := 0
			for _, d := range got {
				if strings.HasSuffix(d.rest, e.File) && slices.Contains([]string{"COM32", "PXE", "INITRD", "KERNEL"}, d.keyword) {
					files++
				}
			}
			if files != 1 || len(got) > 6 {
				t.Errorf("entry %s is %v", e.Name, got)
			}
			continue
		}
		if e.Append != "" {
			want = append(want, directive{"APPEND", e.Append})
		}
		if !slices.Equal(got, want) {
			t.Errorf("entry %s is\n%q\nwant\n%q", e.Name, got, want)
		}
	}
	timeout := directive{"TIMEOUT", fmt.Sprint(time.Duration(c.Menu.Timeout).Milliseconds() / 100)}
	if slices.Contains(head, timeout) != (preset && c.Menu.Timeout > 0) {
		t.Errorf("default can be chosen: %v; the head is %v", preset, head)
	}
	spare := items[len(c.Entries):]
	if (alive == 0) != (len(spare) == 1) {
		t.Errorf("%d entries can be chosen, and these are added: %v", alive, spare)
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	c := parse(t, situations[1].file)
	first := Render(c, found)[PXELINUXConfig]
	for range 20 {
		if !bytes.Equal(Render(c, found)[PXELINUXConfig], first) {
			t.Fatal("two renderings of the same settings differ")
		}
	}
}

// Whatever gets past config.Parse stays in its line.
func FuzzRender(f *testing.F) {
	for _, s := range situations {
		f.Add([]byte(s.file), true)
		f.Add([]byte(s.file), false)
	}
	f.Add([]byte("[[entry]]\nname = \"a\"\nkernel = \"k\"\nlabel = \"x\\u0085LABEL y\"\nappend = \"x\\nLABEL y\""), true)
	f.Add([]byte("[menu]\ntitle = \"\u00a0 MENU\"\n[[entry]]\nname = \"a\"\nfile = \".com32\""), true)
	f.Fuzz(func(t *testing.T, file []byte, resolved bool) {
		c, err := config.Parse("f.toml", file)
		if err != nil {
			return
		}
		st := Status{}
		if resolved {
			st = found
		}
		compare(t, c, st, Render(c, st)[PXELINUXConfig])
	})
}
