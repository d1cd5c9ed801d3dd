// standin.h is what the stand-ins for UEFI machines share: how they find what
// the firmware knows of the boot server, and how they fail. A program defines
// PREFIX, the start of its lines, and includes it.

#include <efi.h>
#include <efilib.h>

static EFI_PXE_BASE_CODE_PROTOCOL *pxe;

// rest sleeps for ever: to return would have the firmware boot something else,
// and the console scroll away.
static void rest(void)
{
	BS->SetWatchdogTimer(0, 0, 0, NULL); // a boot program's time is 5 minutes
	for (;;) {
		UINTN which;
		EFI_INPUT_KEY key;
		BS->WaitForEvent(1, &ST->ConIn->WaitForKey, &which);
		ST->ConIn->ReadKeyStroke(ST->ConIn, &key);
	}
}

// fail prints what is missing, and where. It does not return.
static void fail(const CHAR16 *format, ...)
{
	va_list args;
	Print(PREFIX L"FAIL ");
	va_start(args, format);
	VPrint(format, args);
	va_end(args);
	Print(L"\n");
	rest();
}

static void print_address(const CHAR16 *name, const UINT8 a[4])
{
	Print(L" %s=%d.%d.%d.%d", name, a[0], a[1], a[2], a[3]);
}

static BOOLEAN is_zero(const UINT8 a[4])
{
	return a[0] == 0 && a[1] == 0 && a[2] == 0 && a[3] == 0;
}

// text makes a field of a packet printable, and ends it.
static CHAR8 *text(const UINT8 *field, UINTN len)
{
	static CHAR8 s[46]; // what a line has room for
	UINTN i;
	for (i = 0; i < len && i < sizeof s - 1 && field[i] != 0; i++)
		s[i] = field[i] >= ' ' && field[i] < 0x7f ? field[i] : '?';
	s[i] = 0;
	return s;
}

// option finds a DHCP option's code, length and value, or is NULL. end bounds
// the packet.
static const UINT8 *option(const EFI_PXE_BASE_CODE_DHCPV4_PACKET *p, const UINT8 *end, UINT8 code)
{
	const UINT8 *o = p->DhcpOptions;
	while (o < end && *o != 255) {
		if (*o == 0) { // padding has no length
			o++;
			continue;
		}
		if (end - o < 2 || end - o < 2 + o[1])
			break;
		if (*o == code)
			return o;
		o += 2 + o[1];
	}
	return NULL;
}

// A packet that the firmware keeps, by its name in EFI_PXE_BASE_CODE_MODE.
struct cached {
	const CHAR16 *name;
	BOOLEAN valid;
	const EFI_PXE_BASE_CODE_PACKET *packet;
};

static void print_packet(const struct cached *c)
{
	const EFI_PXE_BASE_CODE_DHCPV4_PACKET *p = &c->packet->Dhcpv4;
	if (!c->valid) {
		Print(PREFIX L"%s absent\n", c->name);
		return;
	}
	Print(PREFIX L"%s", c->name);
	print_address(L"siaddr", p->BootpSiAddr);
	print_address(L"yiaddr", p->BootpYiAddr);
	Print(L"\n" PREFIX L"%s", c->name);
	print_address(L"ciaddr", p->BootpCiAddr);
	Print(L" option60=%s\n", option(p, c->packet->Raw + sizeof c->packet->Raw, 60) ? L"yes" : L"no");
	Print(PREFIX L"%s file=%a\n", c->name, text(p->BootpBootFile, sizeof p->BootpBootFile));
}

// open_pxe takes EFI_PXE_BASE_CODE_PROTOCOL from the device that the program was
// loaded from.
static void open_pxe(EFI_HANDLE image)
{
	EFI_LOADED_IMAGE *loaded;
	EFI_STATUS status;

	status = BS->HandleProtocol(image, &LoadedImageProtocol, (void **)&loaded);
	if (EFI_ERROR(status))
		fail(L"EFI_LOADED_IMAGE: %r", status);
	status = BS->HandleProtocol(loaded->DeviceHandle, &PxeBaseCodeProtocol, (void **)&pxe);
	if (EFI_ERROR(status))
		fail(L"the boot device has no EFI_PXE_BASE_CODE: %r", status);
	if (!pxe->Mode->Started)
		fail(L"EFI_PXE_BASE_CODE is not started");
	if (pxe->Mode->UsingIpv6)
		fail(L"EFI_PXE_BASE_CODE uses IPv6, and the lab knows IPv4 only");
}

// read_packets prints the cached packets. It returns the one that names the
// server; NULL if none does.
static const struct cached *read_packets(void)
{
	static struct cached packets[3]; // whom the program believes first
	const UINTN count = sizeof packets / sizeof packets[0];

	packets[0] = (struct cached){L"PxeReply", pxe->Mode->PxeReplyReceived, &pxe->Mode->PxeReply};
	packets[1] = (struct cached){L"ProxyOffer", pxe->Mode->ProxyOfferReceived, &pxe->Mode->ProxyOffer};
	packets[2] = (struct cached){L"DhcpAck", pxe->Mode->DhcpAckReceived, &pxe->Mode->DhcpAck};
	for (UINTN i = 0; i < count; i++)
		print_packet(&packets[i]);
	for (UINTN i = 0; i < count; i++)
		if (packets[i].valid && !is_zero(packets[i].packet->Dhcpv4.BootpSiAddr))
			return &packets[i];
	return NULL;
}
