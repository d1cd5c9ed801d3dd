package parser

import (
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

func TestDefaultIsWhatAnEmptyFileMeans(t *testing.T) {
	empty, err := Parse("empty", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(Default(), empty) {
		t.Errorf("default.toml says %+v\nan empty file means %+v", Default(), empty)
	}
}

// example is a commented-out line of default.toml: no space after the #.
var example = regexp.MustCompile(`(?m)^#([^ \n])`)

func uncommented() string { return example.ReplaceAllString(string(config.DefaultFile()), "$1") }

func TestDefaultFileExamplesAreRight(t *testing.T) {
	c, err := Parse("default.toml", []byte(uncommented()))
	if err != nil {
		t.Fatal(err)
	}
	got := []int{len(c.WDS), len(c.Entries), len(c.DHCP.Options), len(c.DHCP.Subnets), len(c.DHCP.Reservations),
		len(c.DHCP.BootFiles), len(c.Machines)}
	if want := []int{2, 10, 4, 1, 2, len(firmwareWords) + 2, 3}; !slices.Equal(got, want) {
		t.Errorf("the examples make %v servers, entries, options, subnets, reservations, boot files and "+
			"machines, want %v", got, want)
	}
}

func TestDefaultFileNamesEveryKey(t *testing.T) {
	root, _, errs := readTree("default.toml", []byte(uncommented()))
	if errs := errs.list(); errs != nil {
		t.Fatal(errs)
	}
	namesEveryKey(t, &section{inner: schema}, []*node{root})
}

// namesEveryKey looks for each key of a section in some table of that section.
func namesEveryKey(t *testing.T, s *section, tables []*node) {
	for _, f := range s.fields {
		if !slices.ContainsFunc(tables, func(n *node) bool { return n.get(f.name) != nil }) {
			t.Errorf("%s is missing below %s", f.name, s.header())
		}
	}
	for _, in := range s.inner {
		var inner []*node
		for _, table := range tables {
			if n := table.get(in.key()); n != nil && in.many {
				inner = append(inner, n.items...)
			} else if n != nil {
				inner = append(inner, n)
			}
		}
		if len(inner) == 0 {
			t.Errorf("%s is missing", in.header())
			continue
		}
		namesEveryKey(t, &in, inner)
	}
}

// The examples in the errors are themselves right.
func TestExamplesOfTheSchema(t *testing.T) { examplesOf(t, schema, "") }

func examplesOf(t *testing.T, sections []section, above string) {
	for _, s := range sections {
		for _, f := range s.fields {
			text := above + s.header() + "\n" + f.name + " = " + f.example
			root, _, errs := readTree("f.toml", []byte(text))
			if errs := errs.list(); errs != nil {
				t.Fatal(errs)
			}
			r := newReader("f.toml", root)
			r.read(r.root)
			if errs := r.errs.list(); errs != nil {
				t.Errorf("%s\n%v", text, errs)
			}
		}
		examplesOf(t, s.inner, above+s.header()+"\n")
	}
}

func TestBootHasEveryFirmware(t *testing.T) {
	var got []string
	for _, f := range (&section{inner: schema}).in("boot").fields {
		got = append(got, f.name)
	}
	if want := append(slices.Clone(firmwareWords), string(firmware.IPXE), "adapt",
		"fallback"); !slices.Equal(got, want) {
		t.Errorf("[boot] has the keys %v, want %v", got, want)
	}
}
