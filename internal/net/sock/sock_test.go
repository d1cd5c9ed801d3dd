package sock

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestControl(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		situation string
		set       func(fd int) error
		want      string // in the error
	}{
		{situation: "the option is set", set: func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
		}},
		{situation: "it fails", set: func(int) error { return broken }, want: "broken"},
		{situation: "no such interface", set: OnInterface("none-such"), want: "setsockopt SO_BINDTODEVICE: "},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			lc := net.ListenConfig{Control: Control(tt.set)}
			conn, err := lc.ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got error %v, want one with %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			raw, err := conn.(*net.UDPConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var on int
			if raw.Control(func(fd uintptr) {
				on,
					err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST)
			}) != nil ||
				err != nil || on != 1 {
				t.Errorf("SO_BROADCAST is %d, %v", on, err)
			}
		})
	}
}
