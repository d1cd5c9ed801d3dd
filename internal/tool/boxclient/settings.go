package boxclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/base/credential"
)

// Settings is the destination for settings.
type Settings struct {
	Host     string // or HOST:PORT
	Password string
	Known    string    // the file of known boxes
	Out      io.Writer // messages for the user
}

// Send sends a pxebox.toml to a box, which validates it before it uses it. The
// first time, Send trusts the box that answers; after that it must be the same
// box, as with SSH.
func (s Settings) Send(ctx context.Context, text []byte) error {
	host := withPort(s.Host, settingsPort)
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, // no authority vouches for a box: see trust
		VerifyConnection: func(state tls.ConnectionState) error {
			return s.trust(host, credential.Pin(state.PeerCertificates[0]))
		},
	}}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "https://"+host+"/pxebox.toml", bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.SetBasicAuth(credential.User, s.Password)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the box says: %s\n%s", resp.Status, bytes.TrimSpace(answer))
	}
	fmt.Fprintf(s.Out, "%s: %s", host, answer)
	return nil
}

// trust compares a box with its known fingerprint, and records a new box.
func (s Settings) trust(host, pin string) error {
	f, err := openKnown(s.Known)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, was, _ := strings.Cut(lines.Text(), " "); name == host {
			if was != pin {
				return notTheSame(host, was, pin, s.Known)
			}
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", s.Known, err)
	}
	fmt.Fprint(s.Out, isNew(host, pin))
	_, err = fmt.Fprintln(f, host, pin)
	return err
}
