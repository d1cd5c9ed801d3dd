package adopt

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The trees that tools and distributions create, in the form of their
// documentation and templates.
var sites = []struct {
	name    string
	files   map[string]string
	by      string   // what the general menu starts automatically, in reader's form
	timeout string   // the timeout before that
	entries []string // and what they became
	rules   []string // the rules for machines: what they boot, their default and timeout
}{
	{
		name: "Foreman: the global default, a host in build mode and one that is built",
		files: map[string]string{
			"pxelinux.cfg/default": `DEFAULT menu
PROMPT 0
MENU TITLE PXE Menu
TIMEOUT 200
TOTALTIMEOUT 6000
ONTIMEOUT local

LABEL local
     MENU LABEL (local)
     MENU DEFAULT
     LOCALBOOT 0

LABEL discovery
     MENU LABEL Foreman Discovery Image
     KERNEL boot/fdi-image/vmlinuz0
     APPEND initrd=boot/fdi-image/initrd0.img rootflags=loop root=live:/fdi.iso proxy.url=https://foreman.example.com proxy.type=foreman
     IPAPPEND 2
`,
			"pxelinux.cfg/01-52-54-00-00-00-01": `# This file was deployed via 'Kickstart default PXELinux' template
DEFAULT linux
LABEL linux
    KERNEL boot/alma9-vmlinuz
    APPEND initrd=boot/alma9-initrd.img ks=http://foreman.example.com/unattended/provision BOOTIF=00-52-54-00-00-00-01
    IPAPPEND 2
`,
			"pxelinux.cfg/01-52-54-00-00-00-02": `DEFAULT menu
MENU TITLE Booting local disk (ESC to stop)
TIMEOUT 200
TOTALTIMEOUT 6000
ONTIMEOUT local_chain_hd0

LABEL local
     MENU LABEL (local)
     LOCALBOOT 0

LABEL local_chain_hd0
     MENU LABEL Chainload into first disk
     COM32 chain.c32
     APPEND hd0
`,
			"boot/fdi-image/vmlinuz0": "x", "boot/fdi-image/initrd0.img": "x", "boot/alma9-vmlinuz": "x",
			"boot/alma9-initrd.img": "x", "chain.c32": "x",
		},
		by: "disk", timeout: "20s",
		entries: []string{"disk",
			"KERNEL boot/fdi-image/vmlinuz0 | APPEND initrd=boot/fdi-image/initrd0.img rootflags=loop " +
				"root=live:/fdi.iso " +
				"proxy.url=https://foreman.example.com proxy.type=foreman | SYSAPPEND 0x2"},
		rules: []string{"linux  <nil>", "menu local_chain_hd0 <nil>"},
	},
	{
		name: "Cobbler: the default, and a system that is to be installed",
		files: map[string]string{
			"pxelinux.cfg/default": `DEFAULT menu
PROMPT 0
MENU TITLE Cobbler | https://cobbler.github.io
TIMEOUT 200
TOTALTIMEOUT 6000
ONTIMEOUT local

LABEL local
        MENU LABEL (local)
        MENU DEFAULT
        LOCALBOOT -1

LABEL alma9-x86_64
        kernel /images/alma9/vmlinuz
        MENU LABEL alma9-x86_64
        append initrd=/images/alma9/initrd.img ksdevice=bootif lang= text ks=http://192.168.77.5/cblr/svc/op/ks/profile/alma9
LABEL memtest86+
        MENU LABEL memtest86+
        kernel /images/memtest86+-5.31

MENU end
`,
			"pxelinux.cfg/01-52-54-00-00-00-01": `default linux
prompt 0
timeout 1
label linux
        kernel /images/alma9/vmlinuz
        append initrd=/images/alma9/initrd.img ks=http://192.168.77.5/cblr/svc/op/ks/system/one
`,
			"images/alma9/vmlinuz": "x", "images/alma9/initrd.img": "x", "images/memtest86+-5.31": "x",
		},
		by: "disk", timeout: "20s",
		entries: []string{"disk",
			"kernel images/alma9/vmlinuz [images/alma9/initrd.img] (ksdevice=bootif lang= text " +
				"ks=http://192.168.77.5/cblr/svc/op/ks/profile/alma9)",
			"kernel images/memtest86+-5.31 []"},
		rules: []string{"linux  <nil>"},
	},
	{
		name: "Debian's installer: speech synthesis starts by a command line",
		files: map[string]string{
			"pxelinux.cfg/default": "->../d-i/amd64/boot-screens/syslinux.cfg",
			"d-i/amd64/boot-screens/syslinux.cfg": `# D-I config version 2.0
path d-i/amd64/boot-screens/
prompt 0
timeout 0
include d-i/amd64/boot-screens/menu.cfg
default d-i/amd64/boot-screens/vesamenu.c32
`,
			"d-i/amd64/boot-screens/menu.cfg": `menu hshift 4
menu title Debian GNU/Linux installer menu (BIOS mode)
include d-i/amd64/boot-screens/stdmenu.cfg
label install
	menu label ^Install
	kernel d-i/amd64/linux
	append vga=788 initrd=d-i/amd64/initrd.gz --- quiet 
menu begin advanced
    menu label ^Advanced options
	menu title Advanced options
	include d-i/amd64/boot-screens/stdmenu.cfg
	label mainmenu
		menu label ^Back..
		menu exit
	label auto
		menu label ^Automated install
		kernel d-i/amd64/linux
		append auto=true priority=critical vga=788 initrd=d-i/amd64/initrd.gz --- quiet 
menu end
menu begin dark
    menu label Accessible ^dark contrast installer menu
	menu title Accessible dark contrast option
	label installdark
	default installdark
		menu label ^Install
		menu default
		kernel d-i/amd64/linux
		append vga=788 initrd=d-i/amd64/initrd.gz theme=dark --- quiet 
menu end
include d-i/amd64/boot-screens/x86menu.cfg
label help
	menu label ^Help
	text help
   Display help screens; type 'menu' at boot prompt to return to this menu
	endtext
	config d-i/amd64/boot-screens/prompt.cfg
label installspk
	menu label Install with ^speech synthesis
	kernel d-i/amd64/linux
	append vga=788 initrd=d-i/amd64/initrd.gz speakup.synth=soft --- quiet 
timeout 300
ontimeout d-i/amd64/linux vga=788 initrd=d-i/amd64/initrd.gz speakup.synth=soft --- quiet 
menu autoboot Press a key, otherwise speech synthesis will be started in # second{,s}...
`,
			"d-i/amd64/boot-screens/prompt.cfg": `prompt 1
display d-i/amd64/boot-screens/f1.txt
timeout 0
include d-i/amd64/boot-screens/menu.cfg
include d-i/amd64/boot-screens/exithelp.cfg
f1 d-i/amd64/boot-screens/f1.txt
`,
			"d-i/amd64/boot-screens/exithelp.cfg": "label menu\n\tkernel d-i/amd64/boot-screens/vesamenu.c32\n" +
				"\tconfig d-i/amd64/boot-screens/syslinux.cfg\n",
			"d-i/amd64/boot-screens/stdmenu.cfg": "menu background d-i/amd64/boot-screens/splash.png\n" +
				"menu color title * #FFFFFFFF *\nmenu rows 12\n",
			"d-i/amd64/linux": "x", "d-i/amd64/initrd.gz": "x",
		},
		by: "d-i/amd64/linux [d-i/amd64/initrd.gz] vga=788 speakup.synth=soft --- quiet", timeout: "30s",
		entries: []string{
			"kernel d-i/amd64/linux [d-i/amd64/initrd.gz] (vga=788 --- quiet)",
			"submenu",
			"advanced/kernel d-i/amd64/linux [d-i/amd64/initrd.gz] (auto=true priority=critical vga=788 --- quiet)",
			"submenu", "dark/kernel d-i/amd64/linux [d-i/amd64/initrd.gz] (vga=788 theme=dark --- quiet)",
			"kernel d-i/amd64/linux [d-i/amd64/initrd.gz] (vga=788 speakup.synth=soft --- quiet)",
		},
	},
	{
		name: "di-netboot-assistant: a menu that waits, installers behind CONFIG with a folder",
		files: map[string]string{
			"pxelinux.cfg/default": `UI ::/d-i/n-a/pxelinux.cfg/menu.c32
MENU TITLE Debian-Installer Netboot Menu
DEFAULT bootlocal

LABEL bootlocal
        MENU LABEL ^Boot from local disk..
        LOCALBOOT 0

LABEL stable
        MENU LABEL ^Debian stable
        kernel ::/d-i/n-a/stable/linux
        append initrd=::/d-i/n-a/stable/initrd.gz ---
MENU SEPARATOR

LABEL packaged
        MENU LABEL Packaged installer
        CONFIG ::d-i/12/pxelinux.cfg/default ::d-i/12/
`,
			"d-i/12/pxelinux.cfg/default": "path boot-screens/\nprompt 0\ntimeout 0\ninclude boot-screens/menu.cfg\n" +
				"default boot-screens/vesamenu.c32\n",
			"d-i/12/boot-screens/menu.cfg": "menu title Installer\nlabel install\n\tmenu label ^Install\n" +
				"\tmenu default\n\tkernel linux\n" +
				"\tappend initrd=initrd.gz --- quiet\n",
			"d-i/12/linux": "x", "d-i/12/initrd.gz": "x", "d-i/n-a/stable/linux": "x", "d-i/n-a/stable/initrd.gz": "x",
		},
		timeout: "0s",
		entries: []string{"disk", "kernel d-i/n-a/stable/linux [d-i/n-a/stable/initrd.gz] (---)", "submenu",
			"packaged/kernel d-i/12/linux [d-i/12/initrd.gz] (--- quiet)"},
	},
	{
		name: "live-build: a menu with submenus that waits",
		files: map[string]string{
			"pxelinux.cfg/default": "include menu.cfg\ndefault vesamenu.c32\nprompt 0\ntimeout 0\n",
			"menu.cfg": `menu hshift 0
menu width 82

menu title Boot menu
include stdmenu.cfg
include live.cfg
menu begin utilities
	menu label ^Utilities
	menu title Utilities
	include stdmenu.cfg
	label mainmenu
		menu label ^Back..
		menu exit
	label memtest
		menu label ^Memory Diagnostic Tool
		linux memtest
menu end

menu clear
`,
			"stdmenu.cfg": "menu background splash.png\nmenu vshift 12\n",
			"live.cfg": "label live-amd64\n\tmenu label ^Live system (amd64)\n\tmenu default\n\tlinux live/vmlinuz\n" +
				"\tinitrd live/initrd.img\n" +
				"\tappend boot=live components fetch=tftp://192.168.77.5/live/filesystem.squashfs\n",
			"live/vmlinuz": "x", "live/initrd.img": "x", "memtest": "x",
		},
		timeout: "0s",
		entries: []string{"kernel live/vmlinuz [live/initrd.img] (boot=live components " +
			"fetch=tftp://192.168.77.5/live/filesystem.squashfs)",
			"submenu", "utilities/kernel memtest []"},
	},
}

func TestSites(t *testing.T) {
	for _, tt := range sites {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			into := t.TempDir()
			if err := Run(write(t, tt.files), into, &out); err != nil {
				t.Fatal(err, out.String())
			}
			c := parse(t, filepath.Join(into, "pxebox.toml"))
			if got := c.Menu.Timeout.String(); got != tt.timeout {
				t.Errorf("the timeout is %s, want %s", got, tt.timeout)
			}
			var entries, rules []string
			for _, e := range c.Entries {
				if !e.Unlisted {
					entries = append(entries, became(entry{Entry: e}))
				}
			}
			for _, m := range c.Machines {
				rules = append(rules, fmt.Sprintf("%s %s %v", m.Boot, m.Default, m.Timeout))
			}
			if !slices.Equal(entries, tt.entries) || !slices.Equal(rules, tt.rules) {
				t.Errorf("entries %q\nrules %q\nnotes:\n%s", entries, rules, &out)
			}
			if strings.Contains(out.String(), "is not copied") {
				t.Errorf("a boot file is missing:\n%s", &out)
			}
		})
		t.Run(tt.name+", by the second reader", func(t *testing.T) {
			files := map[string]string{}
			for name, s := range tt.files {
				if to, ok := strings.CutPrefix(s, "->"); ok {
					s = tt.files[filepath.Join(filepath.Dir(name), to)]
				}
				files[name] = s
			}
			reads := (&reader{version: 6, files: files}).boot("pxelinux.cfg/default")
			if got := agrees(t, files); got != tt.by || reads != tt.by {
				t.Errorf("%q starts by itself, and the second reader says %q; want %q", got, reads, tt.by)
			}
		})
	}
}
