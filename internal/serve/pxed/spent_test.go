package pxed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

func TestSpentComesBack(t *testing.T) {
	spent := func(d *box) bool {
		d.handed(biosPC)
		s, err := d.fetch(pcPort, "pxelinux.cfg/01-52-54-00-77-00-10")
		if err != nil {
			t.Fatal(err)
		}
		return s == "for all"
	}
	again := func(t *testing.T, file string) *box {
		d := newBox(t, spec.ModeProxy)
		if file != "" {
			if err := os.WriteFile(filepath.Join(d.DataDir, "once.json"), []byte(file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		g := d.now.Generation
		g.Machines = []clients.Rule{its(true)}
		d.takes(g)
		return d
	}
	print := clients.Fingerprint(its(true))
	for _, tc := range []struct {
		situation, file string
		want            bool
		says            string
	}{
		{"nothing was written", "", false, ""},
		{"the machine had its boot", `{"format":1,"spent":[{"rule":"` + print + `","mac":"52:54:00:77:00:10"}]}`, true, ""},
		{"another had", `{"format":1,"spent":[{"rule":"` + print + `","mac":"02:00:00:00:00:01"}]}`, false, ""},
		{"by a rule that was edited", `{"format":1,"spent":[{"rule":"0123456789abcdef","mac":"52:54:00:77:00:10"}]}`, false, ""},
		{"another rule was closed", `{"format":1,"closed":["0123456789abcdef"]}`, false, ""},
		{"the file is damaged", `{"format":1,"spent":[{"ru`, true, "the list of used one-time boots"},
		{"the file is empty", "\x00", true, "the list of used one-time boots"},
		{"the file is of another shape", `{"format":9}`, true, "the list of used one-time boots"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			d := again(t, tc.file)
			if got := spent(d); got != tc.want {
				t.Errorf("spent: %v", got)
			}
			if said := d.said.String(); strings.Contains(said, "level=ERROR") != (tc.says != "") || !strings.Contains(said, tc.says) {
				t.Errorf("the log:\n%s", said)
			}
		})
	}
}
