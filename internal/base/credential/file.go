package credential

import (
	"encoding/pem"
	"os"
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
	return fingerprint(block.Bytes)
}
