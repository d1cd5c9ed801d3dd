package menu

import (
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

const bothHashes = "$6$BJAORYq6iYawtBzQ$b7o/f/fTxRtuSpLLgzLQkMxfpMceHX7WRnsug4SEaR7FnLfM8Vf5bzFSG97YZO01cp2nBIKv0O/hc353XIhvY0 " +
	"grub.pbkdf2.sha512.10000.021ABEDE432EC8E5E7EF81B3B2476F3780D0A78BD59E28E3BBD3946C8E4BDC701042AF50B7705C5C7EC386E42CDC348B83F6A97F4AE579CBB2D02599DC05A343." +
	"985893ABF274917517081AAF1A9A83EB7BD3E2847EB9E02D9DB3D909318E1DCF6E2E04C21C3220EC83C2643692B5DB17BC9BE00AFBCF3208003B2676AB1D72D0"

// byURL returns an entry with one line for PXELINUX, or several.
func byURL(lines string) string {
	return "[[entry]]\nname = \"u\"\npxelinux = \"" + lines + "\"\n"
}

func TestCheck(t *testing.T) {
	const noMenu = " uefi-ia32: no menu: the box has no boot program for it; a [[machine]] can lead it to a WDS " +
		"server\n" +
		" uefi-arm64: no menu: the box has no boot program for it; a [[machine]] can lead it to a WDS server\n"
	const unheard = " uefi-ia32: no menu: the box has no boot program for it\n" +
		" uefi-arm64: no menu: the box has no boot program for it\n"
	for _, tt := range []struct{ situation, file, want string }{
		{situation: "what runs everywhere", file: "[[entry]]\nname = \"d\"\nkernel = \"k\"\n", want: noMenu},
		{situation: "the site's own programs for the other firmwares",
			file: "[boot]\nuefi-ia32 = \"a.efi\"\nuefi-arm64 = \"b.efi\"\n"},
		{situation: "a module of PXELINUX", file: "[[entry]]\nname = \"hdt\"\nfile = \"x/hdt.c32\"\n",
			want: "hdt uefi-x64: not shown: hdt.c32 is a module of PXELINUX, which runs on a BIOS only\n" + noMenu},
		{situation: "an image for memdisk, which is the default",
			file: "[menu]\ndefault = \"iso\"\n[[entry]]\nname = \"iso\"\nfile = \"a.iso\"\n",
			want: "iso uefi-x64: not shown: memdisk starts a.iso, and runs on a BIOS only; it is the default, so " +
				"that menu waits for a key\n" + noMenu},
		{situation: "a boot program for a BIOS", file: "[[entry]]\nname = \"nbp\"\nfile = \"a.0\"\n",
			want: "nbp uefi-x64: not shown: a.0 is a program for a BIOS\n" + noMenu},
		{situation: "an EFI program, unsigned", file: "[[entry]]\nname = \"efi\"\nefi = \"a.efi\"\nsigned = false\n",
			want: "efi bios: not shown: an EFI program runs on UEFI only\n" +
				"efi uefi-x64: not shown with Secure Boot: it is not signed\n" + noMenu},
		{situation: "what the firmware starts",
			file: "[[entry]]\nname = \"shim\"\nefi = \"a/shimx64.efi\"\nfile = \"a/b.0\"\nstart = \"firmware\"\n",
			want: noMenu},
		{situation: "what the firmware of UEFI starts, and nothing answers its next boot",
			file: "[dhcp]\nmode = \"off\"\n[[entry]]\nname = \"shim\"\nefi = \"a/shimx64.efi\"\nfile = \"a/b.0\"\n" +
				"start = \"firmware\"\n",
			want: "shim uefi-x64: not shown: the machine restarts for it, and the box does not answer that boot, " +
				"because " +
				"dhcp.mode is \"off\"\n" + unheard},
		{situation: "an EFI program as file", file: "[[entry]]\nname = \"efi\"\nfile = \"a.EFI\"\n",
			want: "efi bios: not shown: an EFI program runs on UEFI only\n" + noMenu},
		{situation: "lines for one boot loader",
			file: "[[entry]]\nname = \"setup\"\ngrub = \"fwsetup\"\n[[entry]]\nname = \"local\"\n" +
				"pxelinux = \"LOCALBOOT -1\"\n",
			want: "setup bios: not shown: it has no lines for PXELINUX\n" +
				"local uefi-x64: not shown: it has no lines for GRUB\n" + noMenu},
		{situation: "lines with URLs, and pxelinux.0", file: byURL("LINUX http://192.168.77.5/vmlinuz"),
			want: "u bios: its lines name a URL, which pxelinux.0 cannot load: put lpxelinux.0 into the boot folder, " +
				"and write bios = \"lpxelinux.0\" below [boot]\nu uefi-x64: not shown: it has no lines for GRUB\n" +
				noMenu},
		{situation: "an initrd by URL among the arguments", file: byURL("kernel k\\nappend initrd=a.gz,ftp://a/b.gz"),
			want: "u bios: its lines name a URL, which pxelinux.0 cannot load: put lpxelinux.0 into the boot folder, " +
				"and write bios = \"lpxelinux.0\" below [boot]\nu uefi-x64: not shown: it has no lines for GRUB\n" +
				noMenu},
		{situation: "lines with URLs, and lpxelinux.0",
			file: "[boot]\nbios = \"lpxelinux.0\"\n" + byURL("LINUX http://192.168.77.5/vmlinuz"),
			want: "u uefi-x64: not shown: it has no lines for GRUB\n" + noMenu},
		{situation: "a URL for the program that starts", file: byURL("LINUX k url=http://a/b\\nAPPEND url=http://a/b"),
			want: "u uefi-x64: not shown: it has no lines for GRUB\n" + noMenu},
		{situation: "a submenu of them",
			file: "[[entry]]\nname = \"tools\"\nsubmenu = true\nhelp = \"x\"\n[[entry]]\nname = \"a\"\n" +
				"file = \"a.iso\"\nin = \"tools\"\n",
			want: "tools bios: its help is not shown: PXELINUX does not support help for a submenu\n" +
				"tools uefi-x64: not shown: it has no entries for this firmware\n" +
				"a uefi-x64: not shown: memdisk starts a.iso, and runs on a BIOS only\n" + noMenu},
		{situation: "arguments that GRUB changes", file: "[[entry]]\nname = \"d\"\nkernel = \"k\"\nappend = 'a=b\\c'\n",
			want: "d uefi-x64: GRUB adds a \\ before each \\ and ' in its arguments\n" + noMenu},
		{situation: "a server without a program for UEFI",
			file: "[[wds]]\nname = \"w\"\nserver = \"192.168.77.2\"\nuefi-x64 = \"\"\n[[entry]]\nname = \"w\"\n" +
				"wds = \"w\"\n",
			want: "w uefi-x64: not shown: w has no program for it\n" + noMenu},
		{situation: "no DHCP to answer the restart",
			file: "[dhcp]\nmode = \"off\"\n[[wds]]\nname = \"w\"\nserver = \"192.168.77.2\"\n[[entry]]\n" +
				"name = \"w\"\nwds = \"w\"\n",
			want: "w uefi-x64: not shown: the machine restarts for it, and the box does not answer that boot, " +
				"because dhcp.mode is \"off\"\n" + unheard},
		{situation: "no DHCP to know machines by",
			file: "[dhcp]\nmode = \"off\"\n[[entry]]\nname = \"d\"\nkernel = \"k\"\n[[machine]]\n" +
				"mac = [\"52:54:00\"]\nboot = \"d\"\n",
			want: unheard +
				" uefi-x64: no [[machine]] has an effect: the box knows these machines by DHCP, and dhcp.mode is " +
				"\"off\"\n"},
		{situation: "no DHCP to lead machines to WDS",
			file: "[dhcp]\nmode = \"off\"\n[[wds]]\nname = \"w\"\nserver = \"192.168.77.2\"\nuefi-x64 = \"\"\n" +
				"[[entry]]\nname = \"w\"\nwds = \"w\"\n[[machine]]\nfirmware = [\"uefi-x64\"]\nboot = \"w\"\n",
			want: "w uefi-x64: not shown: w has no program for it\n" + unheard +
				" uefi-x64: no [[machine]] has an effect: the box knows these machines by DHCP, and dhcp.mode is " +
				"\"off\"\n" +
				" bios: a [[machine]] with a guid, or that boots from a WDS server, has no effect: dhcp.mode is " +
				"\"off\"\n"},
		{situation: "no DHCP to tell a guid by",
			file: "[dhcp]\nmode = \"off\"\n[[machine]]\nguid = [\"70786562-6f78-4c61-8000-000000000010\"]\n",
			want: unheard +
				" uefi-x64: no [[machine]] has an effect: the box knows these machines by DHCP, and dhcp.mode is " +
				"\"off\"\n" +
				" bios: a [[machine]] with a guid, or that boots from a WDS server, has no effect: dhcp.mode is " +
				"\"off\"\n"},
		{situation: "a password",
			file: "[menu]\npassword = \"" + bothHashes + "\"\n[[entry]]\nname = \"d\"\nkernel = \"k\"\nlocked = true\n",
			want: " : anyone on the network can read the hashes of the menu's password, and the files and arguments " +
				"of entries with locked = true: choose a long password that is used for nothing else\n" + noMenu},
		{situation: "arguments that hold a secret",
			file: "[[entry]]\nname = \"a\"\nkernel = \"k\"\nappend = \"auto=true passwd/root-password=x\"\n" +
				"[[entry]]\nname = \"b\"\nkernel = \"k\"\nappend = \"url=http://me:x@10.0.0.1/preseed\"\n" +
				"[[entry]]\nname = \"c\"\nkernel = \"k\"\nappend = \"url=http://10.0.0.1:80/a@b quiet console=ttyS0\"\n" +
				"[[entry]]\nname = \"d\"\npxelinux = \"LINUX k\\nAPPEND rootpw=x\"\ngrub = \"linux /k ssh_token=x\"\n",
			want: "a : its arguments seem to contain a secret such as a password, and anyone on the network can read " +
				"them\n" +
				"b : its arguments seem to contain a secret such as a password, and anyone on the network can read " +
				"them\n" +
				"d : its arguments seem to contain a secret such as a password, and anyone on the network can read " +
				"them\n" + noMenu},
		{situation: "a serial port", file: "[menu]\nserial = true\n",
			want: " uefi-x64: the menu is on the serial port only if the firmware's console is\n" + noMenu},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			var got strings.Builder
			for _, n := range Check(parse(t, tt.file)) {
				got.WriteString(n.Entry + " " + string(n.Firmware) + ": " + n.Why + "\n")
			}
			if got.String() != tt.want {
				t.Errorf("got\n%swant\n%s", &got, tt.want)
			}
		})
	}
}

// The menus leave out what Check says they leave out, and show the rest.
func TestCheckSaysWhatTheMenusDo(t *testing.T) {
	for _, tt := range situations(t) {
		t.Run(tt.name, func(t *testing.T) {
			c := parse(t, tt.file)
			r := Render(c, Status{})
			onBIOS, _ := readPXELINUX(t, r.Files[pxelinux.ConfigFile])
			onUEFI, _ := readGRUB(t, r.Files[grub.ConfigFile])
			for firmware, lines := range map[firmware.Kind][]line{bios: onBIOS, uefi: onUEFI} {
				for _, e := range c.Entries {
					said := slices.ContainsFunc(Check(c), func(n Note) bool {
						return n.Entry == e.Name && n.Firmware == firmware && strings.HasPrefix(n.Why, "not shown: ")
					})
					shown := slices.ContainsFunc(lines, func(l line) bool { return l.name == e.Name })
					if shown == said && !e.Unlisted {
						t.Errorf("%s on %s: shown is %v, and Check says that it is not: %v",
							e.Name, firmware, shown, said)
					}
				}
			}
		})
	}
}
