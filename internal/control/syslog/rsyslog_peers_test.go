//go:build peers

package syslog

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/peers/fileserver"
)

const rsyslogd = "../../../build/peers-lan/usr/sbin/rsyslogd"

// mmpstrucdata parses the structured data.
const rsyslogConf = `
global(workDirectory="%[1]s")
module(load="imudp")
module(load="imtcp")
module(load="mmpstrucdata")
input(type="imudp" address="127.0.0.1" port="%[2]d")
input(type="imtcp" address="127.0.0.1" port="%[2]d")
action(type="mmpstrucdata")
template(name="all" type="list" option.jsonf="on") {
	property(name="syslogseverity" outname="severity" format="jsonf")
	property(name="hostname" outname="host" format="jsonf")
	property(name="app-name" outname="app" format="jsonf")
	property(name="msgid" outname="id" format="jsonf")
	property(name="$!rfc5424-sd!boot@32473!entry" outname="entry" format="jsonf")
	property(name="$!rfc5424-sd!boot@32473!finding" outname="finding" format="jsonf")
	property(name="msg" outname="text" format="jsonf")
}
action(type="omfile" file="%[1]s/boots" template="all")
`

func TestRsyslogReadsBoots(t *testing.T) {
	program, err := filepath.Abs(rsyslogd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("this test needs rsyslogd: %v; make build/peers-lan unpacks it", err)
	}
	modules, err := filepath.Glob(filepath.Join(program, "../../lib/*/rsyslog"))
	if err != nil || len(modules) != 1 {
		t.Fatal(modules, err)
	}
	for _, tcp := range []bool{false, true} {
		t.Run(fmt.Sprint("tcp=", tcp), func(t *testing.T) {
			free, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			port := netip.MustParseAddrPort(free.LocalAddr().String()).Port()
			free.Close()
			dir := t.TempDir()
			conf := filepath.Join(dir, "rsyslog.conf")
			if err := os.WriteFile(conf, fmt.Appendf(nil, rsyslogConf, dir, port), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, "-n", "-f", conf, "-i", filepath.Join(dir, "pid"), "-M", modules[0])
			if cmd.Env, err = fileserver.Environment(program); err != nil {
				t.Fatal(err)
			}
			cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cmd.Process.Kill(); cmd.Wait() }()

			s, _ := start(t)
			s.Use(Target{Server: "127.0.0.1", Port: port, TCP: tcp})
			r := stopped
			r.Entry, r.Sentence = "a\"] b\\ \n<0>1 - - - - - - ü", "It stopped: é.\nforged"
			type line struct{ Severity, Host, App, ID, Entry, Finding, Text string }
			want := line{
				Severity: "4", Host: "pxebox.local", App: "pxebox", ID: "boot", Entry: "a\"] b\\ ?<0>1 - - - - - - ü",
				Finding: "secure-boot-refused", Text: "\ufeffIt stopped: é.?forged",
			}
			// rsyslogd opens its ports after a while, and UDP does not tell.
			for end := time.Now().Add(patient); ; time.Sleep(100 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("rsyslogd has received nothing")
				}
				if !tcp || listens(port) {
					s.Send(r)
				}
				b, _ := os.ReadFile(filepath.Join(dir, "boots"))
				first, _, whole := strings.Cut(string(b), "\n")
				if !whole {
					continue
				}
				var got line
				if err := json.Unmarshal([]byte(first), &got); err != nil {
					t.Fatalf("%v: %s", err, first)
				}
				if got != want {
					t.Errorf("rsyslogd reads\n%+v, want\n%+v", got, want)
				}
				return
			}
		})
	}
}

func listens(port uint16) bool {
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	c.Close()
	return true
}
