// wdsmgfw.c stands in for Microsoft's wdsmgfw.efi: a network boot program for
// x86-64 UEFI machines that checks what a handoff to a WDS server must have
// left behind, and then does what the real one does until the next program is
// in.
//
// - It takes EFI_PXE_BASE_CODE_PROTOCOL (UEFI 2.10 section 24.3) from the
//   device that it was loaded from, and prints the cached packets. A program
//   that a boot loader starts finds no such thing: GRUB, for one, takes the
//   network card for itself, and the firmware's own driver goes.
// - The server is who the cached packets name in siaddr: the boot server's
//   answer, or else the proxy's, or else that of the DHCP server.
// - It sends that server a request with option 250 on UDP 4011, and reads the
//   answer. It hears what is sent to its own address only, as the real one.
// - It fetches the file named there by Mtftp(), and looks for the stand-in
//   server's marker.
//
// Each line goes to the console, which is 80 columns wide and shorter than a
// packet: so a packet has several. All start with "WDSMGFW-STANDIN: "; the last
// one is "WDSMGFW-STANDIN: OK ..." or "WDSMGFW-STANDIN: FAIL <reason>".

#define PREFIX L"WDSMGFW-STANDIN: "
#include "standin.h"

#define MARKER "PXEBOX-LAB-NEXT-PROGRAM"

enum {
	PORT_CLIENT = 68,
	PORT_BINL = 4011,
	TRIES = 5,
	REQUEST_LEN = 548, // the least that RFC 2131 section 2 lets a server expect
};

// The magic cookie of RFC 2131 section 3, as a little-endian machine reads it.
#define COOKIE 0x63538263

// append adds an option of the cached DHCPDISCOVER, where it says who we are,
// or a value of our own.
static UINT8 *append(UINT8 *to, const UINT8 *own)
{
	const EFI_PXE_BASE_CODE_PACKET *d = &pxe->Mode->DhcpDiscover;
	const UINT8 *o = NULL;
	if (pxe->Mode->DhcpDiscoverValid)
		o = option(&d->Dhcpv4, d->Raw + sizeof d->Raw, own[0]);
	if (o == NULL)
		o = own;
	CopyMem(to, (void *)o, 2 + o[1]);
	return to + 2 + o[1];
}

// build_request makes what wdsmgfw.efi asks: our own address in ciaddr, without
// which the answer would be a broadcast, and option 250.
static void build_request(EFI_PXE_BASE_CODE_PACKET *request)
{
	static const UINT8 type[] = {53, 1, 3};
	static const UINT8 vendor_class[] = "\x3c\x20" "PXEClient:Arch:00007:UNDI:003000";
	static const UINT8 arch[] = {93, 2, 0, 7};
	static const UINT8 undi[] = {94, 3, 1, 3, 0};
	static const UINT8 wanted[] = {55, 4, 60, 67, 250, 252};
	static const UINT8 guid[19] = {97, 17};
	// Architecture 9 (AMD64 as Windows counts), version 0800, nothing done yet.
	static const UINT8 control[] = {250, 12, 1, 2, 0, 9, 13, 2, 8, 0, 14, 1, 0, 255};
	const EFI_PXE_BASE_CODE_DHCPV4_PACKET *ack = &pxe->Mode->DhcpAck.Dhcpv4;
	EFI_PXE_BASE_CODE_DHCPV4_PACKET *r = &request->Dhcpv4;
	UINT8 *o = r->DhcpOptions;

	ZeroMem(request, sizeof *request);
	r->BootpOpcode = 1;
	r->BootpHwType = ack->BootpHwType;
	r->BootpHwAddrLen = ack->BootpHwAddrLen;
	r->BootpIdent = ack->BootpIdent + 1;
	CopyMem(r->BootpCiAddr, pxe->Mode->StationIp.v4.Addr, 4);
	CopyMem(r->BootpHwAddr, (void *)ack->BootpHwAddr, sizeof r->BootpHwAddr);
	r->DhcpMagik = COOKIE;
	CopyMem(o, (void *)type, sizeof type);
	o += sizeof type;
	o = append(o, vendor_class);
	o = append(o, arch);
	o = append(o, undi);
	o = append(o, guid);
	CopyMem(o, (void *)wanted, sizeof wanted);
	o += sizeof wanted;
	CopyMem(o, (void *)control, sizeof control);
	o += sizeof control;
	*o = 255;
}

// ask sends the request until an answer comes, and returns the answer's length
// or 0.
static UINTN ask(EFI_IP_ADDRESS *server, EFI_PXE_BASE_CODE_PACKET *request, EFI_PXE_BASE_CODE_PACKET *answer)
{
	EFI_PXE_BASE_CODE_UDP_PORT client = PORT_CLIENT, binl = PORT_BINL;
	const EFI_PXE_BASE_CODE_DHCPV4_PACKET *a = &answer->Dhcpv4;
	for (int try = 0; try < TRIES; try++) {
		UINTN len = REQUEST_LEN;
		EFI_STATUS status = pxe->UdpWrite(pxe, 0, server, &binl, NULL, NULL, &client, NULL, NULL, &len, request);
		Print(PREFIX L"asking");
		print_address(L"server", server->v4.Addr);
		Print(L" UdpWrite=%r\n", status);
		// UdpRead itself gives up after some seconds. Another packet than
		// ours is a reason to read on.
		for (;;) {
			const UINT8 *type;
			len = sizeof *answer;
			ZeroMem(answer, sizeof *answer);
			status = pxe->UdpRead(pxe, 0, NULL, &client, server, &binl, NULL, NULL, &len, answer);
			if (EFI_ERROR(status))
				break;
			if (len < sizeof *a - sizeof a->DhcpOptions || a->BootpOpcode != 2 || a->BootpIdent != request->Dhcpv4.BootpIdent)
				continue;
			type = option(a, answer->Raw + len, 53);
			if (type != NULL && type[1] == 1 && type[2] == 5) // DHCPACK
				return len;
		}
		Print(PREFIX L"UdpRead=%r\n", status);
	}
	return 0;
}

// fetch reads the file that the answer names, and prints its length and the sum
// of its bytes.
static void fetch(EFI_IP_ADDRESS *server, EFI_PXE_BASE_CODE_DHCPV4_PACKET *answer)
{
	UINT8 name[sizeof answer->BootpBootFile + 1];
	UINT64 len = 256 << 10;
	UINT64 sum = 0;
	UINT8 *file = AllocatePool(len);
	EFI_STATUS status;

	CopyMem(name, answer->BootpBootFile, sizeof answer->BootpBootFile);
	name[sizeof name - 1] = 0; // a field that is full has no NUL
	if (file == NULL)
		fail(L"no memory for the file that the answer names");
	status = pxe->Mtftp(pxe, EFI_PXE_BASE_CODE_TFTP_READ_FILE, file, FALSE, &len, NULL, server, name, NULL, FALSE);
	if (EFI_ERROR(status))
		fail(L"Mtftp of the file that the answer names: %r", status);
	for (UINT64 i = 0; i < len; i++)
		sum += file[i];
	Print(PREFIX L"fetched file=%a\n", text(name, sizeof name));
	Print(PREFIX L"fetched bytes=%ld sum=%ld\n", len, sum);
	if (len < sizeof MARKER - 1 || CompareMem(file, MARKER, sizeof MARKER - 1) != 0)
		fail(L"the file fetched is not the WDS server's");
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	static EFI_PXE_BASE_CODE_PACKET request, answer;
	EFI_IP_ADDRESS server;
	const struct cached *named;
	UINTN len;

	InitializeLib(image, system);
	Print(L"\n" PREFIX L"started\n");
	open_pxe(image);
	named = read_packets();
	Print(PREFIX L"own");
	print_address(L"StationIp", pxe->Mode->StationIp.v4.Addr);
	Print(L"\n");

	if (!pxe->Mode->DhcpAckReceived)
		fail(L"DhcpAck absent: there is no lease");
	if (is_zero(pxe->Mode->StationIp.v4.Addr))
		fail(L"StationIp is zero: no address to ask from");
	if (named == NULL)
		fail(L"siaddr is zero in each cached packet: no server");

	ZeroMem(&server, sizeof server);
	CopyMem(server.v4.Addr, (void *)named->packet->Dhcpv4.BootpSiAddr, 4);
	build_request(&request);
	len = ask(&server, &request, &answer);
	if (len == 0)
		fail(L"siaddr of %s: no answer on port 4011", named->name);
	Print(PREFIX L"answer");
	print_address(L"siaddr", answer.Dhcpv4.BootpSiAddr);
	Print(L" file=%a\n", text(answer.Dhcpv4.BootpBootFile, 30));
	if (CompareMem(answer.Dhcpv4.BootpSiAddr, server.v4.Addr, 4) != 0)
		fail(L"siaddr of the answer is not the server asked");
	if (option(&answer.Dhcpv4, answer.Raw + len, 250) == NULL)
		fail(L"the answer has no option 250: not a WDS server");
	if (option(&answer.Dhcpv4, answer.Raw + len, 252) == NULL)
		fail(L"the answer has no option 252: no boot configuration");
	if (answer.Dhcpv4.BootpBootFile[0] == 0)
		fail(L"the answer names no file");
	fetch(&server, &answer.Dhcpv4);

	Print(PREFIX L"OK");
	print_address(L"server", server.v4.Addr);
	Print(L" named by %s\n", named->name);
	rest();
	return EFI_SUCCESS;
}
