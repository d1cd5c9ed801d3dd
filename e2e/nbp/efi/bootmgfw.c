// bootmgfw.c stands in for Microsoft's bootmgfw.efi: what firmware loads to start
// WinPE on an x86-64 UEFI machine.
//
// - It takes EFI_PXE_BASE_CODE_PROTOCOL (UEFI 2.10 section 24.3) from the device
//   that it was loaded from, and its server from siaddr of the cached packets.
// - It asks that server for the files of Windows' media, by the fixed names that
//   the real one asks for, in the same order. The names begin with a backslash,
//   which means the root. Some are normally not there.
// - \Boot\BCD is a text: a line with "regfPXEBOX-LAB-BCD" and one with the path
//   of the WIM.
// - The small files come by the firmware's Mtftp(). The WIM comes by the real
//   one's own TFTP, with its options: a window, and an option of Microsoft's that
//   others leave out of their answer.
// - It prints the length and the CRC-32 of each file, or that it is not there.
//
// All lines start with "WINPE: "; the last one is "WINPE: OK ..." or "WINPE: FAIL
// <reason>".

#define PREFIX L"WINPE: "
#include "standin.h"

#define BCD "regfPXEBOX-LAB-BCD\n"

enum {
	BLOCK = 1456, // Microsoft's block size
	WINDOW = 4,
	PORT_TFTP = 69,
	PORT_FIRST = 2000, // each transfer has its own port
	TRIES = 5,
	NAME_LEN = 128,
	MOST = 1 << 20, // of a file that comes by Mtftp

	// RFC 1350 section 5, RFC 2347
	READ = 1,
	DATA = 3,
	ACK = 4,
	ERROR = 5,
	OACK = 6,
};

static EFI_IP_ADDRESS server;

// A file in memory.
struct file {
	UINT8 *bytes;
	UINT64 len;
};

static void print_file(const char *name, const struct file *f)
{
	UINT32 crc = 0;
	BS->CalculateCrc32(f->bytes, f->len, &crc);
	Print(PREFIX L"%a bytes=%ld crc=%08x\n", name, f->len, crc);
}

// get fetches a file by Mtftp, whose size it asks first, and returns whether it
// is there.
static BOOLEAN get(const char *name, struct file *f)
{
	UINTN block = BLOCK;
	EFI_STATUS status;

	f->len = 0;
	status = pxe->Mtftp(pxe, EFI_PXE_BASE_CODE_TFTP_GET_FILE_SIZE, NULL, FALSE, &f->len, &block, &server,
		(UINT8 *)name, NULL, FALSE);
	if (EFI_ERROR(status)) {
		Print(PREFIX L"%a is not there\n", name);
		return FALSE;
	}
	if (f->len == 0 || f->len > MOST)
		fail(L"%a: its size is %ld", name, f->len);
	f->bytes = AllocatePool(f->len);
	if (f->bytes == NULL)
		fail(L"%a: no memory for %ld bytes", name, f->len);
	status = pxe->Mtftp(pxe, EFI_PXE_BASE_CODE_TFTP_READ_FILE, f->bytes, FALSE, &f->len, &block, &server,
		(UINT8 *)name, NULL, FALSE);
	if (EFI_ERROR(status))
		fail(L"%a: %r", name, status);
	print_file(name, f);
	return TRUE;
}

// need fetches a file that must be there.
static void need(const char *name, struct file *f)
{
	if (!get(name, f))
		fail(L"%a", name);
}

// want fetches a file that may be missing.
static BOOLEAN want(const char *name)
{
	struct file f;
	BOOLEAN there = get(name, &f);
	if (there)
		FreePool(f.bytes);
	return there;
}

static void want_either(const char *first, const char *second)
{
	if (!want(first))
		want(second);
}

// FONT fetches a font from one of the folders in which media have it.
#define FONT(name) want_either("\\Boot\\Fonts\\" name, "\\EFI\\Microsoft\\Boot\\Fonts\\" name)

// read_bcd returns the path of the WIM.
static const char *read_bcd(const struct file *bcd)
{
	static char path[NAME_LEN];
	const UINTN start = sizeof BCD - 1;
	if (bcd->len < start || CompareMem(bcd->bytes, BCD, start) != 0)
		fail(L"what came as \\Boot\\BCD is not the lab's");
	for (UINTN i = 0; start + i < bcd->len && i < sizeof path - 1 && bcd->bytes[start + i] != '\n'; i++)
		path[i] = bcd->bytes[start + i];
	return path;
}

// A TFTP transfer.
struct transfer {
	EFI_PXE_BASE_CODE_UDP_PORT own, theirs; // theirs is PORT_TFTP until the first answer
	UINT8 packet[512];                      // the last one sent
	UINTN len;
	UINT32 window; // blocks before an ACK; 1 without the option
	UINTN block;   // bytes in a full one
	UINT64 size;
};

static UINT8 *append(UINT8 *to, const char *s)
{
	while (*s)
		*to++ = *s++;
	*to++ = 0;
	return to;
}

static UINT32 number(const char *s)
{
	UINT32 n = 0;
	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (*s - '0');
	return n;
}

static void send(struct transfer *t)
{
	EFI_STATUS status = pxe->UdpWrite(pxe, 0, &server, &t->theirs, NULL, NULL, &t->own, NULL, NULL, &t->len, t->packet);
	if (EFI_ERROR(status))
		fail(L"UdpWrite: %r", status);
}

// receive waits for a packet of the transfer, and sends the last packet again
// while none comes. It returns its length.
static UINTN receive(struct transfer *t, UINT8 *packet, UINTN most)
{
	for (int try = 0; try < TRIES; try++) {
		EFI_PXE_BASE_CODE_UDP_PORT from;
		UINTN len = most;
		EFI_STATUS status = pxe->UdpRead(pxe, EFI_PXE_BASE_CODE_UDP_OPFLAGS_ANY_SRC_PORT, NULL, &t->own, &server,
			&from, NULL, NULL, &len, packet);
		if (EFI_ERROR(status)) { // UdpRead itself gives up after some seconds
			Print(PREFIX L"UdpRead: %r\n", status);
			send(t);
			continue;
		}
		if (len < 4 || (t->theirs != PORT_TFTP && from != t->theirs))
			continue;
		t->theirs = from;
		return len;
	}
	fail(L"the server no longer answers");
	return 0;
}

// accept reads the options that the server has accepted. It may send back only
// what was asked for (RFC 2347), and msftwindow is not for it to accept.
static void accept(struct transfer *t, UINT8 *options, UINTN len)
{
	const char *o = (char *)options, *end = o + len;
	if (len == 0 || end[-1] != 0)
		fail(L"the OACK does not end with a NUL");
	while (o < end) {
		const char *name = o, *value = o + strlena((const CHAR8 *)o) + 1;
		if (value >= end)
			fail(L"option %a of the OACK has no value", name);
		o = value + strlena((const CHAR8 *)value) + 1;
		if (strcmpa((const CHAR8 *)name, (const CHAR8 *)"tsize") == 0)
			t->size = number(value);
		else if (strcmpa((const CHAR8 *)name, (const CHAR8 *)"blksize") == 0)
			t->block = number(value);
		else if (strcmpa((const CHAR8 *)name, (const CHAR8 *)"windowsize") == 0)
			t->window = number(value);
		else
			fail(L"the OACK has the option %a", name);
	}
	if (t->block == 0 || t->block > BLOCK || t->window == 0 || t->window > WINDOW)
		fail(L"the OACK has blocks of %d bytes, %d in a window", (UINT32)t->block, t->window);
	Print(PREFIX L"blksize=%d windowsize=%d tsize=%ld\n", (UINT32)t->block, t->window, t->size);
}

static void acknowledge(struct transfer *t, UINT16 block)
{
	t->packet[0] = 0;
	t->packet[1] = ACK;
	t->packet[2] = block >> 8;
	t->packet[3] = block;
	t->len = 4;
	send(t);
}

// get_by_windows fetches a file as the real one does.
static void get_by_windows(const char *name, struct file *f)
{
	static UINT8 packet[4 + BLOCK];
	static struct transfer t = {.own = PORT_FIRST, .theirs = PORT_TFTP, .window = 1, .block = 512};
	UINT16 next = 1; // the block that comes next; it rolls over
	UINT32 unacknowledged = 0;
	UINT8 *o = t.packet;
	UINTN len;

	*o++ = 0;
	*o++ = READ;
	o = append(o, name);
	o = append(o, "octet");
	o = append(append(o, "tsize"), "0");
	o = append(append(o, "blksize"), "1456");
	o = append(append(o, "windowsize"), "4");
	o = append(append(o, "msftwindow"), "31416");
	t.len = o - t.packet;
	send(&t);
	len = receive(&t, packet, sizeof packet);
	if (packet[1] == ERROR)
		fail(L"%a: TFTP error %d", name, (UINT32)packet[3]);
	if (packet[1] != OACK)
		fail(L"%a: opcode %d instead of an OACK", name, (UINT32)packet[1]);
	accept(&t, packet + 2, len - 2);
	f->bytes = AllocatePool(t.size + 1);
	f->len = 0;
	if (f->bytes == NULL)
		fail(L"%a: no memory for %ld bytes", name, t.size);
	acknowledge(&t, 0);
	for (BOOLEAN last = FALSE; !last;) {
		len = receive(&t, packet, sizeof packet);
		if (packet[1] == ERROR)
			fail(L"%a: TFTP error %d after %ld bytes", name, (UINT32)packet[3], f->len);
		if (packet[1] != DATA)
			continue;
		if ((UINT16)(packet[2] << 8 | packet[3]) != next) {
			// RFC 7440 section 4: a gap is answered with what came before it.
			if (unacknowledged != 0)
				acknowledge(&t, next - 1);
			unacknowledged = 0;
			continue;
		}
		len -= 4;
		if (f->len + len > t.size)
			fail(L"%a: more comes than its %ld bytes", name, t.size);
		CopyMem(f->bytes + f->len, packet + 4, len);
		f->len += len;
		next++;
		last = len < t.block;
		if (++unacknowledged == t.window || last) {
			acknowledge(&t, next - 1);
			unacknowledged = 0;
		}
	}
	if (f->len != t.size)
		fail(L"%a: %ld bytes came of %ld", name, f->len, t.size);
	print_file(name, f);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	const struct cached *named;
	struct file bcd, sdi, stl, wim;
	const char *path;

	InitializeLib(image, system);
	Print(L"\n" PREFIX L"bootmgfw.efi started\n");
	open_pxe(image);
	named = read_packets();
	if (named == NULL)
		fail(L"siaddr is zero in each cached packet: no server");
	CopyMem(server.v4.Addr, (void *)named->packet->Dhcpv4.BootpSiAddr, 4);

	want("\\BCD");
	need("\\Boot\\BCD", &bcd);
	path = read_bcd(&bcd);
	need("\\Boot\\boot.sdi", &sdi);
	FONT("wgl4_boot.ttf");
	FONT("segmono_boot.ttf");
	FONT("segoe_slboot.ttf");
	FONT("segoen_slboot.ttf");
	// Windows 11 24H2 does not start without it where Secure Boot is on.
	need("\\EFI\\Microsoft\\Boot\\boot.stl", &stl);
	want("\\EFI\\Microsoft\\Boot\\SiPolicy.p7b");
	want("\\EFI\\Microsoft\\Boot\\UnlockToken.pol");
	want("\\EFI\\Microsoft\\Boot\\bootmgfw.efi.mui");
	get_by_windows(path, &wim);

	Print(PREFIX L"OK %a", path);
	print_address(L"server", server.v4.Addr);
	Print(L"\n");
	rest();
	return EFI_SUCCESS;
}
