package stormbench

import (
	"fmt"
	"strings"
	"time"
)

// goal is the share of the cable that the files must take.
const goal = 0.95

// Table returns the results in Markdown. The first server is ours.
func Table(s Storm, results []Result) string {
	var b strings.Builder
	b.WriteString("| |")
	for _, r := range results {
		fmt.Fprintf(&b, " %s |", r.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(results)) + "\n")
	row := func(name string, cell func(r Result) string) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, r := range results {
			if r.Err != nil {
				b.WriteString(" – |")
				continue
			}
			fmt.Fprintf(&b, " %s |", cell(r))
		}
		b.WriteString("\n")
	}
	row("the last machine has booted after, s", func(r Result) string { return seconds(end(r.Boots)) })
	row("share of the cable until then", func(r Result) string {
		return fmt.Sprintf("%.1f%%", 100*share(r.Boots, s.Size))
	})
	for _, w := range allWindows(results) {
		row(fmt.Sprintf("window %d: half of the machines have booted within, s", w), func(r Result) string {
			all := took(r.Boots, w)
			return seconds(all[len(all)/2])
		})
		row(fmt.Sprintf("window %d: slowest ÷ median", w), func(r Result) string {
			all := took(r.Boots, w)
			return fmt.Sprintf("%.2f", all[len(all)-1].Seconds()/all[len(all)/2].Seconds())
		})
		row(fmt.Sprintf("window %d: fairness (Jain)", w), func(r Result) string {
			return fmt.Sprintf("%.3f", jain(took(r.Boots, w)))
		})
	}
	row("packets that machines sent again", func(r Result) string { return fmt.Sprint(r.Repeats) })
	row("CPU seconds a GB", func(r Result) string {
		return fmt.Sprintf("%.2f", r.CPU.Seconds()/(float64(s.Size)*float64(len(r.Boots)))*1e9)
	})
	row("most memory, MiB", func(r Result) string { return fmt.Sprint(r.Peak >> 20) })
	b.WriteString("\n")
	for _, r := range results {
		if r.Err != nil {
			fmt.Fprintf(&b, "%s: %v.\n", r.Name, strings.ReplaceAll(r.Err.Error(), "\n", "; "))
		}
	}
	if ours := results[0]; ours.Err == nil {
		part, verdict := share(ours.Boots, s.Size), "reached"
		if part < goal {
			verdict = fmt.Sprintf("missed by %.1f points", 100*(goal-part))
		}
		fmt.Fprintf(&b, "%s's share of the cable is %.1f%%: the goal of %.0f%% is %s.\n",
			ours.Name, 100*part, 100*goal, verdict)
	}
	return b.String()
}

// Notes returns what a reader must know to interpret the table.
func Notes(machine string, s Storm) string {
	return fmt.Sprintf(`
Measured on %s. %d machines are switched on within %v. Each asks for an
address as its firmware does (a quarter each: a BIOS ROM with PXELINUX, EDK2,
iPXE, EDK2 with Windows' loader; blocks of 1408 to 1468 bytes, window 1 and 4) and
then fetches a file of %d MB over TFTP. Every byte is compared. The cable is a
veth pair with tbf at 1 Gbit/s on the server's end; machines and server share the
processors.

- The share counts each byte of the file once, with the headers of its packet, over
  the time from the first DISCOVER to the last byte.
- Among machines that share a cable, a window of 4 gets four times as much as one
  of 1, whatever a server does. So fairness is given for each window. dnsmasq
  grants no window and treats all as window 1.
- A machine that hears nothing for 250 ms repeats its last packet.
- CPU is the server's, with its children, from /proc.

Only the ratios say anything of another machine.
`, machine, s.Machines, s.Within, s.Size/1e6)
}

func allWindows(results []Result) []int {
	for _, r := range results {
		if r.Err == nil {
			return windows(r.Boots)
		}
	}
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }
