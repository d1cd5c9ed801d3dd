package wds

import (
	"errors"
	"fmt"
	"slices"
)

// DHCP options that only WDS uses, from the site-specific range.
const (
	OptionControl = 250 // negotiation between network boot program and server; see Sub
	OptionBCD     = 252 // path of the boot configuration data, NUL-terminated
)

// Codes of a Sub, as Microsoft's wdsbp.h numbers them.
const (
	SubArchitecture = 1  // u16
	SubNextAction   = 2  // u8: ActionApprove and others
	SubPollInterval = 3  // u16, seconds
	SubPollRetries  = 4  // u16
	SubRequestID    = 5  // u32, of a device that waits for approval
	SubMessage      = 6  // text for the user
	SubReferral     = 9  // IPv4 address of another server
	SubPrompt       = 11 // u8: PromptNone and others
	SubVersion      = 13 // u16, of the network boot program
	SubActionDone   = 14 // u8: 0 in a first request
	subEnd          = 255
)

// Values of SubNextAction.
const (
	ActionApprove = 1 // fetch the file named in the answer
	ActionRefer   = 3 // ask the server in SubReferral
	ActionAbort   = 5
)

// PromptNone as SubPrompt: boot without asking the user to press F12.
const PromptNone = 2

// Sub is one sub-option of OptionControl.
type Sub struct {
	Code byte
	Data []byte
}

// EncodeControl writes sub-options as code, length and value, and the end mark.
func EncodeControl(subs []Sub) []byte {
	var b []byte
	for _, s := range subs {
		b = append(b, s.Code, byte(len(s.Data)))
		b = append(b, s.Data...)
	}
	return append(b, subEnd)
}

// DecodeControl reads the format of EncodeControl. A missing end mark is not an
// error: the option's length ends it too.
func DecodeControl(b []byte) ([]Sub, error) {
	subs := []Sub{}
	for len(b) > 0 && b[0] != subEnd {
		if len(b) < 2 {
			return nil, errors.New("option 250: a code without a length")
		}
		code, n := b[0], int(b[1])
		if len(b) < 2+n {
			return nil, fmt.Errorf("option 250: sub-option %d says %d bytes, %d are left", code, n, len(b)-2)
		}
		subs = append(subs, Sub{code, slices.Clone(b[2 : 2+n])})
		b = b[2+n:]
	}
	return subs, nil
}
