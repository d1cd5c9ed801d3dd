//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"github.com/pxebox/pxebox/e2e/disk"
	"github.com/pxebox/pxebox/e2e/lab"
)

// cutUpdate cuts the power while an update is uploaded, or while the box
// restarts for it and tries the new root. The update is the version that the
// box already runs, and therefore has the same kernel: only the boot partition
// is written in place.
func cutUpdate(p *powered, chance *rand.Rand) (disk.Loss, func(*powered)) {
	parts, err := readParts(image(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	p.on()
	p.waitServing()
	ctx, stop := context.WithCancel(p.within(updates))
	defer stop()
	n := 1 + chance.IntN(90) // an update is some seventy writes
	cut := p.Disk.CutAtWrite(n, chance)
	ended := make(chan error, 1)
	go func() { ended <- p.sendUpdate(ctx, parts) }()
	var loss disk.Loss
	select {
	case loss = <-cut:
		p.t.Logf("at write %d of the update", n)
	case err := <-ended:
		if err != nil {
			p.t.Errorf("the update: %v", err)
		}
		select {
		case loss = <-cut:
			p.t.Logf("at write %d, when the box had the update", n)
		case <-time.After(time.Duration(chance.Int64N(int64(30 * time.Second)))):
			loss = p.Disk.Cut(chance)
			p.t.Logf("while the box restarted for the update")
		}
	}
	p.Off()
	return loss, func(*powered) {}
}

// part is the data that gok sends to one place of the box.
type part struct {
	name    string
	content []byte
}

// readParts splits an image into parts, in the order in which gok sends them.
func readParts(image string) ([]part, error) {
	f, err := os.Open(image)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// The positions that gok uses: the boot partition at 4 MiB, the first root
	// after its 100 MiB.
	const boot, root = 4 << 20, 104 << 20
	var head [512]byte
	if _, err := f.ReadAt(head[:], root); err != nil {
		return nil, err
	}
	// The superblock of squashfs: its magic, and at 40 the bytes in use.
	if string(head[:4]) != "hsqs" {
		return nil, fmt.Errorf("%s has no root at %d", image, root)
	}
	rootSize := binary.LittleEndian.Uint64(head[40:])
	if _, err := f.ReadAt(head[:], boot); err != nil {
		return nil, err
	}
	// The boot sector of FAT: sectors, in 16 bits or in 32.
	bootSize := uint64(binary.LittleEndian.Uint16(head[19:]))
	if bootSize == 0 {
		bootSize = uint64(binary.LittleEndian.Uint32(head[32:]))
	}
	bootSize *= 512
	var parts []part
	for _, p := range []struct {
		name string
		at   int64
		size uint64
	}{{name: "root", at: root, size: rootSize}, {name: "boot", at: boot, size: bootSize}, {name: "mbr", size: 446}} {
		b := make([]byte, p.size)
		if _, err := f.ReadAt(b, p.at); err != nil {
			return nil, err
		}
		parts = append(parts, part{p.name, b})
	}
	return parts, nil
}

// sendUpdate does what gok update does.
func (p *powered) sendUpdate(ctx context.Context, parts []part) error {
	client, err := p.PageClient(lab.BoxAddr)
	if err != nil {
		return err
	}
	secret := lab.BoxPassword
	ask := func(method, path string, body io.Reader) error {
		_, err := askPage(ctx, client, secret, method, path, body, nil)
		return err
	}
	for _, part := range parts {
		if err := ask(http.MethodPut, "update/"+part.name, bytes.NewReader(part.content)); err != nil {
			return err
		}
	}
	if err := ask(http.MethodPost, "update/switch", nil); err != nil {
		return err
	}
	return ask(http.MethodPost, "reboot", nil)
}
