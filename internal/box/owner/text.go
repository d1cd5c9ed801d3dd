package owner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxText bounds the size of a file, in bytes.
const maxText = 64 << 10

// decode returns the text that a person has saved with any editor: Notepad
// writes UTF-8 with a byte order mark, or UTF-16 in both orders.
func decode(b []byte) (string, error) {
	if len(b) > maxText {
		return "", fmt.Errorf("it has more than %d KiB", maxText>>10)
	}
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		b, order = b[2:], binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		b, order = b[2:], binary.BigEndian
	case len(b) > 1 && b[0] != 0 && b[1] == 0: // without a mark, and ASCII
		order = binary.LittleEndian
	case len(b) > 1 && b[0] == 0 && b[1] != 0:
		order = binary.BigEndian
	}
	if order != nil {
		if len(b)%2 != 0 {
			return "", errUnreadable
		}
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = order.Uint16(b[2*i:])
		}
		return string(utf16.Decode(units)), nil
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return "", errUnreadable
	}
	return string(b), nil
}

var errUnreadable = errors.New("it is not plain text; save it as plain text (UTF-8)")

// Access is what the owner needs to reach the box.
type Access struct {
	Password    string   // shown for as long as the owner has chosen none; else empty
	Fingerprint string   // of the box's certificate; may be empty
	Problems    []string // with files on the volume
}

// Text is what the volume says about the owner's access. It depends on nothing
// else, so that a start that changes nothing writes nothing.
func (a Access) Text() string {
	var b strings.Builder
	for _, p := range a.Problems {
		b.WriteString(p + "\n\n")
	}
	if a.Password != "" {
		fmt.Fprintf(&b, "Password:    %s\n", a.Password)
	}
	if a.Fingerprint != "" {
		fmt.Fprintf(&b, "Certificate: SHA-256 %s\n", a.Fingerprint)
	}
	if a.Password != "" {
		b.WriteString("\nThe box has generated this password, and shows it until you choose another one.\n")
	}
	fmt.Fprintf(&b, "To change the password, write the new one into a file called\n"+
		"%s here, and restart the box. It deletes the file.\n", PasswordFile)
	return b.String()
}
