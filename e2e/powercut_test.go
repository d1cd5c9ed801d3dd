//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/disk"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
)

var (
	cuts    = flag.Int("cuts", 5, "how many times TestPowerCuts cuts the power")
	cutSeed = flag.Uint64("cut-seed", 1, "what the chance of TestPowerCuts begins with")
	cutOnly = flag.String("cut-phases", "", "the phases of each life in TestPowerCuts, with commas between (all)")
)

// diskSize is the size of the smallest SD cards on sale.
const diskSize = 8 << 30

// firstPartition is the offset of the image's first partition, in bytes.
const firstPartition = 8192 * disk.Sector

// permGrows is how long the first boot may take to make /perm fill the disk.
const permGrows = time.Minute

// powerSettings makes the box lease addresses at once, as many as the /24 has
// room for.
const powerSettings = `
[network]
address = "192.168.77.1/24"

[dhcp]
mode  = "server"
force = true
range = ["192.168.77.10-192.168.77.250"]
lease = "1h"
`

// powered is a box that boots more than once from one disk.
type powered struct {
	*site
	*lab.Power
	box *qemu.Machine
	// The start of /perm, its size in the image, and the size that it must grow
	// to, in bytes.
	start, old, full int64
}

// newPowered makes a box that has not been on yet. more are files on /perm.
func newPowered(t *testing.T, name string, more ...map[string]lab.File) *powered {
	t.Helper()
	p := &powered{site: newSite(t, name)}
	settings := powerSettings + lab.Menu(0, "disk", true) + lab.DiskEntry
	perm := map[string]lab.File{lab.SettingsFile: {Content: []byte(settings)}}
	for _, files := range more {
		maps.Copy(perm, files)
	}
	var err error
	if p.Power, err = p.PowerBox(image(t), diskSize, perm); err != nil {
		t.Fatal(err)
	}
	if p.start, p.old, err = p.Perm(); err != nil {
		t.Fatal(err)
	}
	// Partitions end at a whole MiB, before the backup of the table.
	p.full = diskSize - 1<<20 - p.start
	return p
}

func (p *powered) on() {
	p.t.Helper()
	var err error
	if p.box, err = p.Power.On(); err != nil {
		p.t.Fatal(err)
	}
}

// What the appliance writes to the console about /perm.
const (
	grows = `msg="growing the file system"`
	// Logged before that if the effects of a power cut have to be repaired.
	restarts = `msg="the box restarts to mount its file system again"`
	filled   = `msg="file system already fills its disk"[^\n]*bytes=(\d+)[^\n]*\n`
)

// waitPerm waits until the box reports that /perm fills the disk, and returns
// that line.
func (p *powered) waitPerm() qemu.Match {
	p.t.Helper()
	m, err := p.box.Console.WaitFor(p.within(boxBoots), filled)
	if err != nil {
		p.t.Fatal(err)
	}
	// The growth omits a last group of blocks that would be small: 16 MiB at
	// most.
	const left = 16 << 20
	size := regexp.MustCompile(`bytes=(\d+)`).FindStringSubmatch(m.Text)
	if n, _ := strconv.ParseInt(size[1], 10, 64); n < p.full-left || n > p.full {
		p.t.Errorf("the file system on /perm has %d bytes of %d: %s", n, p.full, m.Text)
	}
	return m
}

// checkMedium checks the medium itself, with the power off.
func (p *powered) checkMedium() {
	p.t.Helper()
	perm := filepath.Join(p.t.TempDir(), "perm")
	if err := p.CopyFrom(p.start, perm); err != nil {
		p.t.Fatal(err)
	}
	// The journal is replayed first, as in the next boot. Then there must be
	// nothing left to fix.
	for _, step := range []struct {
		args []string
		code int
	}{
		{[]string{"-E", "journal_only", "-p"}, 1}, // 1: the journal was replayed
		{[]string{"-f", "-n"}, 0},
	} {
		cmd := exec.Command("/usr/sbin/e2fsck", append(step.args, perm)...)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code < 0 || code > step.code {
			p.t.Errorf("e2fsck %v: %v\n%s", step.args, err, out)
		}
	}
}

func TestFirstBootGrowsPerm(t *testing.T) {
	p := newPowered(t, "first-boot")
	p.on()
	begun, err := p.box.Console.WaitFor(p.within(boxBoots), grows)
	if err != nil {
		t.Fatal(err)
	}
	ended := p.waitPerm()
	if took := ended.Time.Sub(begun.Time); took > permGrows {
		t.Errorf("it took %v", took)
	}
	p.waitBox(lab.BoxAddr)
	first := p.Disk.Writes()
	t.Logf("first boot: %s", total(first))

	chance := rand.New(rand.NewPCG(*cutSeed, 0))
	p.Disk.Cut(chance)
	p.Off()
	p.on()
	p.waitBox(lab.BoxAddr)
	p.waitPerm()
	if regexp.MustCompile(grows).MatchString(p.box.Console.Text()) {
		t.Error("the second boot grows it again")
	}
	second := p.Disk.Writes()[len(first):]
	t.Logf("second boot: %s", total(second))
	for _, w := range second {
		if w.Offset < firstPartition || w.Offset+w.Length > p.start+p.full {
			t.Errorf("the second boot writes %d bytes at %d, where the partition table is", w.Length, w.Offset)
		}
	}
	p.Disk.Cut(chance)
	p.Off()
	p.checkMedium()
}

func total(writes []disk.Extent) string {
	var bytes int64
	for _, w := range writes {
		bytes += w.Length
	}
	return fmt.Sprintf("%d writes, %d KiB", len(writes), bytes>>10)
}

// phase is what the box is doing when its power is cut.
type phase struct {
	name string
	// run boots the box, starts the phase's work, and returns once the power is
	// cut, at an instant that chance chooses. The test calls the returned
	// function at the last boot, once the box serves: it checks that everything
	// is there that the box had promised.
	run func(p *powered, chance *rand.Rand) (disk.Loss, func(p *powered))
}

// phases are the phases of a box's life, in this order.
var phases = []phase{
	{"first boot", cutFirstBoot},
	{"leases", cutLeases},
	{"uploads", cutUploads},
	{"settings", cutSettings},
	{"update", cutUpdate},
}

func phaseOf(t *testing.T, name string) phase {
	t.Helper()
	for _, p := range phases {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("there is no phase %q", name)
	return phase{}
}

// TestPowerCuts takes boxes through the phases of their lives. A power cut ends
// each phase. After every cut the box must come up, with /perm as large as the
// disk, with its own settings in use, and with everything that it had promised.
func TestPowerCuts(t *testing.T) {
	phases := phases
	if *cutOnly != "" {
		phases = nil
		for name := range strings.SplitSeq(*cutOnly, ",") {
			phases = append(phases, phaseOf(t, name))
		}
	}
	for n := 0; n < *cuts; n += len(phases) {
		seed := *cutSeed + uint64(n/len(phases))
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			p := newPowered(t, fmt.Sprintf("power-cuts-%d", seed))
			chance := rand.New(rand.NewPCG(seed, 0))
			var promises []func(*powered)
			for _, ph := range phases[:min(len(phases), *cuts-n)] {
				loss, promise := ph.run(p, chance)
				p.Off()
				t.Logf("%s: the power was cut: %v", ph.name, loss)
				p.checkMedium()
				promises = append(promises, promise)
				if t.Failed() {
					return
				}
			}
			p.on()
			p.waitServing()
			for _, kept := range promises {
				kept(p)
			}
		})
	}
}

// waitServing waits until the box serves from its own settings, and /perm fills
// the disk.
func (p *powered) waitServing() {
	p.t.Helper()
	p.waitPerm() // the box may restart before
	p.waitBox(lab.BoxAddr)
}

// cutFirstBoot cuts the power at a random time in the first boot, while /perm
// grows or a moment before or after it.
func cutFirstBoot(p *powered, chance *rand.Rand) (disk.Loss, func(*powered)) {
	// By then the box has written some two hundred times, and everything later
	// is like any other boot.
	n := 1 + chance.IntN(200)
	cut := p.Disk.CutAtWrite(n, chance)
	p.on()
	select {
	case loss := <-cut:
		p.Off()
		_, size, err := p.Perm()
		if err != nil || size != p.old && size != p.full {
			p.t.Errorf("after a cut at write %d /perm is a partition of %d bytes (%v); it was %d, or is to be %d",
				n, size, err, p.old, p.full)
		}
		p.t.Logf("at write %d: the new table is in force: %v", n, size == p.full)
		return loss, func(*powered) {}
	case <-p.within(boxBoots).Done():
		p.t.Errorf("the box has not written %d times", n)
		return disk.Loss{}, nil
	}
}
