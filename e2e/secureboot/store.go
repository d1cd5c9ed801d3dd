package secureboot

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
)

// guid is an EFI_GUID as it is in memory: the first three numbers are little
// endian.
type guid [16]byte

var (
	// The vendor GUID under which firmware keeps db (UEFI 2.10 §32.4.1).
	imageSecurityDatabase = guid{0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e,
		0x67, 0x65, 0x6f}
	// A signature list of X.509 certificates (UEFI 2.10 §32.4.1).
	certX509 = guid{0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72}
	// A store of authenticated variables (EDK2's VariableFormat.h).
	authenticatedVariables = guid{0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43, 0xa1, 0x80, 0x2e, 0x14, 0x4e,
		0xc3, 0x77, 0x92}
	// The owner of the lab's certificate; firmware ignores it.
	labOwner = guid{'p', 'x', 'e', 'b', 'o', 'x', ' ', 'l', 'a', 'b'}
)

// signatureList returns an EFI_SIGNATURE_LIST with one certificate.
func signatureList(cert []byte) []byte {
	const header = 28 // type, and three sizes
	size := len(guid{}) + len(cert)
	b := slices.Clone(certX509[:])
	b = binary.LittleEndian.AppendUint32(b, uint32(header+size))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = append(b, labOwner[:]...)
	return append(b, cert...)
}

// The layout of EDK2's variable store: EFI_FIRMWARE_VOLUME_HEADER (PI 1.7,
// volume 3, §3.2.1), then VARIABLE_STORE_HEADER and a sequence of
// AUTHENTICATED_VARIABLE_HEADERs, each followed by its name and its data
// (VariableFormat.h).
const (
	volumeSignature    = 40 // "_FVH"
	volumeHeaderLength = 48 // u16

	storeSize   = 16 // u32, after the GUID
	storeHeader = 28

	variableStart    = 0x55aa
	variableState    = 2
	variableNameSize = 36
	variableDataSize = 40
	variableVendor   = 44
	variableHeader   = 60

	// The bits of a state are cleared one after the other, as flash allows.
	stateAdded   = 0x3f
	stateDeleted = 0xfd
)

// variable is the position of a variable in a store.
type variable struct {
	start, data, end int // offsets of its header, its data, and what follows it
	state            byte
	vendor           guid
	name             string
}

// store returns the start and the end of the variable store in a firmware
// volume.
func store(vars []byte) (start, end int, err error) {
	if len(vars) < volumeHeaderLength+2 || string(vars[volumeSignature:volumeSignature+4]) != "_FVH" {
		return 0, 0, errors.New("variables: not a firmware volume")
	}
	start = int(binary.LittleEndian.Uint16(vars[volumeHeaderLength:]))
	if len(vars) < start+storeHeader || !bytes.Equal(vars[start:start+len(guid{})], authenticatedVariables[:]) {
		return 0, 0, errors.New("variables: no store of authenticated variables")
	}
	end = start + int(binary.LittleEndian.Uint32(vars[start+storeSize:]))
	if end < start+storeHeader || end > len(vars) {
		return 0, 0, fmt.Errorf("variables: a store of %d bytes in a volume of %d", end-start, len(vars))
	}
	return start, end, nil
}

// variables lists all variables, including deleted ones. free is where the next
// one would go, and end is the end of the store.
func variables(vars []byte) (list []variable, free, end int, err error) {
	start, end, err := store(vars)
	if err != nil {
		return nil, 0, 0, err
	}
	at := start + storeHeader
	for at+variableHeader <= end && binary.LittleEndian.Uint16(vars[at:]) == variableStart {
		name := int(binary.LittleEndian.Uint32(vars[at+variableNameSize:]))
		data := int(binary.LittleEndian.Uint32(vars[at+variableDataSize:]))
		v := variable{start: at, data: at + variableHeader + name}
		v.end = v.data + data
		if name%2 != 0 || v.data < at || v.end < v.data || v.end > end {
			return nil, 0, 0, fmt.Errorf("variables: one at %#x with %d bytes of name and %d of data", at, name, data)
		}
		v.state = vars[at+variableState]
		v.vendor = guid(vars[at+variableVendor:])
		v.name = decodeName(vars[at+variableHeader : v.data])
		list = append(list, v)
		at = aligned(v.end)
	}
	return list, at, end, nil
}

// aligned returns where the next variable's header may start.
func aligned(at int) int { return (at + 3) &^ 3 }

// decodeName reads UTF-16 up to its NUL.
func decodeName(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// appendVariable returns a copy of a firmware's variables in which one variable
// has more data.
func appendVariable(vars []byte, vendor guid, name string, more []byte) ([]byte, error) {
	return changeVariable(vars, vendor, name, func(old []byte) ([]byte, error) { return slices.Concat(old, more), nil })
}

// changeVariable returns a copy of a firmware's variables in which one variable
// has other data. It does what the firmware would do: it adds a new variable
// after all others, and marks the old one as deleted.
func changeVariable(vars []byte, vendor guid, name string, change func(old []byte) ([]byte, error)) ([]byte, error) {
	list, free, end, err := variables(vars)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(v variable) bool {
		return v.state == stateAdded && v.vendor == vendor && v.name == name
	})
	if i < 0 {
		return nil, fmt.Errorf("variables: there is no %s", name)
	}
	old := list[i]
	data, err := change(vars[old.data:old.end])
	if err != nil {
		return nil, fmt.Errorf("variables: %s: %w", name, err)
	}
	head := vars[old.start:old.data]
	if free+len(head)+len(data) > end {
		return nil, fmt.Errorf("variables: no room for %d bytes in %s", len(data), name)
	}
	out := slices.Clone(vars)
	out[old.start+variableState] &= stateDeleted
	n := copy(out[free:], head)
	copy(out[free+n:], data)
	binary.LittleEndian.PutUint32(out[free+variableDataSize:], uint32(len(data)))
	return out, nil
}

// The layout of an EFI_SIGNATURE_LIST (UEFI 2.10 §32.4.1).
const (
	listSize       = 16 // u32, after the type
	listHeaderSize = 20 // u32
	signatureSize  = 24 // u32
	listHeader     = 28
)

// signatureLists splits the content of a signature database.
func signatureLists(db []byte) (lists [][]byte, err error) {
	for len(db) > 0 {
		if len(db) < listHeader {
			return nil, fmt.Errorf("%d bytes after the last signature list", len(db))
		}
		size := int(binary.LittleEndian.Uint32(db[listSize:]))
		if size < listHeader || size > len(db) {
			return nil, fmt.Errorf("a signature list of %d bytes in %d", size, len(db))
		}
		lists = append(lists, db[:size])
		db = db[size:]
	}
	return lists, nil
}

// certificate returns the X.509 certificate of a signature list, or nil if the
// list holds anything else: a list of certificates holds one (UEFI 2.10 §32.4.1).
func certificate(list []byte) *x509.Certificate {
	header := int(binary.LittleEndian.Uint32(list[listHeaderSize:]))
	at := listHeader + header + len(guid{}) // after the owner
	if guid(list) != certX509 || header < 0 || at > len(list) {
		return nil
	}
	c, err := x509.ParseCertificate(list[at:])
	if err != nil {
		return nil
	}
	return c
}
