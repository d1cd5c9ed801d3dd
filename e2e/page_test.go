//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/lan"
)

// stranger plugs in one more host, with one of the site's addresses.
func (s *site) stranger(number byte) *lan.Host {
	s.t.Helper()
	addr := lab.BoxAddr.As4()
	addr[3] = number
	h, err := s.LAN.Host(lab.Client(number), netip.PrefixFrom(netip.AddrFrom4(addr), 24))
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// as returns the site for a subtest, so that the subtest fails by itself.
func (s *site) as(t *testing.T) *site {
	sub := *s
	sub.t = t
	return &sub
}

// fetch sends a request to the page with a password, and returns the status of
// the answer.
func fetch(ctx context.Context, client *http.Client, method, path, password string, header http.Header) (int, error) {
	r, err := http.NewRequestWithContext(ctx, method, lab.Page+path, nil)
	if err != nil {
		return 0, err
	}
	for key, values := range header {
		r.Header[key] = values
	}
	r.SetBasicAuth("gokrazy", password)
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// TestImagePageUnderAttack lets strangers take all connections of the page's
// port, guess its password, and send a browser's requests from another site.
func TestImagePageUnderAttack(t *testing.T) {
	s := newSite(t, "page-under-attack")
	box, err := s.StartBox(image(t), map[string]lab.File{lab.SettingsFile: {Content: []byte(titled(lab.Title))}})
	if err != nil {
		t.Fatal(err)
	}
	s.waitBox(lab.BoxAddr)
	s.dial(s.within(boxBoots), lab.PagePort).Close()
	page, err := s.PageClient(lab.BoxAddr)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("no TCP port of the first program", func(t *testing.T) {
		console := box.Console.Text()
		if !strings.Contains(console, "now listening on /run/gokrazy-http.sock") {
			t.Error("gokrazy does not log that it listens on its socket")
		}
		if line := regexp.MustCompile(`now listening on [^/\r\n]+`).FindString(console); line != "" {
			t.Errorf("gokrazy: %s", line)
		}
	})

	t.Run("another site's form", func(t *testing.T) {
		s := s.as(t)
		for _, header := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://example.org"}},
			{"Origin": {"https://example.org"}}, // an old browser
		} {
			for _, path := range []string{"update/switch", "reboot"} {
				code, err := fetch(s.within(clientBoots), page, http.MethodPost, path, lab.BoxPassword, header)
				if err != nil || code != http.StatusForbidden {
					t.Errorf("%s with %v: %d, %v", path, header, code, err)
				}
			}
		}
		code, err := fetch(s.within(clientBoots), page, http.MethodGet, "update/bootonly", lab.BoxPassword, nil)
		if err != nil || code != http.StatusMethodNotAllowed {
			t.Errorf("a link to update/bootonly: %d, %v", code, err)
		}
	})

	t.Run("idle connections", func(t *testing.T) {
		s := s.as(t)
		// These numbers made a box without limits unable to start a program.
		const hosts, each = 20, 210
		var (
			wg     sync.WaitGroup
			mu     sync.Mutex
			opened int
		)
		ctx := s.within(5 * time.Minute)
		to := netip.AddrPortFrom(lab.BoxAddr, lab.PagePort).String()
		for i := range hosts {
			h := s.stranger(byte(160 + i))
			wg.Go(func() {
				for range each {
					conn, err := h.DialContext(ctx, "tcp", to)
					if err != nil {
						continue // the port's queue is full
					}
					t.Cleanup(func() { conn.Close() })
					mu.Lock()
					opened++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		t.Logf("%d connections were opened, and are left open by those who opened them", opened)
		if opened < hosts*each*9/10 {
			t.Errorf("only %d connections of %d could be opened", opened, hosts*each)
		}
		start := time.Now()
		before, after := s.restart(page, "menuwatch")
		took := time.Since(start).Round(time.Millisecond)
		t.Logf("menuwatch was restarted: process %d, then %d, within %v", before, after, took)
		s.waitBox(lab.BoxAddr)
	})

	t.Run("guesses", func(t *testing.T) {
		s := s.as(t)
		guesser := s.stranger(190)
		client, err := s.PageClientOf(guesser, lab.BoxAddr)
		if err != nil {
			t.Fatal(err)
		}
		const guesses = 60
		codes := map[int]int{}
		start := time.Now()
		for range guesses {
			code, err := fetch(s.within(clientBoots), client, http.MethodGet, "", "guess", nil)
			if err != nil {
				t.Fatal(err)
			}
			codes[code]++
		}
		took := time.Since(start)
		t.Logf("%d guesses in %v: %v", guesses, took.Round(time.Second), codes)
		if most := 10 + int(took/time.Minute) + 1; codes[http.StatusUnauthorized] > most {
			t.Errorf("%d guesses are answered, more than %d", codes[http.StatusUnauthorized], most)
		}
		if codes[http.StatusTooManyRequests] < guesses/2 {
			t.Errorf("%d guesses are put off", codes[http.StatusTooManyRequests])
		}
		line := fmt.Sprintf(`msg=refused[^\n]* client=%v err="wrong user or password"`, guesser.Addr)
		if _, err := box.Console.WaitFor(s.within(time.Minute), line); err != nil {
			t.Errorf("the guesses are not logged: %v", err)
		}
		code, err := fetch(s.within(clientBoots), page, http.MethodGet, "", lab.BoxPassword, nil)
		if err != nil || code != http.StatusOK {
			t.Errorf("the owner gets %d, %v", code, err)
		}
	})

	if n := strings.Count(box.Console.Text(), "Linux version "); n != 1 {
		t.Errorf("the box was started %d times", n)
	}
}

// restart lets the page restart a program, as a person does, and returns its
// process before and after.
func (s *site) restart(page *http.Client, program string) (before, after int) {
	s.t.Helper()
	before, err := s.processOf(page, program)
	if err != nil {
		s.t.Fatal(err)
	}
	s.control(page, "restart", program)
	ctx := s.within(clientBoots)
	for {
		if after, err = s.processOf(page, program); err == nil && after != 0 && after != before {
			return before, after
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("%s is not started again: process %d, then %d, %v",
				program, before, after, errors.Join(err, ctx.Err()))
		case <-time.After(time.Second):
		}
	}
}

// processOf asks the page for the process of a program.
func (s *site) processOf(page *http.Client, program string) (int, error) {
	path, accept := "status?path=/user/"+program, http.Header{"Accept": {"application/json"}}
	b, err := askPage(s.within(clientBoots), page, lab.BoxPassword, http.MethodGet, path, nil, accept)
	if err != nil {
		return 0, err
	}
	var status struct{ Pid int }
	err = json.Unmarshal(b, &status)
	return status.Pid, err
}

// control presses a button on a program's page: "stop" or "restart".
func (s *site) control(page *http.Client, button, program string) {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{
		Transport: page.Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if _, err := s.processOf(client, program); err != nil { // this fetches the token
		s.t.Fatal(err)
	}
	u, err := url.Parse(lab.Page)
	if err != nil {
		s.t.Fatal(err)
	}
	form := url.Values{"path": {"/user/" + program}}
	for _, c := range jar.Cookies(u) {
		if c.Name == "gokrazy_xsrf" {
			form.Set("xsrftoken", c.Value)
		}
	}
	body := strings.NewReader(form.Encode())
	r, err := http.NewRequestWithContext(s.within(clientBoots), http.MethodPost, lab.Page+button, body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.SetBasicAuth("gokrazy", lab.BoxPassword)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("%s: %s", button, resp.Status)
	}
}

// TestImagePageAddresses requests the page where gokrazy itself would not
// listen, because a box must be updatable at all of its addresses. One box has
// its owner's password on /perm, which takes effect. Another has a password
// that is too short, which does not: the box generates one.
func TestImagePageAddresses(t *testing.T) {
	for _, tt := range []struct {
		situation, settings, host string
		found                     string // on the console
		own                       string // the password on /perm
		counts                    bool
	}{
		{
			situation: "public", settings: "[network]\naddress = \"203.0.113.1/24\"\n", host: "203.0.113.9/24",
			found: `address=(203\.0\.113\.1)/24`,
			own:   "three-words-mine", counts: true,
		},
		{situation: "link-local", host: "169.254.200.200/16", found: `address=(169\.254\.\d+\.\d+)/16`, own: "short"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "page-"+tt.situation)
			box, err := s.StartBox(image(t), map[string]lab.File{
				lab.SettingsFile: {Content: []byte(tt.settings)},
				"gokr-pw.txt":    {Content: []byte(tt.own + "\n")},
			})
			if err != nil {
				t.Fatal(err)
			}
			right, wrong := tt.own, lab.BoxPassword
			if !tt.counts {
				right, wrong = s.generatedPassword(box), tt.own
			}
			m, err := box.Console.WaitFor(s.within(boxBoots), tt.found)
			if err != nil {
				t.Fatal(err)
			}
			addr, err := netip.ParseAddr(regexp.MustCompile(tt.found).FindStringSubmatch(m.Text)[1])
			if err != nil {
				t.Fatal(err)
			}
			// The state for a person in front of the box.
			state := regexp.QuoteMeta("pxebox: Page        https://" + addr.String())
			if _, err := box.Console.WaitFor(s.within(boxBoots), state); err != nil {
				t.Error(err)
			}
			host, err := s.LAN.Host(lab.Client(0x40), netip.MustParsePrefix(tt.host))
			if err != nil {
				t.Fatal(err)
			}
			page, err := s.PageClientOf(host, addr)
			if err != nil {
				t.Fatal(err)
			}
			ctx := s.within(boxBoots)
			for {
				code, err := fetch(ctx, page, http.MethodGet, "update/features", right, nil)
				if err == nil {
					if code != http.StatusOK {
						t.Errorf("at %v it answers %d", addr, code)
					}
					code, err := fetch(ctx, page, http.MethodGet, "update/features", wrong, nil)
					if err != nil || code != http.StatusUnauthorized {
						t.Errorf("with the other password it answers %d, %v", code, err)
					}
					return
				}
				select {
				case <-ctx.Done():
					t.Fatalf("at %v: %v", addr, err)
				case <-time.After(time.Second):
				}
			}
		})
	}
}
