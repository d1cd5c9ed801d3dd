// Package wim finds a few files in a WIM, the format of Windows' images, and reads
// them. It is for files that strangers have made: no value of a file decides how
// much memory is needed, which is some 100 KiB, and each is checked before use. What
// it does not support it names, and how to convert such a file. Only the LZX
// decompressor is a library's.
package wim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	headerSize = 208
	recordSize = 50 // of the lookup table: a resource, its part, references and hash

	// maxImages limits the images of a WIM, and maxRecords its files.
	maxImages  = 256
	maxRecords = 1 << 20
)

// Flags of the header.
const (
	flagCompressed = 1 << 1
	flagSpanned    = 1 << 3
	flagWriting    = 1 << 6
	flagXPRESS     = 1 << 17
	flagLZX        = 1 << 18
	flagLZMS       = 1 << 19
	flagXPRESS2    = 1 << 21
)

// Flags of a resource.
const (
	resFree       = 1 << 0
	resMetadata   = 1 << 1
	resCompressed = 1 << 2
	resSpanned    = 1 << 3
	resSolid      = 1 << 4
)

// versionSolid is the version of the format in which files may share compressed
// resources. wimlib-imagex and DISM use it for LZMS only.
const versionSolid = 0xe00

// Error is about what a WIM holds, and not about how it is read or where its files
// are written.
type Error struct {
	Why string // what is special or wrong about it
	Fix string // how to get one that can be read
}

func (e Error) Error() string { return e.Why + ": " + e.Fix }

const (
	// fixExport has both commands: a site has one system or the other.
	fixExport = "convert it with wimlib-imagex export boot.wim all new.wim --compress=LZX --chunk-size=32K, " +
		"or each image with DISM /Export-Image /Compress:max"
	fixCopy = "copy it once more"
)

// damaged is the error for a file that contradicts itself.
func damaged(what string) error { return Error{"it is damaged (" + what + ")", fixCopy} }

// hash is the SHA-1 of a file.
type hash [20]byte

// Archive is an open WIM.
type Archive struct {
	r      io.ReaderAt
	size   int64
	lookup resource
	images []resource // their metadata
	boot   int        // index of the image that starts; -1 for none
}

// Open reads the header of a WIM, and the list of its images. size is the size of
// the file in bytes.
func Open(r io.ReaderAt, size int64) (*Archive, error) {
	var h [headerSize]byte
	if size < headerSize {
		return nil, Error{"it is not a WIM, or was cut off", fixCopy}
	}
	if _, err := r.ReadAt(h[:], 0); err != nil {
		return nil, err
	}
	if err := supported(h[:]); err != nil {
		return nil, err
	}
	a := &Archive{r: r, size: size, lookup: parseResource(h[48:]), boot: int(u32(h[120:])) - 1}
	images := u32(h[44:])
	if images == 0 || images > maxImages {
		return nil, damaged(fmt.Sprintf("%d images", images))
	}
	err := a.records(func(res resource, _ hash) error {
		if res.flags&resMetadata != 0 && len(a.images) < maxImages {
			a.images = append(a.images, res)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(a.images) != int(images):
		return nil, damaged(fmt.Sprintf("%d of %d images", len(a.images), images))
	}
	if a.boot >= len(a.images) {
		a.boot = -1
	}
	return a, nil
}

// supported returns what is wrong with a WIM according to its header.
func supported(h []byte) error {
	flags, chunk := u32(h[16:]), u32(h[20:])
	part, parts := u16(h[40:]), u16(h[42:])
	compression := ""
	switch {
	case flags&flagLZMS != 0:
		compression = "LZMS"
	case flags&(flagXPRESS|flagXPRESS2) != 0:
		compression = "XPRESS"
	}
	switch {
	case bytes.HasPrefix(h, []byte("WLPWM\x00\x00\x00")):
		return Error{"it is a pipable WIM of wimlib", fixExport}
	case !bytes.HasPrefix(h, []byte("MSWIM\x00\x00\x00")):
		return Error{"it is not a WIM", "copy sources/boot.wim of the media"}
	case u32(h[8:]) < headerSize:
		return damaged("the header's size")
	case parts > 1 || flags&flagSpanned != 0:
		return Error{
			fmt.Sprintf("it is part %d of %d of a split WIM", part, parts),
			"join the parts with wimlib-imagex join boot.wim *.swm, or with DISM /Export-Image /SWMFile",
		}
	case u32(h[12:]) == versionSolid:
		return Error{"it is an ESD: a solid WIM, or one that is compressed with LZMS", fixExport}
	case compression != "":
		return Error{"it is compressed with " + compression, fixExport}
	case flags&flagWriting != 0:
		return Error{"it was not written to its end", fixCopy}
	case flags&flagCompressed != 0 && flags&flagLZX == 0:
		return Error{"its compression is unknown", fixExport}
	case flags&flagCompressed != 0 && chunk != chunkSize:
		return Error{fmt.Sprintf("it is compressed in chunks of %d bytes, and not %d", chunk, chunkSize),
			fixExport}
	}
	return nil
}

// records calls each with the records of the lookup table, until it returns an
// error.
func (a *Archive) records(each func(resource, hash) error) error {
	if a.lookup.size%recordSize != 0 || a.lookup.size/recordSize > maxRecords {
		return damaged(fmt.Sprintf("a lookup table of %d bytes", a.lookup.size))
	}
	table, err := a.open(a.lookup)
	if err != nil {
		return err
	}
	const atOnce = 512 * recordSize
	buf := make([]byte, min(atOnce, a.lookup.size))
	for at := int64(0); at < a.lookup.size; {
		b := buf[:min(int64(len(buf)), a.lookup.size-at)]
		if err := table.read(b, at); err != nil {
			return err
		}
		at += int64(len(b))
		for ; len(b) > 0; b = b[recordSize:] {
			res := parseResource(b)
			switch {
			case res.flags&resFree != 0:
				continue
			case res.flags&resSolid != 0:
				return Error{"it is a solid WIM", fixExport}
			case res.flags&resSpanned != 0 || u16(b[24:]) > 1:
				return Error{"it is a split WIM", "join its parts with wimlib-imagex join"}
			}
			if err := each(res, hash(b[30:50])); err != nil {
				return err
			}
		}
	}
	return nil
}

func u16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
