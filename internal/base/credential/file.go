package credential

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
)

// FileFingerprint returns the SHA-256 fingerprint of the certificate in a file,
// as browsers show it, or "" if there is none yet.
func FileFingerprint(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return ""
	}
	sum := sha256.Sum256(block.Bytes)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}
