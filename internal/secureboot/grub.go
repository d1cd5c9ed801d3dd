package secureboot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// GRUBModules returns the names of the modules that are built into a GRUB image.
// Under Secure Boot GRUB loads no others.
// The section "mods" holds them: a header, and objects whose headers give their
// type and size (GRUB, include/grub/kernel.h). A module is an ELF object with its
// name in the section .modname.
func (i *Image) GRUBModules() ([]string, error) {
	const (
		magic        = 0x676d696d // "mimg"
		header       = 24         // magic, padding, offset, size
		objectHeader = 8          // type, size
		typeELF      = 0
	)
	b := i.Section("mods")
	if len(b) < header || binary.LittleEndian.Uint32(b) != magic {
		return nil, errors.New("it has no modules, so it is not GRUB")
	}
	offset, size := binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
	if offset < header || size > uint64(len(b)) || offset > size {
		return nil, fmt.Errorf("its modules span the bytes %d to %d of %d", offset, size, len(b))
	}
	var names []string
	for b = b[offset:size]; len(b) >= objectHeader; {
		kind, size := binary.LittleEndian.Uint32(b), int64(binary.LittleEndian.Uint32(b[4:]))
		if size < objectHeader || size > int64(len(b)) {
			return nil, fmt.Errorf("its modules have an object of %d bytes, but only %d bytes are left", size, len(b))
		}
		if kind == typeELF {
			name, err := moduleName(b[objectHeader:size])
			if err != nil {
				return nil, fmt.Errorf("module %d: %w", len(names)+1, err)
			}
			names = append(names, name)
		}
		b = b[size:]
	}
	return names, nil
}

func moduleName(object []byte) (string, error) {
	f, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return "", err
	}
	s := f.Section(".modname")
	if s == nil {
		return "", errors.New("it has no name")
	}
	b, err := s.Data()
	name, _, _ := bytes.Cut(b, []byte{0})
	return string(name), err
}
