//go:build e2e

package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/browser"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/wds"
)

// screenshots is the directory for pictures of the page.
var screenshots = flag.String("screenshots", "", "write page.png and page-phone.png to a `directory`")

// The machines that TestImagePageInBrowser watches, by their MAC's last byte.
const (
	biosMachine    = 0x31 // reaches WDS by its menu
	uefiMachine    = 0x32 // the same, with UEFI
	blockedMachine = 0x33 // its network blocks TFTP
	refusedMachine = 0x34 // its Secure Boot refuses shim
	luredMachine   = 0x35 // boots from another PXE server
)

// ownerPort is the port of the owner's page.
const ownerPort = 443

// pageURL is the page, as the browser opens it.
var pageURL = fmt.Sprintf("https://%v/", lab.BoxAddr)

const (
	// shows is how long the page may take to show what has happened.
	shows = 2 * time.Minute
	// gives is how long a machine may take until it gives up, and how long the
	// box then waits before it says why.
	gives = 6 * time.Minute
)

// watched is a site whose machines a person watches in a browser.
type watched struct {
	*site
	page *browser.Browser
}

// TestImagePageInBrowser lets a person open the page of a box in a browser, log
// in, and watch five machines boot: two reach WDS, and three stop, each for
// another reason. The person then looks one up by the code on its
// screen, and reads the page on a phone. Strangers send what is meant to break a
// page. At last pxed stops. All parts share the box, the machines and the window,
// because booting takes long.
func TestImagePageInBrowser(t *testing.T) {
	s := newSite(t, "browser")
	box, err := s.StartBox(image(t), map[string]lab.File{lab.SettingsFile: {
		Content: []byte(lab.ServerMode + lab.Menu(0, "wds", true) + lab.WDSEntry + lab.DiskEntry),
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{site: s, page: s.openBrowser(box)}
	// Before anything asks the box for its menu: that would be a machine.
	t.Run("log in", func(t *testing.T) { w.as(t).logIn() })
	if t.Failed() {
		return // the other parts need the session
	}
	s.waitBox(lab.BoxAddr)
	machines := map[byte]*site{}
	t.Run("boot by boot, live", func(t *testing.T) { w.as(t).live(machines) })
	if t.Failed() {
		return // the other parts need the machines
	}
	t.Run("why they stopped", func(t *testing.T) { w.as(t).whyStopped() })
	t.Run("by keyboard to a boot", func(t *testing.T) { w.as(t).byKeyboard(machines[biosMachine]) })
	t.Run("each page", func(t *testing.T) { w.as(t).eachPage() })
	if *screenshots != "" {
		t.Run("screenshots", func(t *testing.T) { w.as(t).takeScreenshots(*screenshots) })
	}
	t.Run("hostile names", func(t *testing.T) { w.as(t).hostileNames() })
	t.Run("pxed stops", func(t *testing.T) { w.as(t).pxedStops() })
}

// as returns the site for a subtest, so that the subtest fails by itself.
func (w *watched) as(t *testing.T) *watched { return &watched{site: w.site.as(t), page: w.page} }

// openBrowser starts a browser that reaches the box's page and nothing else, and
// that accepts only the certificate whose fingerprint the box has on its console.
func (s *site) openBrowser(box *qemu.Machine) *browser.Browser {
	s.t.Helper()
	const known = ` part=access [^\n]*https="?(sha256//[A-Za-z0-9+/]{43}=)`
	m, err := box.Console.WaitFor(s.within(boxBoots), known)
	if err != nil {
		s.t.Fatal(err)
	}
	address, err := s.Forward(s.Observer, netip.AddrPortFrom(lab.BoxAddr, ownerPort))
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := browser.Start(browser.Config{
		Hosts: map[string]string{netip.AddrPortFrom(lab.BoxAddr, ownerPort).String(): address},
		Pin:   regexp.MustCompile(known).FindStringSubmatch(m.Text)[1],
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(b.Close)
	return b
}

// do runs actions in the window.
func (w *watched) do(actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := w.page.Do(w.within(shows), actions...); err != nil {
		w.t.Fatal(err)
	}
}

// wait waits until an expression is true in the window.
func (w *watched) wait(limit time.Duration, expression string) {
	w.t.Helper()
	if err := w.page.Wait(w.within(limit), expression); err != nil {
		w.t.Fatalf("%v\nthe page shows:\n%s", err, w.text())
	}
}

// value returns the value of a JavaScript expression.
func value[T any](w *watched, expression string) T {
	w.t.Helper()
	v, err := browser.Run(w.within(shows), w.page, chromedp.Evaluate[T](expression))
	if err != nil {
		w.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// text returns what the window shows.
func (w *watched) text() string {
	v, err := browser.Run(w.within(shows), w.page, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return v
}

// faultless checks that the page did nothing wrong since the last call.
func (w *watched) faultless() {
	w.t.Helper()
	for _, p := range w.page.Problems() {
		w.t.Errorf("in the browser: %s", p)
	}
}

// logIn opens the page, tries a wrong password, and then the right one.
func (w *watched) logIn() {
	// menuwatch may still be starting.
	ctx := w.within(boxBoots)
	for {
		err := w.page.Do(ctx, chromedp.Navigate(pageURL))
		if err == nil {
			break
		}
		if ctx.Err() != nil || strings.Contains(err.Error(), "ERR_CERT") {
			w.t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	w.page.Problems()
	w.wait(shows, `document.querySelector("input[name=password]")`)
	w.do(chromedp.KeyEvent("not the password" + kb.Enter)) // the field has the focus
	w.wait(shows, `document.querySelector("[role=alert]")`)
	for _, p := range w.page.Problems() {
		// The browser logs the answer's status as an error.
		if !strings.Contains(p, "403") || !strings.HasSuffix(p, "/login") {
			w.t.Errorf("in the browser: %s", p)
		}
	}
	w.do(chromedp.KeyEvent(lab.BoxPassword + kb.Enter))
	w.wait(shows, `document.querySelector("input[name=q]")`)
	w.wait(shows, `document.querySelector("[data-empty=waiting]")`)
	w.faultless()
}

// recorder is a script that notes each stage and finding that the list shows, by
// machine. What it has noted is gone when the page is loaded again.
const recorder = `window.shown = {};
(() => {
	const note = () => {
		for (const row of document.querySelectorAll("[data-machine][data-stage]")) {
			const mac = (row.textContent.match(/([0-9a-f]{2}:){5}[0-9a-f]{2}/) || [""])[0];
			const now = row.dataset.stage + " " + row.dataset.finding;
			const all = window.shown[mac] ??= [];
			if (all.at(-1) !== now) all.push(now);
		}
	};
	new MutationObserver(note).observe(document.body, {childList: true, subtree: true, attributes: true});
	note();
})()`

// live powers the machines on, and watches the list until it shows how each of
// them ended. The list is loaded once.
func (w *watched) live(machines map[byte]*site) {
	t := w.t
	value[*int](w, recorder+`; null`)
	start := func(number byte, start func(s *site)) {
		s := w.site.as(t)
		s.mac = lab.Client(number)
		start(s)
		machines[number] = s
	}
	w.block(lab.Client(blockedMachine), lab.Client(luredMachine))
	start(biosMachine, func(s *site) { s.startClient(qemu.Debian12, lab.ClientConfig{}) })
	start(uefiMachine, func(s *site) { s.startUEFI(qemu.Debian13, lab.UEFIConfig{}) })
	start(blockedMachine, func(s *site) { s.startClient(qemu.Debian13, lab.ClientConfig{}) })
	start(refusedMachine, func(s *site) {
		s.startUEFI(qemu.Debian12, lab.UEFIConfig{SecureBoot: true, NoThirdParty: true})
	})
	for _, number := range []byte{biosMachine, uefiMachine} {
		s := machines[number]
		s.waitMenu("Windows Deployment Services")
		w.wait(shows, fmt.Sprintf(`window.shown[%q]?.some(s => s.endsWith(" in-menu"))`, macText(s.mac)))
		s.press(chooseWDS)
	}
	for _, number := range []byte{biosMachine, uefiMachine} {
		machines[number].toWDS()
		w.ends(number, "handed-over")
	}
	w.ends(blockedMachine, "file-not-requested")
	// From now on the box leases no address, because the other server does.
	w.lure(lab.Client(luredMachine))
	start(luredMachine, func(s *site) { s.startClient(qemu.Debian12, lab.ClientConfig{}) })
	w.ends(luredMachine, "another-server")

	shown := value[map[string][]string](w, "window.shown")
	for number := range machines {
		t.Logf("%s: %s", macText(lab.Client(number)), strings.Join(shown[macText(lab.Client(number))], ", "))
	}
	for _, number := range []byte{biosMachine, uefiMachine} {
		checkStages(t, shown[macText(lab.Client(number))])
	}
	if t.Failed() {
		t.Logf("the page shows:\n%s", w.text())
	}
	w.faultless()
}

// ends waits until the list shows a finding as the latest one of a machine.
func (w *watched) ends(number byte, finding string) {
	w.t.Helper()
	mac := macText(lab.Client(number))
	is := fmt.Sprintf(`window.shown[%q]?.at(-1).endsWith(" %s")`, mac, finding)
	if err := w.page.Wait(w.within(gives), is); err != nil {
		w.t.Errorf("%s: the page never shows %s: %v", mac, finding, err)
	}
}

// whyStopped opens the page of each machine that did not boot. It must have a
// boot with the finding, and say what to do.
func (w *watched) whyStopped() {
	for number, finding := range map[byte]string{
		blockedMachine: "file-not-requested",
		// EDK2 then tries HTTP, which is part of the same boot.
		refusedMachine: "secure-boot-refused",
		luredMachine:   "another-server",
	} {
		mac := macText(lab.Client(number))
		w.do(chromedp.Navigate(pageURL + "?" + url.Values{"q": {mac + " " + finding}}.Encode()))
		w.wait(gives, fmt.Sprintf(`document.querySelector("[data-finding=%s]")`, finding))
		found := fmt.Sprintf(`document.querySelector("[data-finding=%s]")`, finding)
		boot := value[string](w, found+`.querySelector("a[href^='/boot/']").href`)
		w.do(chromedp.Navigate(boot))
		w.wait(shows, found)
		verdict := value[string](w, found+".innerText")
		w.t.Logf("%s: %s", mac, verdict)
		if n := strings.Count(verdict, "\n"); n < 3 {
			w.t.Errorf("%s: no advice: %q", mac, verdict)
		}
	}
	w.faultless()
}

// checkStages checks that a boot was seen while it went on.
func checkStages(t *testing.T, shown []string) {
	t.Helper()
	menu := slices.IndexFunc(shown, func(s string) bool { return strings.HasPrefix(s, "in-menu ") })
	if menu < 2 {
		t.Errorf("only %d stages are shown before the menu: %q", menu, shown)
	}
}

// block drops all requests for files from one machine to the box, as a firewall
// does that knows only DHCP. It also drops the box's DHCP answers to another
// machine: those of a server that is nearer come first.
func (s *site) block(files, answers [6]byte) {
	s.LAN.Block(func(d lan.Datagram) bool {
		if d.Src == netip.AddrPortFrom(lab.BoxAddr, dhcpv4.ServerPort) {
			const chaddr = 28 // RFC 2131 §2
			return bytes.HasPrefix(d.Payload[min(chaddr, len(d.Payload)):], answers[:])
		}
		return d.SrcMAC == files && d.Dst == netip.AddrPortFrom(lab.BoxAddr, wds.PortTFTP)
	})
}

// rivalAddr is the address of another server for machines that boot from the
// network.
var rivalAddr = netip.MustParseAddr("192.168.77.8")

// lure plugs in a DHCP server that answers one machine, and tells it to boot a
// file that does not come.
func (s *site) lure(mac [6]byte) {
	s.t.Helper()
	host, err := s.LAN.Host([6]byte{0x52, 0x54, 0x00, 0x77, 0x00, 0x08}, netip.PrefixFrom(rivalAddr, 24))
	if err != nil {
		s.t.Fatal(err)
	}
	answerDHCP(s.t, host, func(q *dhcpv4.DHCPv4) []dhcpv4.Modifier {
		if [6]byte(q.ClientHWAddr) != mac {
			return nil
		}
		kind := dhcpv4.MessageTypeOffer
		if q.MessageType() == dhcpv4.MessageTypeRequest {
			kind = dhcpv4.MessageTypeAck
		}
		return []dhcpv4.Modifier{
			dhcpv4.WithMessageType(kind),
			dhcpv4.WithYourIP([]byte{192, 168, 77, 200}),
			dhcpv4.WithNetmask([]byte{255, 255, 255, 0}),
			dhcpv4.WithLeaseTime(300),
			withServer(rivalAddr), withFile("elsewhere/pxelinux.0"),
		}
	})
}

// shownCode matches the code at the foot of a menu.
var shownCode = regexp.MustCompile(`code ([0-9A-Z]{4})\b`)

// byKeyboard finds the boot of a machine by the code at the foot of its menu,
// without a mouse.
func (w *watched) byKeyboard(s *site) {
	t := w.t
	m := shownCode.FindStringSubmatch(s.client.Console.Text())
	if m == nil {
		t.Fatalf("no code at the menu's foot:\n%s", s.client.Console.Text())
	}
	w.do(chromedp.Navigate(pageURL))
	w.tabTo(`document.activeElement.name === "q"`)
	w.do(chromedp.KeyEvent(m[1] + kb.Enter))
	boot := `location.pathname.startsWith("/boot/")`
	w.wait(shows, boot+` || document.querySelector("input[name=q]")?.defaultValue`)
	if !value[bool](w, boot) {
		w.tabTo(`document.activeElement.pathname?.startsWith("/boot/")`)
		w.do(chromedp.KeyEvent(kb.Enter))
	}
	w.wait(shows, boot+` && document.readyState === "complete"`)
	if text := w.text(); !strings.Contains(text, macText(s.mac)) || !strings.Contains(text, m[1]) {
		t.Errorf("the code %s leads to a boot without %s:\n%s", m[1], macText(s.mac), text)
	}
	w.faultless()
}

// tabTo presses the tab key until an expression is true of the focus. The focus
// must be visible.
func (w *watched) tabTo(expression string) {
	w.t.Helper()
	for range 40 {
		w.do(chromedp.KeyEvent(kb.Tab))
		if value[bool](w, "!!("+expression+")") {
			const ring = `(s => s.outlineStyle !== "none" || s.boxShadow !== "none")(getComputedStyle(document.activeElement))`
			if !value[bool](w, ring) {
				w.t.Errorf("a person does not see the focus: %s", value[string](w, "document.activeElement.outerHTML"))
			}
			return
		}
	}
	w.t.Fatalf("no tab leads to %s; the page shows:\n%s", expression, w.text())
}

// eachPage opens each page in both sizes and both color schemes.
func (w *watched) eachPage() {
	w.do(chromedp.Navigate(pageURL))
	pages := value[[]string](w, `[...new Set([
		location.href,
		...[...document.querySelectorAll("header nav a")].map(a => a.href),
		document.querySelector("[data-machine] a[href^='/boot/']").href,
		document.querySelector("[data-machine] a[href^='/machine/']").href,
	])]`)
	if len(pages) < 4 {
		w.t.Errorf("only %d pages: %q", len(pages), pages)
	}
	sizes := map[string]chromedp.Action[chromedp.Void]{"desktop": browser.Desktop(), "phone": browser.Phone()}
	for _, page := range pages {
		for _, scheme := range []string{"light", "dark"} {
			for size, action := range sizes {
				w.do(action, browser.ColorScheme(scheme), chromedp.Navigate(page))
				where := fmt.Sprintf("%s, %s, %s", page, size, scheme)
				w.wait(shows, `document.readyState === "complete" && document.querySelector("main h1")`)
				if wide := value[[]string](w, wideElements); len(wide) > 0 {
					w.t.Errorf("%s: wider than the window: %q", where, wide)
				}
				if small := value[[]string](w, unreadable); len(small) > 0 {
					w.t.Errorf("%s: hard to read: %q", where, small)
				}
				w.faultless()
			}
		}
	}
	w.do(browser.Desktop(), browser.ColorScheme("light"))
}

// wideElements is a script that returns the elements because of which a person
// must scroll sideways. What scrolls within itself is not meant.
const wideElements = `(() => {
	if (document.documentElement.scrollWidth <= innerWidth) return [];
	const all = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1);
	return [document.documentElement.scrollWidth + " pixels in " + innerWidth,
		...all.slice(0, 5).map(e => e.outerHTML.slice(0, 200))];
})()`

// unreadable is a script that returns texts that are smaller than 12 pixels, or
// whose contrast is below 4.5:1 (WCAG 2.2, 1.4.3).
const unreadable = `(() => {
	const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
	const paint = canvas.getContext("2d", {willReadFrequently: true});
	const over = (below, color) => {
		paint.fillStyle = "rgb(" + below.join(" ") + ")";
		paint.fillRect(0, 0, 1, 1);
		paint.fillStyle = color;
		paint.fillRect(0, 0, 1, 1);
		return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
	};
	const dark = matchMedia("(prefers-color-scheme: dark)").matches;
	const background = e => over(
		e.parentElement ? background(e.parentElement) : dark ? [18, 18, 18] : [255, 255, 255],
		getComputedStyle(e).backgroundColor);
	const light = c => c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const bad = [];
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
		const box = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (!own || box.width < 2 || box.bottom < 0) continue;
		if (style.visibility !== "visible" || e.closest("[aria-hidden=true]")) continue;
		const below = background(e);
		const [a, b] = [light(over(below, style.color)), light(below)].sort((x, y) => y - x);
		const contrast = (a + 0.05) / (b + 0.05), size = parseFloat(style.fontSize);
		if (size < 12 || contrast < 4.5)
			bad.push(e.textContent.trim().slice(0, 60) + ": " + size + " px, contrast " + contrast.toFixed(1));
	}
	return bad.slice(0, 5);
})()`

// hostile are names that strangers send. Each would be a script, if a page did
// not escape it.
var hostile = []string{
	`<script>window.owned = 1</script>`,
	`"><img src=x onerror="window.owned = 1">`,
	`'-alert(1)-'`,
	`</title></script><svg/onload=alert(1)>`,
	`<a href="javascript:alert(1)">x`,
	`{{.Boot}}${alert(1)}`,
	strings.Repeat("A", 300),
	strings.Repeat("<b>", 100),
	"\xff\xfe\xc0\xaf<script>alert(1)</script>\xed\xa0\x80",
	"\u202e\u2066reversed\x1b[31m\r\nLocation: https://example.org/",
	`https://example.org/evil.js`,
}

// hostileNames sends such names in all fields of DHCP packets that hold text, as
// the names of files, and as those that another server names. Then it looks at
// each page.
func (w *watched) hostileNames() {
	t := w.t
	w.do(chromedp.Navigate(pageURL))
	value[*int](w, recorder+`; null`)
	host := w.stranger(200)
	conn, err := host.ListenUDP(0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	dhcpConn, err := host.ListenUDP(dhcpv4.ClientPort)
	if err != nil {
		t.Fatal(err)
	}
	defer dhcpConn.Close()
	broadcast := &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ServerPort}
	for i, name := range hostile {
		mac := net.HardwareAddr{0x02, 0x66, 0, 0, 0, byte(i)}
		short := name[:min(len(name), 200)] // an option holds 255 bytes
		discover, err := dhcpv4.New(
			dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover),
			dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00007:UNDI:003016"+short)),
			dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, 7})),
			dhcpv4.WithOption(dhcpv4.OptHostName(short)),
			dhcpv4.WithOption(dhcpv4.OptUserClass(short)),
			dhcpv4.WithOption(dhcpv4.OptBootFileName(short)),
			func(p *dhcpv4.DHCPv4) {
				p.BootFileName, p.ServerHostName = name[:min(len(name), 127)], name[:min(len(name), 63)]
			},
		)
		if err != nil {
			t.Fatal(err)
		}
		offer, err := dhcpv4.NewReplyFromRequest(discover,
			dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer),
			withServer(host.Addr), withFile(name[:min(len(name), 127)]),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(host.Addr.AsSlice())),
			dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient")),
			dhcpv4.WithOption(dhcpv4.OptTFTPServerName(short)),
		)
		if err != nil {
			t.Fatal(err)
		}
		read := []byte("\x00\x01" + name + "\x00octet\x00")
		for to, b := range map[*net.UDPAddr][]byte{
			broadcast: discover.ToBytes(),
			{IP: lab.BoxAddr.AsSlice(), Port: wds.PortTFTP}: read,
		} {
			if _, err := conn.WriteTo(b, to); err != nil {
				t.Fatal(err)
			}
		}
		all := &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort}
		if _, err := dhcpConn.WriteTo(offer.ToBytes(), all); err != nil {
			t.Fatal(err)
		}
	}
	last := fmt.Sprintf("02:66:00:00:00:%02x", len(hostile)-1)
	w.wait(gives, fmt.Sprintf(`window.shown[%q]`, last))
	w.checkHarmless("the list, live")
	links := value[[]string](w, `[...document.querySelectorAll("[data-machine] a[href^='/boot/']")].map(a => a.href)`)
	links = append(links, value[[]string](w, `[...document.querySelectorAll("header nav a")].map(a => a.href)`)...)
	for _, name := range hostile {
		links = append(links, pageURL+"?"+url.Values{"q": {name}}.Encode())
	}
	var texts strings.Builder
	unfold := chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`)
	for _, link := range links {
		w.do(chromedp.Navigate(link), unfold)
		w.checkHarmless(link)
		texts.WriteString(w.text())
	}
	for _, name := range []string{hostile[0], hostile[4], strings.Repeat("A", 60)} {
		if !strings.Contains(texts.String(), name) {
			t.Errorf("no page shows %q", name)
		}
	}
}

// checkHarmless checks that no name on the page became a part of the page.
func (w *watched) checkHarmless(where string) {
	w.t.Helper()
	if found := value[[]string](w, `(all => [
		window.owned && "a script ran",
		...all("script:not([src]), main img, main svg, a[href^='javascript:'], b b").map(e => e.outerHTML),
		...all("[src], [href]").map(e => e.src || e.href).filter(u => !u.startsWith(location.origin)),
	].filter(x => x))(s => [...document.querySelectorAll(s)])`); len(found) > 0 {
		w.t.Errorf("%s: %q", where, found)
	}
	if wide := value[[]string](w, wideElements); len(wide) > 0 {
		w.t.Errorf("%s: wider than the window: %q", where, wide)
	}
	w.faultless()
}

// pxedStops stops pxed through gokrazy, and starts it again.
func (w *watched) pxedStops() {
	t := w.t
	w.do(chromedp.Navigate(pageURL))
	client, err := w.PageClient(lab.BoxAddr)
	if err != nil {
		t.Fatal(err)
	}
	w.control(client, "stop", "pxed")
	down := `document.querySelector("[data-feed=down]")`
	w.wait(shows, down)
	if text := value[string](w, down+".innerText"); !regexp.MustCompile(`since .*\d`).MatchString(text) {
		t.Errorf("pxed is down, and the page does not say since when: %q", text)
	}
	if text := w.text(); !strings.Contains(text, macText(lab.Client(biosMachine))) {
		t.Errorf("with pxed, the page has lost the machines:\n%s", text)
	}
	w.faultless()
	w.control(client, "restart", "pxed")
	w.wait(clientBoots, "!"+down)
	w.faultless()
}

// takeScreenshots makes the README's pictures: the list, and on a phone the boot
// that Secure Boot ended.
func (w *watched) takeScreenshots(dir string) {
	refused := pageURL + "?" + url.Values{"q": {macText(lab.Client(refusedMachine)) + " secure-boot-refused"}}.Encode()
	w.do(chromedp.Navigate(refused))
	boot := value[string](w, `document.querySelector("[data-finding=secure-boot-refused] a[href^='/boot/']").href`)
	for _, picture := range []struct {
		name, url string
		size      chromedp.Action[chromedp.Void]
	}{
		{name: "page.png", url: pageURL, size: browser.Desktop()},
		{name: "page-phone.png", url: boot, size: browser.Phone()},
	} {
		w.do(picture.size, browser.ColorScheme("light"), chromedp.Navigate(picture.url))
		w.wait(shows, `document.readyState === "complete" && document.querySelector("[data-boot]")`)
		b, err := browser.Run(w.within(shows), w.page, chromedp.CaptureScreenshot())
		if err != nil {
			w.t.Fatal(err)
		}
		const most = 150 << 10 // of a picture in the repository
		if len(b) > most {
			w.t.Errorf("%s has %d bytes, more than %d", picture.name, len(b), most)
		}
		if err := os.WriteFile(filepath.Join(dir, picture.name), b, 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	w.do(browser.Desktop())
}
