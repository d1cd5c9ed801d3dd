// Command sendsettings sends a pxebox.toml to a box, which checks it before it
// takes it. The first time it trusts the box that answers; from then on the box
// has to be the same, as SSH has it.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/access"
)

func main() {
	password := flag.String("password", "build/update-password", "`file` with the update password, unless PXEBOX_PASSWORD is set")
	known := flag.String("known", "build/known_boxes", "`file` of the boxes that are known")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: sendsettings HOST[:PORT] FILE")
		os.Exit(2)
	}
	if err := send(flag.Arg(0), flag.Arg(1), *password, *known); err != nil {
		fmt.Fprintln(os.Stderr, "sendsettings:", err)
		os.Exit(1)
	}
}

func send(host, file, passwordFile, known string) error {
	if !strings.Contains(host, ":") {
		host += ":8443"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	password := os.Getenv("PXEBOX_PASSWORD")
	if password == "" {
		if password, err = access.ReadPassword(passwordFile); err != nil {
			return fmt.Errorf("%w; or set PXEBOX_PASSWORD", err)
		}
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, // no authority vouches for a box: trust does
		VerifyConnection: func(s tls.ConnectionState) error {
			return trust(known, host, access.Pin(tls.Certificate{Leaf: s.PeerCertificates[0]}))
		},
	}}}
	r, err := http.NewRequest(http.MethodPut, "https://"+host+"/pxebox.toml", bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.SetBasicAuth(access.User, password)
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
	fmt.Printf("%s: %s", host, answer)
	return nil
}

// trust compares a box with what is known of it, and makes a note of a new one.
func trust(known, host, pin string) error {
	// Where nothing was built yet there is no build either.
	if err := os.MkdirAll(filepath.Dir(known), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(known, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, was, _ := strings.Cut(lines.Text(), " "); name == host {
			if was != pin {
				return fmt.Errorf("this is not the box that was at %s before (%s, now %s): if that is right, delete its line in %s", host, was, pin, known)
			}
			return nil
		}
	}
	fmt.Printf("%s is new: it is known by %s from now on\n", host, pin)
	_, err = fmt.Fprintln(f, host, pin)
	return err
}
