package console

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/netproblem"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/base/sitenote"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/generation"
)

func TestStateOfFiles(t *testing.T) {
	dir := t.TempDir()
	start := time.Unix(1000, 0)
	c := &Console{RunDir: dir, Certificate: filepath.Join(dir, "https.pem")}
	c.pxed = life{pulse.NewChecker(dir, "pxed"), start}
	c.menuwatch = life{pulse.NewChecker(dir, "menuwatch"), start}
	if s := c.state(start); s.Addr.IsValid() || s.Mode != "" || s.PxedStopped || s.Mistakes != 0 {
		t.Errorf("without files: %+v", s)
	}

	for file, text := range map[string]string{"own-address": "none0 192.168.77.1/24\n", "mdns-name": "pxebox-2.local\n",
		"https.pem": "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g := generation.Default()
	g.DHCP.Mode = spec.ModeProxy
	if _, _, err := generation.Publish(dir, g); err != nil {
		t.Fatal(err)
	}
	if err := sitenote.Write(dir, sitenote.Note{Mistakes: 2, Down: []string{"wds1"}}); err != nil {
		t.Fatal(err)
	}
	if err := netproblem.Write(dir, "it is missing"); err != nil {
		t.Fatal(err)
	}
	pulse.New(dir, "pxed").Beat(pulse.Progress{})
	s := c.state(start.Add(silent + time.Second))
	if s.Interface != "none0" || s.Addr != netip.MustParsePrefix("192.168.77.1/24") || s.Name != "pxebox-2.local" ||
		s.Fingerprint != "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD" || s.Mode != spec.ModeProxy || s.Mistakes != 2 || !slices.Equal(s.Down, []string{"wds1"}) ||
		s.Problem != "it is missing" {
		t.Errorf("got %+v", s)
	}
	if s.Cable || s.PxedStopped || !s.MenuwatchStopped {
		t.Errorf("cable %v, pxed stopped %v, menuwatch stopped %v; want only the last",
			s.Cable, s.PxedStopped, s.MenuwatchStopped)
	}
}

// The serial port gets a state once, and none that lasts only moments.
func TestReporter(t *testing.T) {
	var r reporter
	now := time.Unix(1000, 0)
	var said []string
	for i, state := range []string{"a", "a", "a", "a", "a", "b", "a", "a", "b", "c", "c", "c", "c", "c"} {
		said = append(said, r.report(now.Add(time.Duration(i)*look), []string{state})...)
	}
	if want := []string{"a", "c"}; !slices.Equal(said, want) {
		t.Errorf("it gets %q, want %q", said, want)
	}
}

func TestShown(t *testing.T) {
	for _, tt := range []struct {
		situation, record, want string
	}{
		{
			situation: "a box's line",
			record: "12,700,99,-;time=1970-01-01T00:00:09.000Z level=INFO msg=\"network: fixed address\" " +
				"program=pxed\n SUBSYSTEM=x\n",
			want: `level=INFO msg="network: fixed address" program=pxed`,
		},
		{situation: "a driver's", record: "6,701,99,-;e1000 0000:00:03.0 eth0: renamed\n"},
		{situation: "nothing"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got, _ := shown([]byte(tt.record)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
