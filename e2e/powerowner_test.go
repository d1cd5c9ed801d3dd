//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/sftp"

	"github.com/pxebox/pxebox/e2e/disk"
	"github.com/pxebox/pxebox/e2e/lab"
)

// uploads is a series of boot files that are sent one after the other, each
// name repeatedly. The n-th content is always the same.
type uploads struct {
	large  bool           // the first file is larger than what the box writes between two syncs
	whole  map[string]int // which content of a name the box has promised to have
	last   int            // which upload was under way when the power was cut
	ended  error
	client *sftp.Client
}

func nameOf(n int) string { return fmt.Sprintf("file%d", n%4) }

// content has a different length each time, up to a megabyte, except for a
// large one.
func (u *uploads) content(n int) []byte {
	fill := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	size := 1 + fill.Uint64()%(1<<20)
	if u.large && n == 1 {
		size += 48 << 20
	}
	b := make([]byte, size)
	fill.Read(b)
	return b
}

// packets makes packets that are not whole blocks, and many concurrent ones, as
// clients send them.
var packets = []sftp.ClientOption{sftp.MaxPacket(30000), sftp.UseConcurrentWrites(true)}

// largeWrites is about how often the box writes while a large file is uploaded.
// During the first fifth, no part of the file is durable yet.
const largeWrites = 100

// send sends files until an upload fails.
func (u *uploads) send() {
	for u.last = 1; ; u.last++ {
		if u.ended = u.put(nameOf(u.last), u.content(u.last)); u.ended != nil {
			return
		}
		u.whole[nameOf(u.last)] = u.last
	}
}

func (u *uploads) put(name string, content []byte) error {
	f, err := u.client.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// cutUploads cuts the power while boot files are uploaded. Later machines must
// get each file as it was sent: the promised one, or the next one.
func cutUploads(p *powered, chance *rand.Rand) (disk.Loss, func(*powered)) {
	p.on()
	p.waitServing()
	client, conn := p.sftp(packets...)
	defer conn.Close()
	u := &uploads{large: chance.IntN(2) == 0, whole: map[string]int{}, client: client}
	n := 1 + chance.IntN(150)
	if u.large {
		n = largeWrites/5 + chance.IntN(largeWrites)
	}
	cut := p.Disk.CutAtWrite(n, chance)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		u.send()
	}()
	var loss disk.Loss
	select {
	case loss = <-cut:
	case <-p.within(boxBoots).Done():
		p.t.Fatalf("the box has not written %d times", n)
	}
	p.Off()
	conn.Close()
	<-sent
	p.t.Logf("%d boot files were published before write %d (the first one large: %v)", u.last-1, n, u.large)
	return loss, func(p *powered) { u.check(p) }
}

func (u *uploads) check(p *powered) {
	p.t.Helper()
	for i := range 4 {
		name := nameOf(i)
		promised := u.whole[name]
		code, b := p.get(name)
		switch {
		case promised == 0 && code == http.StatusNotFound:
		case code != http.StatusOK:
			p.t.Errorf("%s is gone: %d", name, code)
		case promised > 0 && bytes.Equal(b, u.content(promised)):
		case nameOf(u.last) == name && bytes.Equal(b, u.content(u.last)):
		default:
			p.t.Errorf("%s has %d bytes that no one sent so", name, len(b))
		}
	}
	// The client resumes the upload that was under way.
	client, conn := p.sftp(packets...)
	defer conn.Close()
	// Uploads leave 16 MiB free, and ext4 reserves as much.
	if vfs, err := client.StatVFS("/"); err != nil || (vfs.Bfree-vfs.Bavail)*vfs.Frsize > 33<<20 {
		p.t.Errorf("of what is free uploads may not have all but the reserve: %+v, %v", vfs, err)
	}
	name, content := nameOf(u.last), u.content(u.last)
	st, err := client.Stat(name)
	if err != nil || st.Mode().Perm() != 0o600 {
		return // no part of it is there
	}
	p.t.Logf("of %s there are %d of %d bytes", name, st.Size(), len(content))
	if st.Size() > int64(len(content)) {
		p.t.Fatalf("the part of %s has %d bytes of %d", name, st.Size(), len(content))
	}
	f, err := client.OpenFile(name, os.O_WRONLY)
	if err != nil {
		p.t.Fatal(err)
	}
	_, err = f.Seek(st.Size(), io.SeekStart)
	if err == nil {
		_, err = f.Write(content[st.Size():])
	}
	if err := errors.Join(err, f.Close()); err != nil {
		p.t.Fatal(err)
	}
	if code, b := p.get(name); code != http.StatusOK || !bytes.Equal(b, content) {
		p.t.Errorf("after its client went on %s has %d bytes (%d), and not what was sent", name, len(b), code)
	}
	u.whole[name] = u.last // for a later check
}

// cutSettings cuts the power while settings are changed over the network. Later
// the last accepted settings must be in force, or those that were under way.
func cutSettings(p *powered, chance *rand.Rand) (disk.Loss, func(*powered)) {
	p.on()
	p.waitServing()
	p.waitSettings()
	secret := lab.BoxPassword
	number := func(n int) string { return titled(fmt.Sprintf("%s %d", lab.Title, n)) }
	n := 1 + chance.IntN(60)
	cut := p.Disk.CutAtWrite(n, chance)
	ctx, stop := context.WithCancel(p.within(boxBoots))
	defer stop()
	taken := 0
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for {
			code, _, err := p.askSettings(ctx, onBox(settingsPort), http.MethodPut, secret, number(taken+1))
			if err != nil || code != http.StatusOK {
				return
			}
			taken++
		}
	}()
	select {
	case <-cut:
	case <-p.within(boxBoots).Done():
		p.t.Fatalf("the box has not written %d times", n)
	}
	p.Off()
	stop()
	<-sent
	p.t.Logf("settings were taken %d times before write %d", taken, n)

	// The next boot shows the settings on the medium, and the test cuts that as
	// well. If there is nothing to show, it is over soon.
	n = 1 + chance.IntN(40)
	cut = p.Disk.CutAtWrite(n, chance)
	p.on()
	up, stopWaiting := context.WithCancel(p.within(boxBoots))
	defer stopWaiting()
	served := make(chan error, 1)
	go func() { served <- p.WaitReady(up, lab.BoxAddr, lab.Title) }()
	var loss disk.Loss
	select {
	case loss = <-cut:
	case err := <-served:
		if err != nil {
			p.t.Fatal(err)
		}
		loss = p.Disk.Cut(chance)
	}
	p.Off()
	known := []string{plainDefault(p.t), powerSettings + lab.Menu(0, "disk", true) + lab.DiskEntry}
	for i := range taken + 2 {
		known = append(known, number(i))
	}
	if shown := shownOn(p.File); !slices.Contains(known, shown) {
		p.t.Errorf("the medium shows what was never in force: %q", shown)
	}

	return loss, func(p *powered) {
		p.t.Helper()
		allowed := []string{number(taken), number(taken + 1)}
		if taken == 0 {
			allowed[0] = powerSettings + lab.Menu(0, "disk", true) + lab.DiskEntry
		}
		if code, text := p.settings(http.MethodGet, secret, ""); code != http.StatusOK ||
			!slices.Contains(allowed, text) {
			p.t.Errorf("the settings in force are none of those: %d %q", code, text)
		}
	}
}

// shownOn returns the settings on an image's volume, or "" if there are none.
func shownOn(image string) string {
	out, err := exec.Command("mtype", "-i", image+settingsVolume, "::pxebox.toml").Output()
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

// plainDefault returns the settings that come with the image.
func plainDefault(t *testing.T) string { return shownOn(image(t)) }
