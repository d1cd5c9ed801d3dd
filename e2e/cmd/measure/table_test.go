package main

import (
	"strings"
	"testing"
	"time"
)

func TestSection(t *testing.T) {
	all := []figures{
		{init: 3 * time.Second, proxy: 6800 * time.Millisecond, server: 12 * time.Second, memory: 64 << 20,
			pxed: 34 << 20, root: 37 << 20, image: 1200 << 20, stored: 58 << 20},
		{init: time.Second, proxy: 2 * time.Second, server: 8 * time.Second, memory: 74 << 20, pxed: 33 << 20,
			root: 36 << 20, image: 1200 << 20, stored: 103 << 20, written: 4096},
	}
	const table = `
|  | PC | Raspberry Pi |
|---|---:|---:|
| kernel's start → first program | 3.0 s | 1.0 s |
| kernel's start → first DHCP answer, ` + "`proxy`" + ` | 6.8 s | 2.0 s |
| the same, ` + "`server`" + `, which looks for other servers first | 12.0 s | 8.0 s |
| memory in use, idle, all of the box | 64 MiB | 74 MiB |
| of that, pxed | 34 MiB | 33 MiB |
| root file system, of which there are two | 37 MiB | 36 MiB |
| image; of that, not empty | 1200 MiB; 58 MiB | 1200 MiB; 103 MiB |
| written to the disk in 60 s, idle | 0 bytes | 4096 bytes |
`
	for accelerator, emulated := range map[string]bool{"tcg": true, "kvm": false} {
		t.Run(accelerator, func(t *testing.T) {
			got := section("4 cores", accelerator, boxes, all)
			if !strings.HasSuffix(got, "\n"+table) {
				t.Errorf("the table is\n%s\nwant\n%s", got, table)
			}
			if strings.Contains(got, "emulated") != emulated {
				t.Errorf("it says of the processors:\n%s", got)
			}
		})
	}
}
