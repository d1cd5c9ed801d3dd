//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/pxebox/pxebox/e2e/handoff"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/secureboot"
	"github.com/pxebox/pxebox/e2e/wds"
)

// adapts is what the machines below need: an entry for those that refuse shim,
// and a rule that sends two of them to a WDS server with both programs.
const adapts = `
[boot]
fallback = "wds"

[[wds]]
name   = "both"
server = "192.168.77.5"
probe  = "5s"

[[entry]]
name   = "both"
label  = "WDS with the programs of 2011 and 2023"
wds    = "both"
listed = false

[[machine]]
mac  = ["52:54:00:77:00:27", "52:54:00:77:00:28"]
boot = "both"
`

// authorities stand for the two of Microsoft's that sign WDS's programs.
type authorities struct{ of2011, of2023 *secureboot.Key }

// addBothPrograms plugs in the WDS server with both programs.
func (s *site) addBothPrograms() (a authorities) {
	s.t.Helper()
	for _, k := range []struct {
		key  **secureboot.Key
		name string
	}{{&a.of2011, "pxebox lab, 2011"}, {&a.of2023, "pxebox lab, 2023"}} {
		var err error
		if *k.key, err = secureboot.NewKey(k.name); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := s.AddWDS2023(lab.SecondWDS, a.of2011, a.of2023); err != nil {
		s.t.Fatal(err)
	}
	return a
}

const (
	// refuses is what EDK2 says about a program that Secure Boot does not trust.
	refuses = "Access Denied|Security Violation"
	// whyFallback is why the box leads a machine to the fallback.
	whyFallback = "loaded the first stage twice, and nothing after it"
	// mostBoots is how many boots a machine may need until the box's answer
	// helps. Each other answer takes one or two.
	mostBoots = 8
)

// bootsUntilWDS lets the client boot, and resets it as a person does, until a
// program of WDS has run. It returns how many boots were refused before.
func (s *site) bootsUntilWDS() (refused int) {
	s.t.Helper()
	for offset := 0; refused < mostBoots; refused++ {
		m, err := s.client.Console.WaitForAfter(s.within(handsOver), offset,
			refuses+"|("+nbp.EFIOK+"|"+nbp.EFIFail+")[^\n]*\n")
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.HasPrefix(m.Text, nbp.EFIPrefix) {
			if v := strings.TrimSpace(m.Text); !nbp.Succeeded(v) {
				s.t.Fatal(v)
			}
			return refused
		}
		s.retriesEnd()
		offset = s.bootedAgain()
	}
	s.t.Fatalf("it refuses %d programs", refused)
	return refused
}

// noThirdParty checks a machine whose Secure Boot refuses shim and trusts
// Windows' programs. It ends at WDS without a menu, and stays there.
func (s *site) noThirdParty(release, reply string) {
	s.t.Helper()
	s.startUEFI(release, lab.UEFIConfig{SecureBoot: true, NoThirdParty: true})
	logged := s.awaitLog("pxed", "answered differently", "mac="+macText(s.mac), `now="?boot\\+x64\\+wdsmgfw\.efi`)
	if n := s.bootsUntilWDS(); n < 2 {
		s.t.Errorf("%d boots were refused, want two or more", n)
	}
	s.checkNoMenu()
	s.checkUEFIHandoff(reply)
	if line, err := logged(); err != nil || !strings.Contains(line, fmt.Sprintf("why=%q", whyFallback)) {
		s.t.Errorf("the log says %q, %v", line, err)
	}
	refused, adapted := 0, 0
	for _, boot := range s.reports() {
		if reportHas(boot, "finding:", "secure-boot-refused") {
			refused++
		}
		if reportHas(boot, "answered differently", whyFallback) {
			adapted++
		}
	}
	if refused < 2 || adapted == 0 {
		s.t.Errorf("on the page, Secure Boot refused %d boots and %d were answered differently:\n%s",
			refused, adapted, strings.Join(s.reports(), "\n"))
	}
	s.retriesEnd()
	s.bootedAgain()
	s.waitRead(lab.WDSAddr, wds.FileEFIFirst, 2)
}

// trustsOne checks a machine whose Secure Boot trusts only one authority for
// Windows' programs. It starts what that one has signed, after as many boots
// that it refused, and then at once.
func (s *site) trustsOne(release string, authority *secureboot.Key, program, reply string, refused int) {
	s.t.Helper()
	s.startUEFI(release, lab.UEFIConfig{SecureBoot: true, Trusts: authority})
	// A machine that comes back later than 90 s after its hand-over counts as one
	// that booted, and an emulated one on a busy host may.
	if n := s.bootsUntilWDS(); n < refused || refused == 0 && n > 0 {
		s.t.Errorf("%d boots were refused, want %d", n, refused)
	}
	s.checkNoMenu()
	if names := s.readsFrom(lab.SecondWDS); len(names) < 2 || names[len(names)-1] != wds.FileEFINext {
		s.t.Errorf("it reads %q", names)
	}
	line, want := grep(s.client.Console.Text(), nbp.EFIOK), fmt.Sprintf("%sserver=%v named by %s",
		nbp.EFIOK, lab.SecondWDS, reply)
	if line != want {
		s.t.Errorf("the verdict is %q, want %q", line, want)
	}
	before := len(s.readsFrom(lab.SecondWDS))
	s.retriesEnd()
	again := s.bootedAgain()
	m, err := s.client.Console.WaitForAfter(s.within(handsOver), again, refuses+"|"+nbp.EFIOK)
	if err != nil {
		s.t.Fatal(err)
	}
	if m.Text != nbp.EFIOK {
		s.t.Errorf("the next boot says %q", m.Text)
	}
	if names := s.readsFrom(lab.SecondWDS)[before:]; len(names) == 0 || names[0] != program {
		s.t.Errorf("in the next boot it reads %q, want %s first", names, program)
	}
}

// staysAsUsual checks that a machine that boots well is always answered in the
// same way, whatever a person does to it in between.
func (s *site) staysAsUsual(release string) {
	s.t.Helper()
	// Its power fails before the box receives what shim asks for.
	afterShim := func(d lan.Datagram) bool {
		name, ok := handoff.ReadName(d.Payload)
		return ok && d.SrcMAC == s.mac && d.Dst.Port() == wds.PortTFTP && !strings.HasSuffix(name, "shimx64.efi")
	}
	s.LAN.Block(afterShim)
	s.startUEFI(release, lab.UEFIConfig{})
	if _, err := s.LAN.WaitUDP(s.within(clientBoots), afterShim); err != nil {
		s.t.Fatal(err)
	}
	s.retriesEnd()
	s.LAN.Block(nil)
	s.waitWholeMenu(s.bootedAgain())
	s.retriesEnd() // a person switches it off at the menu
	s.waitWholeMenu(s.bootedAgain())
	s.press(chooseWDS)
	s.toWDS()
	s.retriesEnd()
	s.waitWholeMenu(s.bootedAgain())
	boots := s.reports()
	if len(boots) < 4 {
		s.t.Errorf("the page has %d boots", len(boots))
	}
	for _, boot := range boots {
		if strings.Contains(boot, "answered differently") {
			s.t.Errorf("the box answers differently:\n%s", boot)
		}
	}
}

// readsFrom returns the names that the client has requested from a server by
// TFTP, each once in a row: EDK2 first asks for the size.
func (s *site) readsFrom(server netip.Addr) (names []string) {
	for _, d := range s.seen() {
		if d.SrcMAC != s.mac || d.Dst != netip.AddrPortFrom(server, wds.PortTFTP) {
			continue
		}
		if name, ok := handoff.ReadName(d.Payload); ok && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	}
	return names
}

// waitRead waits until the client has requested a file so many times.
func (s *site) waitRead(server netip.Addr, name string, times int) {
	s.t.Helper()
	ctx := s.within(clientBoots)
	for {
		n := 0
		for _, read := range s.readsFrom(server) {
			if read == name {
				n++
			}
		}
		if n >= times {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("it requests %s %d times, want %d: %v", name, n, times, context.Cause(ctx))
		case <-time.After(time.Second):
		}
	}
}

// awaitLog follows the log of one of the box's programs until it has a line with
// these regular expressions in this order. The function that it returns waits
// for that.
func (s *site) awaitLog(program string, expressions ...string) func() (string, error) {
	s.t.Helper()
	page, err := s.PageClient(s.box)
	if err != nil {
		s.t.Fatal(err)
	}
	path := "log?stream=stderr&path=/user/" + program
	r, err := http.NewRequestWithContext(s.within(mostBoots*clientBoots), http.MethodGet, lab.Page+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.SetBasicAuth("gokrazy", lab.BoxPassword)
	r.Header.Set("Accept", "text/event-stream") // else lines wait until there are many
	line := regexp.MustCompile(strings.Join(expressions, ".*"))
	type found struct {
		line string
		err  error
	}
	c := make(chan found, 1)
	go func() {
		resp, err := page.Do(r)
		if err != nil {
			c <- found{err: err}
			return
		}
		defer resp.Body.Close()
		in := bufio.NewScanner(resp.Body)
		for in.Scan() {
			if line.MatchString(in.Text()) {
				c <- found{line: in.Text()}
				return
			}
		}
		c <- found{err: fmt.Errorf("%s, %s: the log ends: %v", path, resp.Status, in.Err())}
	}()
	return func() (string, error) {
		select {
		case f := <-c:
			return f.line, f.err
		case <-time.After(shows):
			return "", fmt.Errorf("no line with %q", expressions)
		}
	}
}

// reports returns what the box's page says of each boot of the client, the
// latest first.
func (s *site) reports() (reports []string) {
	s.t.Helper()
	transport := &http.Transport{
		DialContext:     s.Observer.DialContext,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the test has no way to verify the box
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	get := func(path string) string {
		url := fmt.Sprintf("https://%v%s", netip.AddrPortFrom(s.box, ownerPort), path)
		r, err := http.NewRequestWithContext(s.within(shows), http.MethodGet, url, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		r.SetBasicAuth("gokrazy", lab.BoxPassword)
		resp, err := client.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			s.t.Fatalf("%s: %s, %v", path, resp.Status, err)
		}
		return string(b)
	}
	machine := regexp.MustCompile(`href="(/machine/[^"#?]+)"`).FindStringSubmatch(get("/?q=" + macText(s.mac)))
	if machine == nil {
		return nil
	}
	for _, boot := range regexp.MustCompile(`href="(/boot/[^"#?/]+)"`).FindAllStringSubmatch(get(machine[1]), -1) {
		reports = append(reports, get(boot[1]+"/events.txt"))
	}
	return reports
}

// reportHas reports whether a line of a report has these texts in this order.
func reportHas(report string, texts ...string) bool {
	for line := range strings.Lines(report) {
		rest, ok := line, true
		for _, text := range texts {
			if _, rest, ok = strings.Cut(rest, text); !ok {
				break
			}
		}
		if ok {
			return true
		}
	}
	return false
}
