package view

import (
	"regexp"
	"strings"
)

// redacted replaces what may be a secret.
const redacted = "[…]"

var (
	// secretName is how the name of a key or an argument ends or begins that holds a
	// secret.
	secretName = `[\w.:/-]*(?:passw|passphrase|pass\b|pwd|\bpw\b|rootpw|` +
		`secret|token|credential|api.?key|psk|hash)[\w.:/-]*`
	// A key of the file, with its value.
	reSecretKey = regexp.MustCompile(`(?i)^(\s*["']?` + secretName + `["']?\s*=\s*)(.*)$`)
	// An argument of a kernel, or a key in an inline table.
	reSecretArgument = regexp.MustCompile(`(?i)(` + secretName + `["']?\s*=\s*)(?:\\?"[^"]*"?|'[^']*'?|[^\s"',]+)`)
	// A hash of crypt(5), or GRUB's.
	reHash = regexp.MustCompile(`\$(?:[0-9a-z]{1,8})\$[^\s"']+|grub\.pbkdf2\.[^\s"']+`)
	// The password in a URL.
	rePasswordInURL = regexp.MustCompile(`(\w://)[^/\s@"']+@`)
)

// redact returns the lines of a settings file without what may be a secret. The
// file may be wrong: a line is judged by its text alone.
func redact(text string) []string {
	var out []string
	closing := "" // what ends the value that is being left out
	for line := range strings.Lines(strings.ToValidUTF8(text, "�")) {
		line = strings.TrimRight(line, "\r\n")
		if closing != "" {
			if _, rest, ok := strings.Cut(line, closing); ok {
				closing = ""
				out = append(out, redacted+redactLine(rest))
			} else {
				out = append(out, redacted)
			}
			continue
		}
		if m := reSecretKey.FindStringSubmatch(line); m != nil {
			for _, quote := range []string{`"""`, "'''"} {
				if rest, ok := strings.CutPrefix(m[2], quote); ok && !strings.Contains(rest, quote) {
					closing = quote
				}
			}
			if strings.HasPrefix(m[2], "[") && !strings.Contains(m[2], "]") {
				closing = "]"
			}
			out = append(out, m[1]+redacted)
			continue
		}
		out = append(out, redactLine(line))
	}
	return out
}

func redactLine(line string) string {
	line = reHash.ReplaceAllLiteralString(line, redacted)
	line = reSecretArgument.ReplaceAllString(line, "${1}"+redacted)
	return rePasswordInURL.ReplaceAllString(line, "${1}"+redacted+"@")
}
