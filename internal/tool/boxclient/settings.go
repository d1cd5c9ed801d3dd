package boxclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
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

	testPorts settingsPorts // in tests, in place of the box's
}

// Send sends a pxebox.toml to a box, which validates it before it uses it. The
// first time, Send trusts the box that answers; after that it must be the same
// box, as with SSH.
func (s Settings) Send(ctx context.Context, text []byte) error {
	if strings.Contains(s.Host, ":") {
		return s.send(ctx, s.Host, text)
	}
	host, old := withPort(s.Host, s.ports().now), withPort(s.Host, s.ports().before)
	// A box with an earlier version has nothing at the port. All ports have the
	// same certificate.
	d := net.Dialer{Timeout: settingsDial}
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		e := s.send(ctx, old, text, host, withPort(s.Host, updatePort))
		var dial *net.OpError
		if errors.As(e, &dial) && dial.Op == "dial" {
			return fmt.Errorf("%w, and %w", err, e)
		}
		return e
	}
	if err := c.Close(); err != nil {
		return err
	}
	return s.send(ctx, host, text, old, withPort(s.Host, updatePort))
}

// settingsPorts are the ports for settings: of the page, and of boxes with an
// earlier version.
type settingsPorts struct{ now, before string }

func (s Settings) ports() settingsPorts {
	if s.testPorts != (settingsPorts{}) {
		return s.testPorts
	}
	return settingsPorts{pagePort, oldSettingsPort}
}

// settingsDial is how long a box may take to accept a connection before Send
// tries the other port.
const settingsDial = 5 * time.Second

// send sends settings to a host and port. The box may also be known by other
// addresses.
func (s Settings) send(ctx context.Context, host string, text []byte, also ...string) error {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true, // no authority vouches for a box: see trust
			VerifyConnection: func(state tls.ConnectionState) error {
				return knownBoxes{s.Known, s.Out}.trust(credential.Pin(state.PeerCertificates[0]), host, also...)
			},
		},
	}}
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
