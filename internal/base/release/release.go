// Package release is what both ends know of a release's update file: the parts
// of a system in an archive (.gaf), and a minisign signature next to it
// (.gaf.minisig) that also covers its version and its hardware. The package
// verifies such a file, and decides whether it may replace a running system. How
// the file reaches a box, and what the box does with it, is decided elsewhere.
package release

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The names in requests to a box.
const (
	// Path accepts an update file by PUT, and answers GET with a Box.
	Path = "/update/release"
	// SignatureHeader has the text of the file's signature, in base64. The box
	// refuses most files because of it, before they are sent.
	SignatureHeader = "Pxebox-Signature"
	// OlderParam is the query parameter that allows an older version: OlderYes.
	OlderParam, OlderYes = "older", "yes"
	// RefusedHeader has the reason of an answer that a program can act on:
	// RefusedOlder, RefusedNoKey, or none.
	RefusedHeader              = "Pxebox-Refused"
	RefusedOlder, RefusedNoKey = "older", "no-key"
)

// SignatureSuffix is what the name of a file's signature ends with.
const SignatureSuffix = ".minisig"

// Box is what a box answers about its system. Key is empty if it cannot verify
// an update, because it was built without a release's key.
type Box struct {
	Stamp
	Key string `json:"key,omitempty"` // the public key, in base64
}

// Stamp identifies a system of a release.
type Stamp struct {
	Version  string `json:"version,omitempty"` // 1.2.0, or 1.2.0~rc1 for the one before it
	Instance string `json:"instance"`          // the hardware: pxebox-amd64 or pxebox-rpi
}

// product is the first word of a stamp: the same key may sign other files.
const product = "pxebox"

// A version is one of a Debian package without a revision.
var (
	versionForm  = regexp.MustCompile(`^[0-9][0-9A-Za-z.+~]{0,63}$`)
	instanceForm = regexp.MustCompile(`^pxebox-[a-z0-9]{1,32}$`)
)

// String returns the stamp as a signature's trusted comment has it.
func (s Stamp) String() string { return product + " " + s.Version + " " + s.Instance }

// parseStamp reads a signature's trusted comment.
func parseStamp(comment string) (Stamp, error) {
	words := strings.Split(comment, " ")
	if len(words) != 3 || words[0] != product || !versionForm.MatchString(words[1]) ||
		!instanceForm.MatchString(words[2]) {
		return Stamp{}, fmt.Errorf("the signature's trusted comment is %.80q, and not one of an update, such as %q: "+
			"send NAME.gaf with the NAME.gaf.minisig of the same release", comment, product+" 1.2.0 pxebox-amd64")
	}
	return Stamp{Version: words[1], Instance: words[2]}, nil
}

// ErrOlder is in the error for an older version.
var ErrOlder = errors.New("the update is older than the running version")

// Check decides whether a system with a valid signature may replace the running
// one. An older one may if the owner has said so. The running version is empty
// for a system that was not built for a release: any version may replace it.
func Check(running, update Stamp, older bool) error {
	if update.Instance != running.Instance {
		return fmt.Errorf("the update is for %s, and this box is %s: send the file whose name has %[2]s in it",
			update.Instance, running.Instance)
	}
	if !older && running.Version != "" && compareVersions(update.Version, running.Version) < 0 {
		return fmt.Errorf("%w: it is version %s, and the box runs %s; an older one lacks fixes and may refuse the settings. "+
			"To install it all the same, send it with --older (curl: ?%s=%s)",
			ErrOlder, update.Version, running.Version, OlderParam, OlderYes)
	}
	return nil
}
