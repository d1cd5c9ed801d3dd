package trace

import (
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The lab's addresses and names, as in the captures of the end-to-end tests that
// these flows follow.
var (
	dhcpServer = netip.MustParseAddr("192.168.77.3")
	wdsServer  = netip.MustParseAddr("192.168.77.2")
)

const (
	guidA = "70786562-6f78-4c61-8000-000000000010"
	bios  = "bios"
	uefi  = "uefi-x64"
	pi    = "raspberry-pi"
)

// A flow is the events of one machine, in order. All of them are built from
// these pieces.
type flow []Event

func dhcpEvent(t float64, fw, what string, o Outcome) Event {
	return Event{Time: at(t), Protocol: DHCP, MAC: macA, GUID: guidA, Addr: addrA, Firmware: fw, What: what, Outcome: o}
}

// proxyOffer is the box's answer to a DISCOVER next to the site's DHCP server.
func proxyOffer(t float64, fw string) Event {
	e := dhcpEvent(t, fw, "proxy offer", Sent)
	e.Addr = netip.Addr{}
	return e
}

// takes is the machine's REQUEST to the site's DHCP server.
func takes(t float64, fw string) Event {
	e := dhcpEvent(t, fw, OtherRequest, Seen)
	e.Server = dhcpServer
	return e
}

func names(e Event, file string) Event { e.File = file; return e }

func because(e Event, why string) Event { e.Why = why; return e }

func byIPXE(e Event) Event { e.IPXE = true; return e }

// told is the box's answer on port 4011.
func told(t float64, fw, name string) Event {
	return names(dhcpEvent(t, fw, "boot server ack", Sent), name)
}

// upTo4011 is a boot up to the box's answer on port 4011, as EDK2 and iPXE take it.
func upTo4011(fw, name string) flow {
	return flow{proxyOffer(0, fw), takes(3.8, fw), told(3.81, fw, name)}
}

// get is a transfer with its beginning.
func get(t float64, r Role, name string) flow {
	e := file(t, addrA, name)
	e.Role = r
	began := begins(e)
	began.Role = r
	return flow{began, e}
}

// timedOut is the end of a transfer that began at a time.
func timedOut(t, began float64, r Role, name string, bytes int64) flow {
	f := get(t, r, name).ends(TimedOut, bytes)[1:]
	f[0].Took = f[0].Time.Sub(at(began))
	return f
}

// ends changes how the last transfer of a flow ended.
func (f flow) ends(o Outcome, bytes int64) flow {
	f = slices.Clone(f)
	f[len(f)-1].Outcome, f[len(f)-1].Bytes = o, bytes
	return f
}

// byHTTP makes a flow's transfers HTTP requests.
func byHTTP(f flow) flow {
	f = slices.Clone(f)
	for i := range f {
		f[i].Protocol = HTTP
	}
	return f
}

// of sets the entry of a flow's transfers.
func (f flow) of(entry string) flow {
	f = slices.Clone(f)
	for i := range f {
		f[i].Entry = entry
	}
	return f
}

// leadsTo sets where a flow's transfers hand the machine over to.
func leadsTo(f flow, server netip.Addr) flow {
	f = slices.Clone(f)
	for i := range f {
		f[i].Server = server
	}
	return f
}

func absentFile(t float64, r Role, name string) flow {
	e := missing(t, addrA, name)
	e.Role = r
	return flow{e}
}

// probe is EDK2's question for the size: it aborts after the OACK.
func probe(t float64, name string) flow { return get(t, FirstStage, name).ends(Aborted, 0) }

func flows(parts ...flow) flow { return slices.Concat(parts...) }

// shimRuns is what EDK2 with shim does up to the menu of GRUB (capture
// proxy-mode: Secure Boot, shim 16.1).
func shimRuns() flow {
	return flows(
		upTo4011(uefi, "shimx64.efi"), probe(4.8, "shimx64.efi"), get(5.4, FirstStage, "shimx64.efi"),
		absentFile(5.5, "", "revocations_sku.efi"), absentFile(5.51, "", "revocations_sbat.efi"),
		absentFile(5.52, "", "shim_certificate_0.efi"),
		get(6.5, SecondStage, "grubx64.efi"),
		absentFile(7, "", "/grub/x86_64-efi/command.lst"), absentFile(7.01, "", "/grub/x86_64-efi/fs.lst"),
	)
}

func grubMenu() flow { return flows(shimRuns(), get(7.2, Menu, "/grub/grub.cfg")) }

// pxelinuxMenu is what iPXE's ROM with PXELINUX does up to the menu (capture
// proxy-mode, machine 12).
func pxelinuxMenu() flow {
	return flows(
		flow{byIPXE(proxyOffer(0, bios)), byIPXE(takes(1, bios)), byIPXE(told(1.1, bios, "pxelinux.0"))},
		get(1.4, FirstStage, "pxelinux.0"), get(1.6, SecondStage, "ldlinux.c32"),
		absentFile(1.7, "", "pxelinux.cfg/62657870-786f-614c-8000-000000000012"),
		get(1.9, Menu, "pxelinux.cfg/01-52-54-00-77-00-12"), get(2.1, SecondStage, "menu.c32"),
		get(2.3, SecondStage, "libutil.c32"),
		get(2.5, Menu, "pxelinux.cfg/01-52-54-00-77-00-12"),
	)
}

// toWDS is a boot that DHCP sends to the WDS server. EDK2 then asks that
// server on port 4011 and by TFTP, which the box does not see.
func toWDS(t float64) flow {
	offer := proxyOffer(t, uefi)
	offer.Server, offer.File = wdsServer, `boot\x64\wdsmgfw.efi`
	handed := dhcpEvent(t+3.8, uefi, HandedOver, Sent)
	handed.Server, handed.File, handed.Entry = wdsServer, `boot\x64\wdsmgfw.efi`, "wds1"
	return flow{offer, handed, takes(t+3.8, uefi)}
}

// wdsChosen is a boot in which GRUB asks for the hand-over, and restarts.
func wdsChosen() flow {
	return flows(grubMenu(),
		get(12, HandOver, "/handoff/wds/52:54:00:77:00:10/34453a2cc68f66fd2b7684d9b0533fe2").of("wds1"))
}

// piLoads is a Raspberry Pi up to its kernel.
func piLoads() flow {
	return flows(
		flow{proxyOffer(0, pi), takes(1, pi), told(2, pi, "bootcode.bin")},
		absentFile(2.1, "", "1234abcd/start4.elf"), get(2.5, "", "start4.elf"), get(2.7, "", "config.txt"),
	)
}

func otherOffer1(t float64, server netip.Addr, name string) flow {
	e := names(dhcpEvent(t, "", OtherOffer, Seen), name)
	e.Server = server
	return flow{e}
}

func TestVerdicts(t *testing.T) {
	systemAsks := dhcpEvent(40, "", OtherRequest, Seen)
	installer := flows(grubMenu(), get(14, Kernel, "/debian/linux").of("debian"),
		get(17, Initrd, "/debian/initrd.gz").of("debian"))
	initrdGone := flows(grubMenu(), get(14, Kernel, "/debian/linux").of("debian"))
	leased := flow{dhcpEvent(0, bios, "offer", Sent)}
	reached := map[Finding]bool{}
	for _, tc := range []struct {
		situation string
		flow      flow
		ended     bool    // it is about the boot that the last one ended
		now       float64 // 0: two seconds after the last event
		want      Finding
		stage     Stage
		sentence  string
	}{
		{situation: "stage 0, nothing from that machine", want: "nothing-received", stage: Silent,
			sentence: "The box has received nothing from this machine."},

		{situation: "stage 1, the site's DHCP server names a file", now: 20,
			flow: flows(otherOffer1(0, dhcpServer, "ipxe.efi"), flow{proxyOffer(0.1, uefi), takes(3.8, uefi)}),
			want: "another-server", stage: Asked,
			sentence: "Another server, 192.168.77.3, told the machine what to boot: ipxe.efi; it follows that one."},
		{situation: "stage 1, mode is off, and another server answers", now: 20,
			flow: flows(flow{because(dhcpEvent(0, uefi, Discover, Unanswered), `dhcp.mode is "off"`)},
				otherOffer1(0.1, dhcpServer, "ipxe.efi")),
			want: "another-server", stage: Elsewhere,
			sentence: "Another server, 192.168.77.3, told the machine what to boot: ipxe.efi; it follows that one."},
		{situation: "stage 1, WDS answers by itself", now: 20,
			flow: flows(flow{proxyOffer(0, uefi)}, otherOffer1(0.3, wdsServer, `boot\x64\wdsmgfw.efi`),
				flow{takes(3.8, uefi)}),
			want: "wds-answers-itself", stage: Asked,
			sentence: `The machine follows the WDS server 192.168.77.2, which answers by itself with boot\x64\wdsmgfw.efi.`},

		{situation: "stage 2, our offer, and no REQUEST: EDK2 repeats its DISCOVER after 4, 8 and 16 s", now: 50,
			flow: flow{proxyOffer(0, uefi), proxyOffer(4, uefi), proxyOffer(12, uefi), proxyOffer(28, uefi)},
			want: "no-address", stage: Offered,
			sentence: "The box answered at 00:00, and the machine did not take an address from the site's DHCP server."},
		{situation: "stage 2, while firmware collects offers", now: 3, flow: flow{proxyOffer(0, uefi)},
			want: "offered", stage: Offered,
			sentence: "The box has answered; the machine chooses among the answers."},
		{situation: "stage 2, the box leases and its offer is not taken", now: 20, flow: leased,
			want: "offer-not-taken", stage: Offered,
			sentence: "The box offered an address at 00:00, and the machine did not take it."},
		{situation: "stage 2, another DHCP server's lease is taken", now: 20,
			flow: flows(leased, flow{takes(1, bios)}),
			want: "took-another-lease", stage: Asked,
			sentence: "The machine took the address of another DHCP server, 192.168.77.3, and not the box's."},
		{situation: "stage 2, no file for this firmware", now: 20,
			flow: flow{because(dhcpEvent(0, "uefi-arm64", Discover, Unanswered), "no boot file for uefi-arm64")},
			want: "no-boot-file", stage: Heard,
			sentence: "The box has nothing to boot for this machine (uefi-arm64): no boot file for uefi-arm64."},
		{situation: "stage 2, no file, and the box leases an address", now: 20,
			flow: flow{because(dhcpEvent(0, "uefi-arm64", "offer", Sent), "no boot file for uefi-arm64"),
				because(dhcpEvent(1, "uefi-arm64", "selecting", Sent), "no boot file for uefi-arm64")},
			want: "no-boot-file", stage: Asked,
			sentence: "The box has nothing to boot for this machine (uefi-arm64): no boot file for uefi-arm64."},
		{situation: "stage 2, the box has no address", now: 20,
			flow: flow{because(dhcpEvent(0, uefi, Discover, Unanswered), "the box has no address yet")},
			want: "unanswered", stage: Heard,
			sentence: "The box received the machine's question and did not answer: the box has no address yet."},
		{situation: "stage 2, the box has just started", now: 20,
			flow: flow{because(dhcpEvent(0, uefi, Discover, Unanswered), WhyLooking)},
			want: "box-starting", stage: Heard,
			sentence: "The box does not answer yet: still looking for other DHCP servers. That is normal for a few " +
				"seconds after its start."},
		{situation: "stage 2, the box has just started, and the machine does not ask again", now: 31,
			flow: flow{because(dhcpEvent(0, uefi, Discover, Unanswered), WhyLooking)},
			want: "asked-too-early", stage: Heard,
			sentence: "The machine asked before the box was ready, and gave up: still looking for other DHCP servers."},
		{situation: "stage 2, the box has just started, and the machine starts again", ended: true,
			flow: flow{because(dhcpEvent(0, uefi, Discover, Unanswered), WhyLooking), proxyOffer(301, uefi)},
			want: "asked-too-early", stage: Heard,
			sentence: "The machine asked before the box was ready, and gave up: still looking for other DHCP servers."},
		{situation: "stage 2, the box cannot look for other servers, and the machine still asks", now: 61,
			flow: flow{because(dhcpEvent(0, uefi, Discover, Unanswered), WhyLooking),
				because(dhcpEvent(60, uefi, Discover, Unanswered), WhyLooking)},
			want: "unanswered", stage: Heard,
			sentence: "The box received the machine's question and did not answer: still looking for other DHCP " +
				"servers."},
		{situation: "a flood", now: 20,
			flow: flow{proxyOffer(0, uefi), because(dhcpEvent(0.1, uefi, Discover, Unanswered), WhyLimited)},
			want: "limited", stage: Offered,
			sentence: "The machine asks too often, and the box leaves out some answers."},

		{situation: "all addresses are leased", now: 20,
			flow: flow{because(dhcpEvent(0, uefi, Discover, Unanswered), "no address left for 10.1.0.0/24")},
			want: "no-address-left", stage: Heard,
			sentence: "The machine asked for an address, and the box has none to lease: no address left for " +
				"10.1.0.0/24."},

		{situation: "stage 3, 4011 is never asked", now: 20, flow: flow{proxyOffer(0, uefi), takes(3.8, uefi)},
			want: "boot-server-not-asked", stage: Asked,
			sentence: "The machine took an address from 192.168.77.3 and did not ask the box on port 4011 for its " +
				"boot file."},
		{situation: "stage 3, before 4011 is asked", now: 5, flow: flow{proxyOffer(0, uefi), takes(3.8, uefi)},
			want: "asks", stage: Asked, sentence: "The machine has taken an address."},
		{situation: "stage 3, 4011 asked and unanswered", now: 20,
			flow: flow{proxyOffer(0, uefi), takes(3.8, uefi),
				because(dhcpEvent(3.9, uefi, BootServer, Unanswered), "not a boot server request")},
			want: "unanswered", stage: Asked,
			sentence: "The box received the machine's question and did not answer: not a boot server request."},
		{situation: "stage 3, told and does not ask for the file", now: 30, flow: upTo4011(bios, "pxelinux.0"),
			want: "file-not-requested", stage: Asked,
			sentence: "The machine was told at 00:00 to load pxelinux.0, and did not ask for it."},
		{situation: "stage 3, told just now", flow: upTo4011(bios, "pxelinux.0"),
			want: "answered", stage: Asked, sentence: "The machine was told to load pxelinux.0."},
		{situation: "stage 3, a complete offer needs no 4011", now: 30,
			flow: flow{names(dhcpEvent(0, uefi, "proxy offer, complete", Sent), "shimx64.efi"), takes(3.8, uefi)},
			want: "file-not-requested", stage: Asked,
			sentence: "The machine was told at 00:00 to load shimx64.efi, and did not ask for it."},
		{situation: "stage 3, HTTP boot that does not ask for its URL", now: 30,
			flow: flow{names(dhcpEvent(0, "uefi-x64-http", "offer", Sent), "http://192.168.77.1/efi/bootx64.efi"),
				names(dhcpEvent(4, "uefi-x64-http", "selecting", Sent), "http://192.168.77.1/efi/bootx64.efi")},
			want: "url-not-requested", stage: Asked,
			sentence: "The machine was told at 00:00 to boot http://192.168.77.1/efi/bootx64.efi, and did not ask " +
				"for it."},
		{situation: "an address that the box refuses", now: 20,
			flow: flow{dhcpEvent(0, bios, "init-reboot: an address from another network", Refused)},
			want: "address-refused", stage: Heard,
			sentence: "The box refused the address that the machine asked for."},

		{situation: "stage 4, between EDK2's size probe and its second request", now: 5,
			flow: flows(upTo4011(uefi, "shimx64.efi"), probe(4.8, "shimx64.efi")),
			want: "loading", stage: Loading, sentence: "The machine loads shimx64.efi."},
		{situation: "stage 4, the first stage is on its way for a minute", now: 65,
			flow: flows(upTo4011(uefi, "shimx64.efi"), probe(4.8, "shimx64.efi"),
				get(5.4, FirstStage, "shimx64.efi")[:1]),
			want: "loading", stage: Loading, sentence: "The machine loads shimx64.efi."},
		{situation: "stage 4, nothing after the size probe", now: 30,
			flow: flows(upTo4011(uefi, "shimx64.efi"), probe(4.8, "shimx64.efi")),
			want: "download-stopped", stage: Loading,
			sentence: "The machine asked for shimx64.efi, and did not load it."},
		{situation: "stage 4, the boot file is missing",
			flow: flows(upTo4011(uefi, "shim.efi"), absentFile(5, FirstStage, "shim.efi")),
			want: "first-stage-missing", stage: Loading,
			sentence: "The machine asked for the boot file shim.efi, which the box does not have."},
		{situation: "stage 4, a file that another server named is missing", now: 30,
			flow: flows(upTo4011(uefi, "shimx64.efi"), absentFile(5, "", "SMSBoot/x64/wdsnbp.com")),
			want: "file-missing", stage: Loading,
			sentence: "The machine asked for SMSBoot/x64/wdsnbp.com, which the box does not have."},
		{situation: "stage 4, the transfer's packets do not arrive", now: 60,
			flow: flows(upTo4011(bios, "pxelinux.0"), get(25, FirstStage, "pxelinux.0").ends(TimedOut, 0)),
			want: "transfer-unanswered", stage: Loading,
			sentence: "The machine asked for pxelinux.0, and acknowledged nothing that the box sent."},
		{situation: "the cable is pulled in the initrd", now: 60,
			flow: flows(initrdGone, get(40, Initrd, "initrd.gz").of("debian").ends(TimedOut, 12_300_000)),
			want: "transfer-stalled", stage: Started,
			sentence: "The machine stopped answering after 12.3 MB of initrd.gz."},
		{situation: "the client breaks off the initrd", now: 60,
			flow: flows(initrdGone, get(40, Initrd, "initrd.gz").of("debian").ends(Aborted, 900_000)),
			want: "transfer-aborted", stage: Started, sentence: "The machine broke off initrd.gz after 900.0 kB."},
		{situation: "the disk of the box fails", now: 60,
			flow: flows(initrdGone, get(40, Initrd, "initrd.gz").of("debian").ends(Failed, 0)),
			want: "box-failed", stage: Started, sentence: "The box could not read initrd.gz."},
		{situation: "a file that is not served", now: 60,
			flow: flows(initrdGone, get(15, Initrd, "../initrd.gz").of("debian").ends(Refused, 0)),
			want: "file-refused", stage: Started, sentence: "The box refused to send ../initrd.gz."},

		{situation: "stage 5, Secure Boot refuses shim: nothing for 10 s", now: 16,
			flow: flows(upTo4011(uefi, "shimx64.efi"), probe(4.8, "shimx64.efi"), get(5.4, FirstStage, "shimx64.efi")),
			want: "secure-boot-refused", stage: Loaded,
			sentence: "shimx64.efi was sent whole at 00:00 and did not start: Secure Boot probably refused it."},
		{situation: "stage 5, Secure Boot refuses shim: DISCOVER again (capture lab-secure-boot)", ended: true,
			flow: flows(upTo4011(uefi, "shimx64.efi"), probe(4.8, "shimx64.efi"), get(5.4, FirstStage, "shimx64.efi"),
				flow{proxyOffer(7, uefi)}),
			want: "secure-boot-refused", stage: Loaded,
			sentence: "shimx64.efi was sent whole at 00:00 and did not start: Secure Boot probably refused it."},
		{situation: "stage 5, just sent",
			flow: flows(upTo4011(uefi, "shimx64.efi"), get(5.4, FirstStage, "shimx64.efi")),
			want: "first-stage-sent", stage: Loaded,
			sentence: "shimx64.efi was sent whole at 00:00; the machine starts it."},
		{situation: "stage 5, the same on a BIOS", now: 30,
			flow: flows(upTo4011(bios, "pxelinux.0"), get(5.4, FirstStage, "pxelinux.0")),
			want: "bios-program-silent", stage: Loaded,
			sentence: "pxelinux.0 was sent whole at 00:00 and did not start, or asked for nothing more."},
		{situation: "shim refuses GRUB", now: 30, flow: shimRuns()[:12],
			want: "second-stage-silent", stage: Loaded,
			sentence: "The boot program runs, and stopped after grubx64.efi, before the menu."},
		{situation: "GRUB loads its parts", flow: shimRuns(), want: "boot-program-runs", stage: Loaded,
			sentence: "The boot program runs and asks for its parts: /grub/x86_64-efi/fs.lst."},
		{situation: "shim without GRUB", now: 30,
			flow: flows(upTo4011(uefi, "shimx64.efi"), get(5.4, FirstStage, "shimx64.efi"),
				absentFile(6, SecondStage, "grubx64.efi")),
			want: "stage-file-missing", stage: Loaded,
			sentence: "The boot program asked for grubx64.efi, which the box does not have."},
		{situation: "a PXELINUX in a folder, without a menu", now: 30,
			flow: flows(upTo4011(bios, "old/pxelinux.0"), get(5.4, FirstStage, "old/pxelinux.0"),
				absentFile(5.5, "", "old/pxelinux.cfg/01-52-54-00-77-00-12"),
				absentFile(5.6, "", "old/pxelinux.cfg/default")),
			want: "menu-missing", stage: Loaded,
			sentence: "PXELINUX found no menu; it asked for old/pxelinux.cfg/default last."},
		{situation: "iPXE gets a file and does not ask for it", now: 30,
			flow: flows(upTo4011(uefi, "snponly.efi"), get(5.4, FirstStage, "snponly.efi"),
				flow{byIPXE(proxyOffer(8, uefi)), byIPXE(takes(9, uefi)), byIPXE(told(9.1, uefi, "boot.ipxe"))}),
			want: "boot-program-asks-again", stage: Loaded,
			sentence: "The boot program, started by snponly.efi, asked the box again, and then for nothing more."},
		{situation: "iPXE runs the site's script", now: 60,
			flow: flows(upTo4011(uefi, "snponly.efi"), get(5.4, FirstStage, "snponly.efi"),
				flow{byIPXE(proxyOffer(8, uefi)), byIPXE(takes(9, uefi)), byIPXE(told(9.1, uefi, "boot.ipxe"))},
				get(9.3, FirstStage, "boot.ipxe")),
			want: "program-runs", stage: Loaded,
			sentence: "The boot program runs and read boot.ipxe last, at 00:00: what it does next is up to it."},
		{situation: "the site's script loads a kernel", now: 60,
			flow: flows(upTo4011(bios, "undionly.kpxe"), get(5.4, FirstStage, "undionly.kpxe"), get(9, "", "vmlinuz"),
				get(12, "", "initrd.img")),
			want: "program-runs", stage: Loaded,
			sentence: "The boot program runs and read initrd.img last, at 00:00: what it does next is up to it."},
		{situation: "and its system asks for an address", now: 60,
			flow: flows(upTo4011(bios, "undionly.kpxe"), get(5.4, FirstStage, "undionly.kpxe"), get(9, "", "vmlinuz"),
				flow{systemAsks}),
			want: "system-runs", stage: Transferred, sentence: "Started; its system asked for an address at 00:00."},
		{situation: "HTTP boot to the menu",
			flow: flows(flow{names(dhcpEvent(0, "uefi-x64-http", "offer", Sent), "http://192.168.77.1/EFI/bootx64.efi"),
				names(dhcpEvent(4, "uefi-x64-http", "selecting", Sent), "http://192.168.77.1/EFI/bootx64.efi")},
				byHTTP(get(5, "", "EFI/bootx64.efi")), byHTTP(get(6, SecondStage, "EFI/grubx64.efi")),
				byHTTP(get(7, Menu, "grub/grub.cfg"))),
			want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "HTTP boot of a program that Secure Boot refuses", now: 60,
			flow: flows(flow{names(dhcpEvent(0, "uefi-x64-http", "offer", Sent), "http://192.168.77.1/EFI/bootx64.efi"),
				names(dhcpEvent(4, "uefi-x64-http", "selecting", Sent), "http://192.168.77.1/EFI/bootx64.efi")},
				byHTTP(get(5, "", "EFI/bootx64.efi"))),
			want: "secure-boot-refused", stage: Loaded,
			sentence: "EFI/bootx64.efi was sent whole at 00:00 and did not start: Secure Boot probably refused it."},
		{situation: "iPXE without a script", now: 30,
			flow: flows(upTo4011(uefi, "snponly.efi"), get(5.4, FirstStage, "snponly.efi"),
				flow{byIPXE(because(dhcpEvent(8, uefi, Discover, Unanswered),
					"no boot file for ipxe: snponly.efi would start iPXE again"))}),
			want: "no-boot-file", stage: Loaded,
			sentence: "The box has nothing to boot for this machine (uefi-x64): no boot file for ipxe: snponly.efi " +
				"would start iPXE again."},

		{situation: "stage 6, in the menu of GRUB", now: 300, flow: grubMenu(),
			want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "stage 6, in the menu of PXELINUX", flow: pxelinuxMenu(),
			want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "stage 6, restarted by hand", flow: flows(grubMenu(), flow{proxyOffer(20, uefi)}), ended: true,
			want: "restarted-from-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00, and was restarted."},
		{situation: "stage 6, the menu's disk entry", flow: flows(grubMenu(), flow{systemAsks}),
			want: "started-disk", stage: Transferred,
			sentence: "The machine left the menu without an entry's files; a system on its disk asked for an address " +
				"at 00:00."},
		{situation: "stage 6, back in the menu after a file that is missing",
			flow: flows(grubMenu(), absentFile(14, Kernel, "/debian/linux").of("debian"),
				get(20, Menu, "/grub/grub.cfg")),
			want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "stage 6, \"bad shim signature\": GRUB reads the kernel to check it", now: 30, flow: initrdGone,
			want: "kernel-refused", stage: Started,
			sentence: "/debian/linux was sent whole, and no initrd was asked for: GRUB may have refused the kernel's " +
				"signature."},
		{situation: "an entry's file is missing",
			flow: flows(grubMenu(), absentFile(14, Kernel, "/debian/linux").of("debian")),
			want: "entry-file-missing", stage: InMenu,
			sentence: "The file /debian/linux of the entry debian is missing on the box."},
		{situation: "an entry is loading", now: 100,
			flow: flows(initrdGone, get(90, Initrd, "/debian/initrd.gz").of("debian")[:1]),
			want: "loads-entry", stage: Started, sentence: "The machine loads debian: /debian/initrd.gz."},
		{situation: "an entry's program whose size was asked, and no more", now: 60,
			flow: flows(grubMenu(), get(14, Kernel, "/memtest.efi").of("memtest").ends(Aborted, 0)),
			want: "entry-stopped", stage: InMenu,
			sentence: "The machine asked for /memtest.efi of memtest and did not load it."},

		{situation: "stage 7, kernel and initrd sent", flow: installer, now: 40,
			want: "started", stage: Started, sentence: "Started debian at 00:00."},
		{situation: "stage 7, an EFI program needs no initrd", now: 60,
			flow: flows(grubMenu(), get(14, Kernel, "/memtest.efi").of("memtest")),
			want: "started", stage: Started, sentence: "Started memtest at 00:00."},
		{situation: "stage 7, and nothing more", flow: installer, now: 300,
			want: "system-silent", stage: Started,
			sentence: "Loaded debian at 00:00; nothing has been received from its system."},
		{situation: "stage 7, a kernel that panics restarts",
			flow: flows(installer, flow{proxyOffer(30, uefi)}), ended: true,
			want: "system-restarted", stage: Started,
			sentence: "The machine started again soon after it had loaded debian."},
		{situation: "stage 7, the installer asks for an address", flow: flows(installer, flow{systemAsks}),
			want: "system-runs", stage: Transferred,
			sentence: "Started debian; its system asked for an address at 00:00."},
		{situation: "stage 7, the live system reads its image",
			flow: flows(installer, get(40, "", "debian/filesystem.squashfs")),
			want: "system-loads", stage: Started,
			sentence: "Started debian; afterwards debian/filesystem.squashfs was read at 00:00."},

		{situation: "stage 8, GRUB asks for the hand-over", flow: wdsChosen(),
			want: "restarts-for-hand-over", stage: Started,
			sentence: "The machine asked at 00:00 to be handed over to wds1, and restarts."},
		{situation: "stage 8, and the machine restarts", flow: flows(wdsChosen(), toWDS(19)), ended: true,
			want: "restarted-for-hand-over", stage: Started,
			sentence: "The machine asked at 00:00 to be handed over to wds1, and restarted."},
		{situation: "stage 8, and starts its disk", flow: wdsChosen(), now: 600,
			want: "not-back-for-hand-over", stage: Started,
			sentence: "The machine asked at 00:00 to be handed over to wds1, and did not boot from the network again."},
		{situation: "stage 8, the box refuses the hand-over",
			flow: func() flow {
				f := flows(grubMenu(), get(12, HandOver, "/handoff/wds/52:54:00:77:00:10/3445").of("wds1").ends(Refused,
					0))
				f[len(f)-1].Why = "the address belongs to another machine"
				return f
			}(),
			want: "hand-over-refused", stage: InMenu,
			sentence: "The box refused to hand the machine over to wds1: the address belongs to another machine."},
		{situation: "stage 8, handed over: silence is right", flow: flows(wdsChosen(), toWDS(19)), now: 600,
			want: "handed-over", stage: Transferred, sentence: "Handed over to wds1 (192.168.77.2) at 00:00."},
		{situation: "stage 8, a BIOS goes to WDS without a restart", now: 600,
			flow: flows(pxelinuxMenu(), get(9, SecondStage, "pxechn.c32"), get(9.3, SecondStage, "libcom32.c32")),
			want: "handed-over", stage: Transferred, sentence: "Handed over at 00:00."},
		{situation: "stage 8, a BIOS goes to the only WDS server of the menu", now: 600,
			flow: flows(pxelinuxMenu(), leadsTo(get(9, SecondStage, "pxechn.c32").of("wds1"), wdsServer),
				get(9.3, SecondStage, "libcom32.c32")),
			want: "handed-over", stage: Transferred, sentence: "Handed over to wds1 (192.168.77.2) at 00:00."},
		{situation: "stage 8, back within 90 s, in its menu", flow: flows(toWDS(0), shift(grubMenu(), 44)),
			want: "came-back", stage: InMenu,
			sentence: "The machine came back 40s after it was handed over to wds1 (192.168.77.2): nothing started " +
				"there."},
		{situation: "stage 8, the boot from which it came back",
			flow: flows(toWDS(0), flow{proxyOffer(23.8, uefi)}), ended: true,
			want: "came-back", stage: Transferred,
			sentence: "The machine came back 20s after it was handed over to wds1 (192.168.77.2): nothing started " +
				"there."},
		{situation: "stage 8, back later is another boot", flow: flows(toWDS(0), shift(grubMenu(), 200)),
			want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:03 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "stage 8, WinPE runs", flow: flows(toWDS(0), shift(flow{systemAsks}, 40)),
			want: "wds-system-runs", stage: Transferred,
			sentence: "WDS (wds1) started a system: it asked for an address at 00:01."},

		{situation: "stage 8, WinPE runs, and the machine restarts",
			flow: flows(toWDS(0), shift(flow{systemAsks}, 20), flow{proxyOffer(80, uefi)}),
			want: "offered", stage: Offered,
			sentence: "The box has answered; the machine chooses among the answers."},
		{situation: "stage 8, back within 90 s, and then another fault",
			flow: flows(toWDS(0), shift(flows(upTo4011(uefi, "shim.efi"), absentFile(5, FirstStage, "shim.efi")), 44)),
			want: "first-stage-missing", stage: Loading,
			sentence: "The machine asked for the boot file shim.efi, which the box does not have."},

		{situation: "the last acknowledgement of a file is lost", now: 60,
			flow: flows(pxelinuxMenu(), timedOut(25, 1.55, SecondStage, "ldlinux.c32", 118_000)),
			want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "a restart cuts off a transfer, which times out later", now: 60,
			flow: flows(shift(grubMenu(), 20), timedOut(40, 2, Initrd, "initrd.gz", 118_000)),
			want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "a restart while a file of an entry is loading", ended: true,
			flow: flows(grubMenu(), get(14, Kernel, "/debian/linux").of("debian")[:1], flow{proxyOffer(15, uefi)}),
			want: "entry-stopped", stage: InMenu,
			sentence: "The machine asked for /debian/linux of debian and did not load it."},
		{situation: "a restart long after a system was loaded", ended: true,
			flow: flows(installer, flow{proxyOffer(300, uefi)}),
			want: "started", stage: Started, sentence: "Started debian at 00:00."},
		{situation: "a system renews its address between the tries of the firmware", now: 60,
			flow: flows(flow{proxyOffer(0, uefi), dhcpEvent(2, "", OtherRequest, Seen)}, shift(grubMenu(), 20)),
			want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "UEFI, and a boot file of any name", now: 30,
			flow: flows(upTo4011(uefi, "boot/loader"), get(5.4, FirstStage, "boot/loader")),
			want: "secure-boot-refused", stage: Loaded,
			sentence: "boot/loader was sent whole at 00:00 and did not start: Secure Boot probably refused it."},
		{situation: "no file for this firmware, and another server has one", now: 20,
			flow: flows(otherOffer1(0, dhcpServer, "arm.efi"),
				flow{because(dhcpEvent(0.1, "uefi-arm64", Discover, Unanswered), "no boot file for uefi-arm64")}),
			want: "another-server", stage: Elsewhere,
			sentence: "Another server, 192.168.77.3, told the machine what to boot: arm.efi; it follows that one."},

		{situation: "a Raspberry Pi without its files", now: 30,
			flow: flows(piLoads()[:3], absentFile(2.1, "", "1234abcd/start4.elf"), absentFile(2.2, "", "start4.elf")),
			want: "raspberry-pi-files-missing", stage: Loading,
			sentence: "The Raspberry Pi asked for start4.elf, which the box does not have."},
		{situation: "a Raspberry Pi without a kernel", flow: piLoads(), now: 30,
			want: "raspberry-pi-stopped", stage: Loading,
			sentence: "The Raspberry Pi read config.txt last, and no kernel, at 00:00."},
		{situation: "a Raspberry Pi with its kernel", flow: flows(piLoads(), get(4, "", "kernel8.img")),
			want: "raspberry-pi-started", stage: Loading,
			sentence: "The Raspberry Pi read its kernel kernel8.img at 00:00."},
		{situation: "a machine whose DHCP was not seen", now: 60, flow: get(1, "", "debian/packages.iso"),
			want: "files-without-dhcp", stage: Loading,
			sentence: "The host read debian/packages.iso at 00:00, 1.0 kB, " +
				"and did not ask for an address before."},
		{situation: "a host that watches the box reads a first stage", now: 60, flow: get(1, FirstStage, "shimx64.efi"),
			want: "files-without-dhcp", stage: Loaded,
			sentence: "The host read shimx64.efi at 00:00, 1.0 kB, and did not ask for an address before."},
		{situation: "a person reads a menu", flow: get(1, Menu, "grub/grub.cfg"),
			want: "files-without-dhcp", stage: InMenu,
			sentence: "The host read grub/grub.cfg at 00:00, 1.0 kB, and did not ask for an address before."},
		{situation: "a self-test reads a menu, and then a kernel",
			flow: flows(get(1, Menu, "grub/grub.cfg"), get(2, Kernel, "debian/linux").of("debian")),
			want: "files-without-dhcp", stage: Started,
			sentence: "The host read debian/linux at 00:00, 1.0 kB, and did not ask for an address before."},
		{situation: "a person asks for a file that is not there", now: 60, flow: absentFile(1, "", "linux"),
			want: "file-missing", stage: Loading,
			sentence: "The machine asked for linux, which the box does not have."},
		{situation: "the DHCP server of another network names the box: up to the menu", now: 20,
			flow: grubMenu()[3:], want: "in-menu", stage: InMenu,
			sentence: "The machine read the menu at 00:00 and has asked for nothing since: it waits there, or has " +
				"started its disk."},
		{situation: "a system that has an address reads a file", flow: flows(flow{systemAsks}, get(41, "", "x.iso")),
			want: "files-read", stage: Loading, sentence: "The machine read x.iso at 00:00, 1.0 kB."},
		{situation: "nothing that says anything", flow: flow{dhcpEvent(0, "", "renewal", Sent)},
			want: Unknown, stage: Silent, sentence: "The box cannot say what this machine does."},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			trace, b := New(8, 64), Boot{}
			var last time.Time
			for _, e := range tc.flow {
				b, _ = trace.Add(e)
				last = e.Time
			}
			if tc.ended {
				ended := trace.Quiet(last, 1)
				if len(ended) != 1 {
					t.Fatal("no boot has ended")
				}
				b = ended[0]
			}
			now := at(tc.now)
			if tc.now == 0 {
				now = last.Add(2 * time.Second)
			}
			v := b.Verdict(now)
			reached[v.Finding] = true
			if b.open == 0 && b.Verdict(now.Add(2*patience)).Running {
				t.Error("it still runs two hours later")
			}
			if v.Finding != tc.want || v.Stage != tc.stage || v.Sentence() != tc.sentence {
				t.Errorf("%s at stage %v: %s\nwant %s at stage %v: %s\n%s",
					v.Finding, v.Stage, v.Sentence(), tc.want, tc.stage, tc.sentence, b.Steps())
			}
			for _, s := range append(v.Advice(), v.Sentence()) {
				if strings.ContainsAny(s, "{}?") || s == "" {
					t.Errorf("a place is not filled: %s", s)
				}
			}
		})
	}
	for _, r := range Findings() {
		if !reached[r.Finding] {
			t.Errorf("no flow reaches %s", r.Finding)
		}
	}
}

// A boot whose DHCP packets were not seen is over after the usual silence, in
// whatever order its files were read.
func TestHostThatOnlyReads(t *testing.T) {
	for name, f := range map[string]flow{
		"a menu": get(1, Menu, "grub/grub.cfg"), "all of a boot": grubMenu()[3:],
		"a kernel": get(1, Kernel, "linux"), "a part": get(1, Initrd, "initrd.gz").ends(Sent, 1)[1:],
	} {
		trace, b := New(8, 64), Boot{}
		for _, e := range f {
			b, _ = trace.Add(e)
		}
		if v := b.Verdict(b.Last().Add(QuietAfter)); v.Running || !v.Good {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// shift returns the flow some seconds later.
func shift(f flow, seconds float64) flow {
	f = slices.Clone(f)
	for i := range f {
		f[i].Time = f[i].Time.Add(time.Duration(seconds * float64(time.Second)))
	}
	return f
}

// Boots as the end-to-end tests have recorded them, in QEMU: each file has the
// events of one machine, one JSON object in a line.
func TestRecordedBoots(t *testing.T) {
	for _, tc := range []struct {
		file string
		want []string // of each boot: stage, finding
	}{
		// Menu, hand-over, WDS's program, and a reset by the test a few seconds
		// later.
		{"uefi-secure-boot-to-wds.jsonl", []string{"started restarted-for-hand-over", "transferred came-back",
			"in-menu came-back"}},
		{"bios-to-wds.jsonl", []string{"transferred handed-over"}},
		{"bios-restart-to-wds.jsonl", []string{"started restarted-for-hand-over", "transferred handed-over"}},
	} {
		t.Run(tc.file, func(t *testing.T) {
			f, err := os.Open(filepath.Join("testdata", tc.file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			trace := New(8, 64)
			var now time.Time
			for events := json.NewDecoder(f); ; {
				var e Event
				if err := events.Decode(&e); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				trace.Add(e)
				now = e.Time.Add(QuietAfter)
			}
			var got []string
			for _, b := range trace.Quiet(now, 8) {
				v := b.Verdict(now)
				got = append(got, v.Stage.String()+" "+string(v.Finding))
				t.Log(v.Sentence(), b.Steps())
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// What looks like a fault and is none is named, and nothing else is.
func TestNotes(t *testing.T) {
	shim := get(5, FirstStage, "shimx64.efi")
	for _, tc := range []struct {
		situation string
		event     Event
		want      Note
	}{
		{situation: "EDK2 asks for the size", event: probe(4.8, "shimx64.efi")[1], want: SizeProbe},
		{situation: "a transfer that is broken off in the middle", event: shim.ends(Aborted, 1000)[1]},
		{situation: "a whole file", event: shim[1]},
		{situation: "PXELINUX looks for its menu", event: absentFile(1, Menu, "pxelinux.cfg/01-52-54-00-77-00-12")[0],
			want: MenuSearch},
		{situation: "PXELINUX finds its menu", event: file(1, addrA, "pxelinux.cfg/default")},
		{situation: "shim looks for revocations", event: absentFile(1, "", "revocations_sbat.efi")[0], want: ShimExtra},
		{situation: "shim looks for GRUB", event: absentFile(1, SecondStage, "grubx64.efi")[0]},
		{situation: "GRUB looks for its lists", event: absentFile(1, "", "/grub/x86_64-efi/fs.lst")[0], want: GRUBList},
		{situation: "PXELINUX closes a module", event: get(1, SecondStage, "ldlinux.c32").ends(Aborted, 4096)[1],
			want: ReadInPart},
		{situation: "a DHCP answer", event: proxyOffer(0, uefi)},
	} {
		if got := tc.event.Note(); got != tc.want || (got != "") != (got.Text() != "") {
			t.Errorf("%s: %q, %q; want %q", tc.situation, got, got.Text(), tc.want)
		}
	}
	b, trace := Boot{}, New(1, 8)
	for _, e := range flows(upTo4011(uefi, "shimx64.efi"), probe(4.8, "shimx64.efi")) {
		b, _ = trace.Add(e)
	}
	if !strings.HasSuffix(b.Steps(), ", shimx64.efi size asked 100ms") {
		t.Errorf("the log says %q", b.Steps())
	}
}

func TestFill(t *testing.T) {
	v := Verdict{File: "a{entry}[b", Entry: "debian", Bytes: 1234, At: at(60)}
	for text, want := range map[string]string{
		"Started[ {entry}] at {time}.":                 "Started debian at 00:01.",
		"Another server[, {server},] said so[: {why}]": "Another server said so",
		"{file}[ after {size}]":                        "a{entry}[b after 1.2 kB",
		"Name a file in [boot], or a [[machine]].":     "Name a file in [boot], or a [[machine]].",
		"{server} {nothing}":                           "? ?",
		"[{entry":                                      "[{entry", "]": "]", "{": "", "}": "}", "[": "[",
		"[]": "[]", "": "",
	} {
		if got := Fill(text, v); got != want {
			t.Errorf("%q is filled as %q, want %q", text, got, want)
		}
	}
}

// A name that a machine sent is cut; the box's reason is not.
func TestFillKeepsTheWholeReason(t *testing.T) {
	long := strings.Repeat("x", 2*maxPlain)
	if got, want := Fill("{why}", Verdict{Why: long}), long; got != want {
		t.Errorf("the reason is %q, want %q", got, want)
	}
	if got, want := Fill("{file}", Verdict{File: long}), long[:maxPlain]+"…"; got != want {
		t.Errorf("the name is %q, want %q", got, want)
	}
}
