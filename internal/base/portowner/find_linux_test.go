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
		"no more than is needed": {"0: 00000000:0043 0 0 0 0 0 7 0 8\n", "udp", 67,
			[]listed{{Owner{Addr: netip.MustParseAddrPort("0.0.0.0:67"), User: 7}, 8}}},
		"a field too few":         {"0: 00000000:0043 0 0 0 0 0 7 0\n", "udp", 67, nil},
		"a user that is none":     {"0: 00000000:0043 0 0 0 0 0 a 0 8\n", "udp", 67, nil},
		"an inode that is none":   {"0: 00000000:0043 0 0 0 0 0 7 0 a\n", "udp", 67, nil},
		"an address that is none": {"0: 0000000z:0043 0 0 0 0 0 7 0 8\n", "udp", 67, nil},
		"an address of 3 bytes":   {"0: 000000:0043 0 0 0 0 0 7 0 8\n", "udp", 67, nil},
		"an address of 8 bytes":   {"0: 0000000000000000:0043 0 0 0 0 0 7 0 8\n", "udp", 67, nil},
		"a port that is none":     {"0: 00000000:zz 0 0 0 0 0 7 0 8\n", "udp", 0, nil},
		"only the headings":       {head, "udp", 67, nil},
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

// cut returns a message with less data.
func cut(b []byte, size int) []byte {
	b = b[:unix.NLMSG_HDRLEN+size]
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
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
		"a shorter attribute of that kind": {
			message(sockDiagByFamily, 21001, attribute(diagCgroupID, id[:4]...)...), 0, true},
		"a length that is longer than the message": {
			message(sockDiagByFamily, 21001, 16, 0, diagCgroupID, 0), 0, true},
		"an attribute of another kind": {message(sockDiagByFamily, 21001, attribute(diagCgroupID+1, id...)...), 0, true},
		"a short answer":               {cut(message(sockDiagByFamily, 21001), diagAnswerSize-4), 0, false},
		"no attribute":                 {message(sockDiagByFamily, 21001), 0, true},
		"an attribute that is cut":     {message(sockDiagByFamily, 21001, attribute(diagCgroupID, id...)[:8]...), 0, true},
		"a length of zero":             {message(sockDiagByFamily, 21001, 0, 0, diagCgroupID, 0), 0, true},
		"the end":                      {message(unix.NLMSG_DONE, 0), 0, false},
		"not a message":                {[]byte{1, 2, 3}, 0, false},
		"a message that is too short":  {message(sockDiagByFamily, 21001)[:unix.NLMSG_HDRLEN], 0, false},
	} {
		t.Run(situation, func(t *testing.T) {
			ids := map[uint64]uint64{}
			if more := diagAnswers(tc.packet, ids); more != tc.more || ids[21001] != tc.want {
				t.Errorf("got %v and %v, want %v and %v", more, ids, tc.more, tc.want)
			}
		})
	}
}

// The request for all sockets of a family, and of TCP those that listen.
func TestDiagRequest(t *testing.T) {
	for protocol, tc := range map[string]struct {
		number byte
		states uint32
	}{"udp": {unix.IPPROTO_UDP, 1<<32 - 1}, "tcp": {unix.IPPROTO_TCP, 1 << unix.BPF_TCP_LISTEN}} {
		want := binary.NativeEndian.AppendUint32(nil, unix.NLMSG_HDRLEN+diagRequestSize)
		want = binary.NativeEndian.AppendUint16(want, unix.SOCK_DIAG_BY_FAMILY)
		want = binary.NativeEndian.AppendUint16(want, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
		want = append(want, make([]byte, 8)...) // sequence and port
		want = append(want, unix.AF_INET6, tc.number, 0, 0)
		want = binary.NativeEndian.AppendUint32(want, tc.states)
		want = append(want, make([]byte, 48)...) // which socket: any
		if got := diagRequest(unix.AF_INET6, protocol); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", protocol, got, want)
		}
	}
}

// The kernel says the control group of this process's sockets.
func TestControlGroups(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this host has no IPv6: ", err)
	}
	defer tcp.Close()
	groups := map[uint64]bool{}
	for protocol, socket := range map[string]syscall.Conn{"udp": udp.(*net.UDPConn), "tcp": tcp.(*net.TCPListener)} {
		ids := controlGroups(protocol)
		if len(ids) == 0 {
			t.Skip("this kernel does not say the control groups of sockets")
		}
		id, ok := ids[inodeOf(t, socket)]
		if !ok || id == 0 {
			t.Errorf("%s: the group is %d, %v", protocol, id, ok)
		}
		groups[id] = true
	}
	if len(groups) != 1 {
		t.Errorf("one process has the groups %v", groups)
	}
}

func inodeOf(t *testing.T, socket syscall.Conn) uint64 {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if controlErr := raw.Control(func(fd uintptr) { err = syscall.Fstat(int(fd), &st) }); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	return st.Ino
}

func TestUnitOf(t *testing.T) {
	for path, want := range map[string]string{
		"/system.slice/dnsmasq.service":                        "dnsmasq.service",
		"/sys/fs/cgroup/system.slice/docker-1f2e.scope/init":   "docker-1f2e.scope",
		"0::/user.slice/user-1000.slice/user@1000.service/app": "user@1000.service",
		"/sys/fs/cgroup/init.scope":                            "init.scope",
		"dnsmasq.service":                                      "dnsmasq.service",
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
	file := filepath.Join(want, "cgroup.procs")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err = os.Stat(file); err != nil {
		t.Fatal(err)
	}
	if got := folderWithID(root, info.Sys().(*syscall.Stat_t).Ino); got != "" {
		t.Errorf("a file is the control group %q", got)
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
