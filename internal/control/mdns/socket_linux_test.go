package mdns

import "testing"

func TestBoundSockets(t *testing.T) {
	const list = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1234: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   107        0 18061 2 0000000000000000 0
 2234: 0100007F:0043 00000000:14E9 07 00000000:00000000 00:00000000 00000000     0        0 18062 2 0000000000000000 0
 3234: FB0000E0:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18063 2 0000000000000000 0
`
	if n := bound([]byte(list)); n != 2 {
		t.Errorf("%d sockets are bound to the port, want 2", n)
	}
}
