package syslog

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// A boot of package trace arrives with its fields.
func TestSendsBoot(t *testing.T) {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s, _ := start(t)
	s.Use(Target{Server: "127.0.0.1", Port: netip.MustParseAddrPort(server.LocalAddr().String()).Port()})

	mac, err := ether.ParseMAC("52:54:00:12:34:56")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC)
	all := trace.New(4, 64)
	all.Add(trace.Event{
		Time: began, Protocol: trace.DHCP, MAC: mac, GUID: "70786562-6f78-4c61-8000-000000000010", What: "offer",
		Outcome: trace.Sent,
		Addr:    netip.MustParseAddr("192.168.77.101"), Firmware: "uefi-x64",
	})
	now := began.Add(time.Hour)
	quiet := all.Quiet(now, 1)
	if len(quiet) != 1 {
		t.Fatalf("%d boots", len(quiet))
	}
	v := quiet[0].Verdict(now)
	s.Boot(quiet[0], v)

	server.SetReadDeadline(time.Now().Add(patient))
	b := make([]byte, 9000)
	n, err := server.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	severity, got, text := read(t, b[:n])
	for name, want := range map[string]string{
		"mac": "52:54:00:12:34:56", "guid": "70786562-6f78-4c61-8000-000000000010", "address": "192.168.77.101",
		"firmware": "uefi-x64", "stage": "offered", "finding": string(v.Finding), "server": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if text != v.Sentence() || text == "" || severity != warning {
		t.Errorf("severity %d, text %q; the verdict is %+v", severity, text, v)
	}
}
