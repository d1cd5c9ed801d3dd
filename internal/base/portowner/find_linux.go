package portowner

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Owners returns the sockets that have a port, as far as this process may see.
// Best effort: it is for a message.
func (u Use) Owners() []Owner {
	var found []listed
	for _, file := range []string{"/proc/net/" + u.Protocol, "/proc/net/" + u.Protocol + "6"} {
		if list, err := os.ReadFile(file); err == nil {
			found = append(found, sockets(list, u.Protocol, u.Port)...)
		}
	}
	if len(found) == 0 {
		return nil
	}
	groups, processes := controlGroups(u.Protocol), holders(found)
	owners := make([]Owner, len(found))
	for i, s := range found {
		o := s.Owner
		if o.PID = processes[s.inode]; o.PID != 0 {
			o.Program = readLine(filepath.Join("/proc", strconv.Itoa(o.PID), "comm"))
		}
		if id, ok := groups[s.inode]; ok {
			o.Unit = unitOf(folderWithID(controlGroupsDir(), id))
		} else if o.PID != 0 {
			o.Unit = unitOf(readLine(filepath.Join("/proc", strconv.Itoa(o.PID), "cgroup")))
		}
		owners[i] = o
	}
	return owners
}

// listed is a socket in one of the kernel's lists.
type listed struct {
	Owner
	inode uint64
}

// tcpListens is a listening socket's state in the kernel's list
// (include/net/tcp_states.h).
const tcpListens = "0A"

// sockets returns those of the kernel's list, such as /proc/net/udp, that have a
// port. Of TCP, only those that listen.
func sockets(list []byte, protocol string, port int) (found []listed) {
	for line := range bytes.Lines(list) {
		// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
		f := strings.Fields(string(line))
		if len(f) < 10 || protocol == "tcp" && f[3] != tcpListens {
			continue
		}
		addr, ok := parseAddr(f[1])
		uid, uidErr := strconv.ParseUint(f[7], 10, 32)
		inode, inodeErr := strconv.ParseUint(f[9], 10, 64)
		if ok && int(addr.Port()) == port && uidErr == nil && inodeErr == nil {
			found = append(found, listed{Owner{Addr: addr, User: uint32(uid)}, inode})
		}
	}
	return found
}

// parseAddr reads "0100007F:0045": words of four bytes in the machine's order, and
// the port.
func parseAddr(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a, uint16(n)), ok
}

// holders returns the processes that have the sockets open, by their inodes. Only
// root sees those of other users.
func holders(found []listed) map[uint64]int {
	wanted := map[string]uint64{}
	for _, s := range found {
		wanted["socket:["+strconv.FormatUint(s.inode, 10)+"]"] = s.inode
	}
	pids := map[uint64]int{}
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", p.Name(), "fd")
		fds, _ := os.ReadDir(dir)
		for _, fd := range fds {
			to, err := os.Readlink(filepath.Join(dir, fd.Name()))
			if inode, ok := wanted[to]; ok && err == nil && pids[inode] == 0 {
				pids[inode] = pid
			}
		}
	}
	return pids
}

// The request and answer of sock_diag(7), and the attribute that names a socket's
// control group (include/uapi/linux/inet_diag.h).
const (
	sockDiagByFamily = 20
	diagCgroupID     = 21
	diagRequestSize  = 56
	diagAnswerSize   = 72
	diagInodeAt      = 68
)

// controlGroups returns the IDs of the sockets' control groups, by their inodes.
// The kernel answers any user.
func controlGroups(protocol string) map[uint64]uint64 {
	ids := map[uint64]uint64{}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return ids
	}
	defer unix.Close(fd)
	wait := unix.NsecToTimeval(int64(time.Second))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		if unix.Sendto(fd, diagRequest(family, protocol), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
			return ids
		}
		for more := true; more; {
			b := make([]byte, 64<<10)
			n, _, err := unix.Recvfrom(fd, b, 0)
			if err != nil {
				return ids
			}
			more = diagAnswers(b[:n], ids)
		}
	}
	return ids
}

// diagRequest asks for the sockets of a family.
func diagRequest(family byte, protocol string) []byte {
	number, states := byte(unix.IPPROTO_UDP), ^uint32(0)
	if protocol == "tcp" {
		number, states = unix.IPPROTO_TCP, 1<<10 // TCP_LISTEN
	}
	b := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+diagRequestSize)
	binary.NativeEndian.PutUint32(b, uint32(cap(b)))
	binary.NativeEndian.PutUint16(b[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b = append(b, family, number, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, states)
	return b[:cap(b)]
}

// diagAnswers reads one packet of answers into ids. It returns false after the
// last one.
func diagAnswers(b []byte, ids map[uint64]uint64) (more bool) {
	msgs, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return false
	}
	for _, m := range msgs {
		if m.Header.Type != sockDiagByFamily || len(m.Data) < diagAnswerSize {
			return false // the end, or an error
		}
		inode := uint64(binary.NativeEndian.Uint32(m.Data[diagInodeAt:]))
		for a := m.Data[diagAnswerSize:]; len(a) >= unix.SizeofRtAttr; {
			size, kind := int(binary.NativeEndian.Uint16(a)), binary.NativeEndian.Uint16(a[2:])
			if size < unix.SizeofRtAttr || size > len(a) {
				break
			}
			if kind == diagCgroupID && size >= unix.SizeofRtAttr+8 {
				ids[inode] = binary.NativeEndian.Uint64(a[unix.SizeofRtAttr:])
			}
			a = a[min((size+3)&^3, len(a)):]
		}
	}
	return len(msgs) > 0
}

// controlGroupsDir is where the second version of control groups is mounted.
func controlGroupsDir() string {
	const own, hybrid = "/sys/fs/cgroup", "/sys/fs/cgroup/unified"
	if _, err := os.Stat(hybrid); err == nil {
		return hybrid
	}
	return own
}

// maxFolders limits a search for a control group.
const maxFolders = 10000

// folderWithID returns the folder below dir with that inode number, which is the
// control group's ID, or "".
func folderWithID(dir string, id uint64) (found string) {
	n := 0
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil
		}
		if n++; n > maxFolders {
			return fs.SkipAll
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Ino == id {
			found = path
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// unitOf returns the innermost unit in a control group's path, or "".
func unitOf(path string) string {
	parts := strings.Split(path, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if strings.HasSuffix(parts[i], ".service") || strings.HasSuffix(parts[i], ".scope") {
			return parts[i]
		}
	}
	return ""
}

// readLine returns the first line of a file, or "".
func readLine(file string) string {
	b, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
