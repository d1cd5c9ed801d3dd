package tftpbench

import (
	"fmt"
	"time"
)

// CPUCase is the case whose processor time the table has.
const CPUCase = "50 clients, window 16"

// Section is the table with what one must know to read it.
func Section(machine string, runs int, length time.Duration, table string) string {
	return fmt.Sprintf(`## TFTP

%s
Measured on %s. Each number is the median of %d
runs of %v. Each server has two network namespaces with a veth pair between them, and
all take turns. The load has two threads. Every byte that arrives is compared
with the file's.

- "(w 1)", "(b 1468)": the window or block size that the server granted where it
  was less than asked for. tftpd-hpa, dnsmasq and pin/tftp of these versions do
  not know windowsize (RFC 7440).
- Round-trip time and loss are made at the clients' edge, by holding ACKs back
  and by dropping datagrams either way by a seeded chance: not every kernel has
  netem.
- A client that hears nothing for 250 ms repeats its last packet, as iPXE does.
- CPU is the server's, with its children, from /proc; here less is better.
- A window of 16 blocks each 0.5 ms is 47 MB/s, and no server can have more.

Only the ratios say anything of another machine.
`, table, machine, runs, length)
}
