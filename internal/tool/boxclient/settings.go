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

// Settings is where settings go.
type Settings struct {
	Host     string // or HOST:PORT
	Password string
	Known    string    // the file of the boxes that are known
	Out      io.Writer // what a person reads
}

// Send sends a pxebox.toml to a box, which checks it before it takes it. The
// first time the box that answers is trusted; from then on it has to be the same,
// as SSH has it.
func (s Settings) Send(ctx context.Context, text []byte) error {
	host := withPort(s.Host, settingsPort)
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, // no authority vouches for a box: trust does
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

// trust compares a box with what is known of it, and makes a note of a new one.
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
