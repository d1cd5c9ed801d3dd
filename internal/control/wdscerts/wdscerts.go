// Package wdscerts says which of Microsoft's certificate authorities stand behind
// a UEFI boot program: one of a WDS server, or one of the site's own files. Firmware
// with Secure Boot on starts the program only if it trusts one of them. The package
// works on bytes in memory; its callers read the files and decide what to do.
package wdscerts

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/pxebox/pxebox/internal/secureboot"
)

// MaxSize limits a boot program, in bytes. Those of Windows have 1 to 3 MB. A
// larger file is not read.
const MaxSize = 16 << 20

// Program is what is known of a boot program.
type Program struct {
	Signers
	Size int64     // bytes
	Read time.Time // when it was read; zero if it was not read yet
}

// Signers says who signed a boot program.
type Signers struct {
	// Authorities are the names of those authorities that the caller knows and
	// that issued the certificate of a signer, sorted. They are known by their
	// certificates' SHA-256.
	Authorities []string
	// Others are the issuers of the remaining signatures, by the name in the
	// signature, which anyone can choose.
	Others []string
	// Problem says why firmware starts the program on no machine with Secure Boot
	// on, such as a changed byte; empty if there is no such reason.
	Problem string
}

// maxName and maxOthers limit what a stranger's file can put into a log line.
const (
	maxName   = 64 // letters
	maxOthers = 4
)

// Examine reads the signatures of a program. known are the authorities to look for:
// secureboot.Microsoft, unless a test has its own.
func Examine(program []byte, known map[secureboot.Fingerprint]string) Signers {
	image, err := secureboot.Parse(program)
	if err != nil {
		return Signers{Problem: harmless(err.Error(), 2*maxName)}
	}
	signatures, err := image.Signatures()
	if err != nil {
		return Signers{Problem: harmless(err.Error(), 2*maxName)}
	}
	var s Signers
	for _, signature := range signatures {
		if a := signature.Authority(known); a != nil {
			s.Authorities = append(s.Authorities, known[secureboot.FingerprintOf(a)])
			continue
		}
		issuer := signature.Signer.Issuer
		s.Others = append(s.Others, harmless(issuer.CommonName, maxName))
	}
	slices.Sort(s.Authorities)
	slices.Sort(s.Others)
	s.Authorities = slices.Compact(s.Authorities)
	s.Others = slices.Compact(s.Others)
	s.Others = s.Others[:min(len(s.Others), maxOthers)]
	if len(signatures) == 0 {
		s.Problem = "it has no signature"
	}
	return s
}

// By reports whether an authority stands behind a valid signature.
func (s Signers) By(authority string) bool { return slices.Contains(s.Authorities, authority) }

// Equal reports whether two programs have the same signers.
func (s Signers) Equal(other Signers) bool {
	return slices.Equal(s.Authorities, other.Authorities) && slices.Equal(s.Others, other.Others) &&
		s.Problem == other.Problem
}

// String says who signed the program, in a few words.
func (s Signers) String() string {
	if s.Problem != "" {
		return s.Problem
	}
	words := slices.Clone(s.Authorities)
	for _, name := range s.Others {
		words = append(words, fmt.Sprintf("another authority that calls itself %q", name))
	}
	return strings.Join(words, ", ")
}

// harmless shortens a text and drops what a terminal or a log could interpret.
func harmless(text string, most int) string {
	letters := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text))
	if len(letters) > most {
		return string(letters[:most]) + "..."
	}
	return string(letters)
}
