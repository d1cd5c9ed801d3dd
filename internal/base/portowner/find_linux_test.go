package portowner

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

func TestSockets(t *testing.T) {
	const (
		udp = head +
			"  300: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21001 2 0 0\n" +
			"  302: 0100007F:0045 00000000:0000 07 00000000:00000000 00:00000000 00000000   112        0 21002 2 0 0\n"
		tcp6 = head +
			"   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 33 0 31001 1\n" +
			"   1: 0000000000000000FFFF0000014DA8C0:0050 0000000000000000FFFF0000094DA8C0:C000 01 0:0 00:0 0 33 0 31002 1\n"
	)
	for situation, tc := range map[string]struct {
		list, protocol string
		port           int
		want           []listed
	}{
		"all addresses": {udp, "udp", 67, []listed{{Owner{Addr: netip.MustParseAddrPort("0.0.0.0:67")}, 21001}}},
		"one address, another user": {udp, "udp", 69,
			[]listed{{Owner{Addr: netip.MustParseAddrPort("127.0.0.1:69"), User: 112}, 21002}}},
		"a free port": {udp, "udp", 4011, nil},
		"of TCP, only what listens": {tcp6, "tcp", 80,
			[]listed{{Owner{Addr: netip.MustParseAddrPort("[::]:80"), User: 33}, 31001}}},
		"damaged lines": {"x\n" + head + "1: zz:0043 0 0 0 0 0 0 0 0\n 2: 0:0043 0 0 0 0 0 a 0 b\n", "udp", 67, nil},
	} {
		t.Run(situation, func(t *testing.T) {
			got := sockets([]byte(tc.list), tc.protocol, tc.port)
			if len(got) != len(tc.want) || len(got) > 0 && got[0] != tc.want[0] {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

// message is an answer of the kernel's: a socket and its attributes.
func message(kind uint16, inode uint32, attrs ...byte) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN+diagAnswerSize, 200)
	binary.NativeEndian.PutUint32(b[unix.NLMSG_HDRLEN+diagInodeAt:], inode)
	b = append(b, attrs...)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	return b
}

func attribute(kind uint16, value ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

func TestDiagAnswers(t *testing.T) {
	id := binary.NativeEndian.AppendUint64(nil, 4711)
	for situation, tc := range map[string]struct {
		packet []byte
		want   uint64 // of the socket 21001
		more   bool
	}{
		"a group after another attribute": {
			message(sockDiagByFamily, 21001, append(attribute(8, 1), attribute(diagCgroupID, id...)...)...), 4711, true},
		"no attribute":                {message(sockDiagByFamily, 21001), 0, true},
		"an attribute that is cut":    {message(sockDiagByFamily, 21001, attribute(diagCgroupID, id...)[:8]...), 0, true},
		"a length of zero":            {message(sockDiagByFamily, 21001, 0, 0, diagCgroupID, 0), 0, true},
		"the end":                     {message(unix.NLMSG_DONE, 0), 0, false},
		"not a message":               {[]byte{1, 2, 3}, 0, false},
		"a message that is too short": {message(sockDiagByFamily, 21001)[:unix.NLMSG_HDRLEN], 0, false},
	} {
		t.Run(situation, func(t *testing.T) {
			ids := map[uint64]uint64{}
			if more := diagAnswers(tc.packet, ids); more != tc.more || ids[21001] != tc.want {
				t.Errorf("got %v and %v, want %v and %v", more, ids, tc.more, tc.want)
			}
		})
	}
	if q := diagRequest(unix.AF_INET, "tcp"); len(q) != unix.NLMSG_HDRLEN+diagRequestSize ||
		!bytes.Equal(q[unix.NLMSG_HDRLEN:][:2], []byte{unix.AF_INET, unix.IPPROTO_TCP}) {
		t.Errorf("the request is %v", q)
	}
}

func TestUnitOf(t *testing.T) {
	for path, want := range map[string]string{
		"/system.slice/dnsmasq.service":                        "dnsmasq.service",
		"/sys/fs/cgroup/system.slice/docker-1f2e.scope/init":   "docker-1f2e.scope",
		"0::/user.slice/user-1000.slice/user@1000.service/app": "user@1000.service",
		"/sys/fs/cgroup/init.scope":                            "init.scope",
		"/":                                                    "", "": "",
	} {
		if got := unitOf(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestFolderWithID(t *testing.T) {
	root := t.TempDir()
	want := filepath.Join(root, "system.slice", "dnsmasq.service")
	if err := os.MkdirAll(want, 0o755); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(want)
	if err != nil {
		t.Fatal(err)
	}
	id := info.Sys().(*syscall.Stat_t).Ino
	if got := folderWithID(root, id); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := folderWithID(root, 1<<62); got != "" {
		t.Errorf("an unknown one is %q", got)
	}
}

// A real conflict names this process.
func TestTakenPort(t *testing.T) {
	for _, protocol := range []string{"udp", "tcp"} {
		t.Run(protocol, func(t *testing.T) {
			use := TFTP
			var again error
			if use.Protocol = protocol; protocol == "udp" {
				c, err := net.ListenPacket("udp4", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				use.Port = c.LocalAddr().(*net.UDPAddr).Port
				_, again = net.ListenPacket("udp4", c.LocalAddr().String())
			} else {
				l, err := net.Listen("tcp4", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				use.Port = l.Addr().(*net.TCPAddr).Port
				_, again = net.Listen("tcp4", l.Addr().String())
			}
			owners := use.Owners()
			if len(owners) != 1 || owners[0].PID != os.Getpid() || owners[0].Program == "" || owners[0].Ours() {
				t.Errorf("the owners are %+v", owners)
			}
			if got := use.Explain(again); got == nil || !strings.Contains(got.Error(), owners[0].String()) {
				t.Errorf("the error is %v", got)
			}
		})
	}
}
