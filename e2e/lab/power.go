package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/e2e/disk"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// Power is the appliance on a disk that keeps what is written from boot to
// boot, as far as it was flushed when the power went.
type Power struct {
	Disk *disk.Disk
	// File is what the disk's medium is; whole only while the power is off.
	File string
	// More are arguments of QEMU's, for what not every box has.
	More []string
	// Leaps has the box's time leap (qemu.LeapingBoxOnNBD).
	Leaps bool

	lab    *Lab
	server *disk.Server
	socket string
	pi     bool // the image is the one for the Raspberry Pi
	boots  int
	box    *qemu.Machine
}

// PowerBox puts a copy of the appliance's image, with a /perm of its own, on a
// disk of size bytes. The power is off yet.
func (l *Lab) PowerBox(image string, size int64, perm map[string]File) (*Power, error) {
	dir, err := os.MkdirTemp(l.scratch, "power")
	if err != nil {
		return nil, err
	}
	p := &Power{lab: l, File: filepath.Join(dir, "box.img"), socket: filepath.Join(dir, "nbd")}
	if err := prepareImage(image, p.File, filepath.Join(dir, "perm"), perm); err != nil {
		return nil, err
	}
	if p.Disk, err = disk.Open(p.File, size); err != nil {
		return nil, err
	}
	if p.server, err = p.Disk.Serve(p.socket); err != nil {
		p.Disk.Close()
		return nil, err
	}
	l.atClose(p.Close)
	return p, nil
}

// On boots the box. Each boot's console has a log of its own.
func (p *Power) On() (*qemu.Machine, error) {
	p.boots++
	p.Disk.On()
	c, err := p.machine(qemu.NIC{MAC: BoxMAC, Socket: p.lab.socket})
	if err != nil {
		return nil, err
	}
	c.Name = fmt.Sprintf("box-%d", p.boots)
	c.Args = append(c.Args, p.More...)
	p.box, err = p.lab.start(c, nil)
	return p.box, err
}

// machine is the one that boots next.
func (p *Power) machine(nic qemu.NIC) (qemu.Config, error) {
	switch {
	case p.pi:
		pi, err := piFirmware(p.File, filepath.Dir(p.File))
		return qemu.Config{Program: qemu.ARM64, MayEnd: true, Args: qemu.ARMBoxOnNBD(p.socket, pi, nic)}, err
	case p.Leaps:
		return qemu.Config{Args: qemu.LeapingBoxOnNBD(p.socket, nic)}, nil
	}
	return qemu.Config{Args: qemu.BoxOnNBD(p.lab.accel, p.socket, nic)}, nil
}

// Off takes the machine away, after or before the disk's own cut.
func (p *Power) Off() {
	if p.box != nil {
		p.box.Stop()
		p.box = nil
	}
}

// Close ends all. The file stays until the lab is closed.
func (p *Power) Close() {
	p.Off()
	p.Disk.Close() // a second time it has nothing to do
	p.server.Close()
}

// Perm is where /perm lies on the medium, in bytes.
func (p *Power) Perm() (offset, size int64, err error) { return permPartition(p.File) }

// CopyFrom copies the medium from an offset on into the file at path. Holes
// stay holes: of gigabytes only a few megabytes are there.
func (p *Power) CopyFrom(offset int64, path string) (err error) {
	in, err := os.Open(p.File)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := out.Truncate(info.Size() - offset); err != nil {
		return err
	}
	for at := offset; ; {
		from, err := in.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // holes to the end
			return nil
		}
		if err != nil {
			return err
		}
		if at, err = in.Seek(from, unix.SEEK_HOLE); err != nil {
			return err
		}
		_, err = io.Copy(io.NewOffsetWriter(out, from-offset), io.NewSectionReader(in, from, at-from))
		if err != nil {
			return err
		}
	}
}
