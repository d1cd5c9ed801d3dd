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

// Power is the appliance on a disk that keeps its content from boot to boot, as
// far as it was flushed when the power was cut.
type Power struct {
	Disk *disk.Disk
	// File is the file of the disk's medium. It is complete only while the
	// power is off.
	File string
	// More holds additional arguments for QEMU.
	More []string
	// Leaps makes the box's time leap (qemu.LeapingBoxOnNBD).
	Leaps bool

	lab    *Lab
	server *disk.Server
	socket string
	pi     bool // the image is the one for the Raspberry Pi
	boots  int
	box    *qemu.Machine
}

// PowerBox puts a copy of the appliance's image, with perm's files on its
// /perm, on a disk of size bytes. Without perm, /perm stays as it was built. The
// power is still off.
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

// On boots the box. Each boot's console has its own log.
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

// machine returns the machine for the next boot.
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

// Off stops the machine, before or after the disk's own cut.
func (p *Power) Off() {
	if p.box != nil {
		p.box.Stop()
		p.box = nil
	}
}

// Close ends everything. The file stays until the lab is closed.
func (p *Power) Close() {
	p.Off()
	p.Disk.Close() // does nothing the second time
	p.server.Close()
}

// Perm returns the position of /perm on the medium, in bytes.
func (p *Power) Perm() (offset, size int64, err error) { return permPartition(p.File) }

// CopyFrom copies the medium from an offset on into the file at path. Holes
// stay holes: of gigabytes only a few megabytes hold data.
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
