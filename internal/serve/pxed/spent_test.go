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
		{situation: "nothing was written"},
		{situation: "the machine had its boot",
			file: `{"format":1,"spent":[{"rule":"` + print + `","mac":"52:54:00:77:00:10"}]}`, want: true},
		{situation: "another had", file: `{"format":1,"spent":[{"rule":"` + print + `","mac":"02:00:00:00:00:01"}]}`},
		{situation: "by a rule that was edited",
			file: `{"format":1,"spent":[{"rule":"0123456789abcdef","mac":"52:54:00:77:00:10"}]}`},
		{situation: "another rule was closed", file: `{"format":1,"closed":["0123456789abcdef"]}`},
		{situation: "the file is damaged", file: `{"format":1,"spent":[{"ru`, want: true,
			says: "the list of used one-time boots"},
		{situation: "the file is empty", file: "\x00", want: true, says: "the list of used one-time boots"},
		{situation: "the file is of another shape", file: `{"format":9}`, want: true,
			says: "the list of used one-time boots"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			d := again(t, tc.file)
			if got := spent(d); got != tc.want {
				t.Errorf("spent: %v", got)
			}
			if said := d.said.String(); strings.Contains(said, "level=ERROR") != (tc.says != "") ||
				!strings.Contains(said, tc.says) {
				t.Errorf("the log:\n%s", said)
			}
		})
	}
}
