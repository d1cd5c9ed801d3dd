package main

import (
	"fmt"
	"strings"
	"time"
)

// section returns the text of the page: how the box was measured, and the
// table.
func section(machine, accelerator string, boxes []box, all []figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured in QEMU, on %s: a PC, and for the\n", machine)
	b.WriteString("Raspberry Pi's image an ARM machine with a Cortex-A72.")
	if accelerator == "tcg" {
		b.WriteString(" Their processors are\nemulated; real ones are several times as fast.")
	}
	b.WriteString(" On a real box, the\nfirmware and the seconds in which a network card finds its link partner come on\ntop.")
	b.WriteString("\n\n| ")
	for _, x := range boxes {
		b.WriteString(" | " + x.title)
	}
	b.WriteString(" |\n|---" + strings.Repeat("|---:", len(boxes)) + "|\n")
	row := func(what string, value func(figures) string) {
		b.WriteString("| " + what)
		for _, f := range all {
			b.WriteString(" | " + value(f))
		}
		b.WriteString(" |\n")
	}
	row("kernel's start → first program", func(f figures) string { return seconds(f.init) })
	row("kernel's start → first DHCP answer, `proxy`", func(f figures) string { return seconds(f.proxy) })
	row("the same, `server`, which looks for other servers first", func(f figures) string { return seconds(f.server) })
	row("memory in use, idle, all of the box", func(f figures) string { return mebibytes(f.memory) })
	row("of that, pxed", func(f figures) string { return mebibytes(f.pxed) })
	row("root file system, of which there are two", func(f figures) string { return mebibytes(f.root) })
	row("image; of that, not empty", func(f figures) string { return mebibytes(f.image) + "; " + mebibytes(f.stored) })
	row(fmt.Sprintf("written to the disk in %.0f s, idle", idles.Seconds()),
		func(f figures) string { return fmt.Sprintf("%d bytes", f.written) })
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
