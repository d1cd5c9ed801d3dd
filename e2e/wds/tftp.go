package wds

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// TFTP opcodes and error codes (RFC 1350 §5 and appendix, RFC 2347).
const (
	opRead  = 1
	opData  = 3
	opAck   = 4
	opError = 5
	opOACK  = 6

	codeNotFound  = 1
	codeViolation = 2
	codeIllegal   = 4
)

const (
	defaultBlock = 512   // RFC 1350 §2
	maxBlock     = 65464 // RFC 2348
	resendAfter  = time.Second
	resends      = 5
)

var (
	errNotFound  = errors.New("file not found")
	errViolation = errors.New("access violation")
	errRefused   = errors.New("the client said error")
)

// defaultReadFilter is the registry value ReadFilter of a new server. The
// server refuses a name outside of it before it looks for the file, and does
// not treat a forward slash as a separator.
var defaultReadFilter = []string{`\boot\`, `\tmp\`, `boot\`, `tmp\`}

// readFilter2023 is what the programs of 2023 need in addition. Whether Microsoft's
// update adds it, or an administrator must, has not been seen.
var readFilter2023 = []string{`\boot_EX\`, `boot_EX\`}

// allowed applies a ReadFilter as Windows compares names: it ignores case.
func allowed(filter []string, name string) bool {
	lower := strings.ToLower(name)
	for _, prefix := range filter {
		if strings.HasPrefix(lower, strings.ToLower(prefix)) && !strings.Contains(lower, "/") {
			return true
		}
	}
	return false
}

// fileKey returns the same key for names that are the same file to the server.
func fileKey(name string) string {
	return strings.TrimPrefix(strings.ToLower(name), `\`)
}

// readRequest is a parsed RRQ.
type readRequest struct {
	name  string
	block int           // bytes in a full DATA
	again time.Duration // until an unanswered packet is sent again
	oack  [][2]string   // options to acknowledge, in the requested order
}

// parseRead reads an RRQ (RFC 1350 §5, RFC 2347): name, mode, and options. The
// server answers an option only if it is known and sane. size returns the
// file's length for tsize (RFC 2349).
func parseRead(b []byte, size func(name string) int) (readRequest, error) {
	if len(b) < 2 || binary.BigEndian.Uint16(b) != opRead {
		return readRequest{}, errors.New("no read request")
	}
	if !bytes.HasSuffix(b, []byte{0}) {
		return readRequest{}, errors.New("read request without its last NUL")
	}
	fields := strings.Split(string(b[2:len(b)-1]), "\x00")
	if len(fields) < 2 || fields[0] == "" {
		return readRequest{}, errors.New("read request without name or mode")
	}
	if mode := strings.ToLower(fields[1]); mode != "octet" && mode != "netascii" {
		return readRequest{}, fmt.Errorf("mode %q", fields[1])
	}
	r := readRequest{name: fields[0], block: defaultBlock, again: resendAfter}
	for o := fields[2:]; len(o) >= 2; o = o[2:] {
		value, err := strconv.Atoi(o[1])
		if err != nil {
			continue
		}
		switch strings.ToLower(o[0]) {
		case "blksize":
			if value < 8 {
				continue
			}
			r.block = min(value, maxBlock)
			r.oack = append(r.oack, [2]string{o[0], strconv.Itoa(r.block)})
		case "timeout":
			if value < 1 || value > 255 {
				continue
			}
			r.again = time.Duration(value) * time.Second
			r.oack = append(r.oack, [2]string{o[0], o[1]})
		case "tsize":
			r.oack = append(r.oack, [2]string{o[0], strconv.Itoa(size(r.name))})
		}
	}
	return r, nil
}

func (s *Server) serveTFTP(conn net.PacketConn) {
	s.receive(conn, func(b []byte, peer net.Addr) {
		from := addrPortOf(peer)
		request, err := parseRead(b, func(name string) int {
			content, _ := s.read(name)
			return len(content)
		})
		if err != nil {
			s.Log.Warn("TFTP", "peer", from, "err", err)
			conn.WriteTo(errorPacket(codeIllegal, err.Error()), peer)
			return
		}
		content, reply := s.read(request.name)
		s.mu.Lock()
		s.reads = append(s.reads, Read{Time: time.Now(), From: from, Name: request.name, Err: reply})
		s.mu.Unlock()
		s.Log.Info("TFTP read", "peer", from, "file", request.name, "err", reply)

		// RFC 1350 §4: each transfer has its own port.
		err = s.spawn(0, func(conn net.PacketConn) {
			switch reply {
			case errViolation:
				conn.WriteTo(errorPacket(codeViolation, "Access violation"), peer)
			case errNotFound:
				conn.WriteTo(errorPacket(codeNotFound, "File not found"), peer)
			default:
				if err := send(conn, from, request, content); err != nil {
					s.Log.Warn("TFTP transfer", "peer", from, "file", request.name, "err", err)
				}
			}
		})
		if err != nil && !s.isClosed(err) {
			s.Log.Warn("TFTP transfer", "peer", from, "err", err)
		}
	})
}

// read finds a file by the name that a client requests.
func (s *Server) read(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !allowed(s.filter, name) {
		return nil, errViolation
	}
	content, found := s.files[fileKey(name)]
	if !found {
		return nil, errNotFound
	}
	return content, nil
}

// send transfers content, one block at a time (RFC 1350 §6 with RFC 2347 §3
// before it). The transfer ends with a block shorter than the others, so a
// length that is a multiple of the block size ends with an empty one.
func send(conn net.PacketConn, to netip.AddrPort, r readRequest, content []byte) error {
	if len(r.oack) > 0 {
		oack := binary.BigEndian.AppendUint16(nil, opOACK)
		for _, o := range r.oack {
			oack = append(oack, o[0]+"\x00"+o[1]+"\x00"...)
		}
		err := exchange(conn, to, oack, 0, r.again)
		if errors.Is(err, errRefused) {
			return nil // it only wanted the size, as EDK2 does before each file
		}
		if err != nil {
			return fmt.Errorf("OACK: %w", err)
		}
	}
	for block := 1; ; block++ {
		part := content[:min(r.block, len(content))]
		content = content[len(part):]
		data := binary.BigEndian.AppendUint16(nil, opData)
		data = binary.BigEndian.AppendUint16(data, uint16(block))
		if err := exchange(conn, to, append(data, part...), uint16(block), r.again); err != nil {
			return fmt.Errorf("block %d: %w", block, err)
		}
		if len(part) < r.block {
			return nil
		}
	}
}

// exchange sends one packet until its block is acknowledged. It does not answer
// an older ACK: that would be the Sorcerer's Apprentice (RFC 1123 §4.2.3.1).
func exchange(conn net.PacketConn, to netip.AddrPort, packet []byte, block uint16, again time.Duration) error {
	peer := net.UDPAddrFromAddrPort(to)
	buf := make([]byte, 1500)
	for range 1 + resends {
		if _, err := conn.WriteTo(packet, peer); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(again)); err != nil {
			return err
		}
		for {
			n, from, err := conn.ReadFrom(buf)
			if isTimeout(err) {
				break
			}
			if err != nil {
				return err
			}
			if addrPortOf(from) != to || n < 4 {
				continue
			}
			switch number := binary.BigEndian.Uint16(buf[2:]); binary.BigEndian.Uint16(buf) {
			case opAck:
				if number == block {
					return nil
				}
			case opError:
				return fmt.Errorf("%w %d: %s", errRefused, number, bytes.TrimRight(buf[4:n], "\x00"))
			}
		}
	}
	return fmt.Errorf("no acknowledgement: %w", os.ErrDeadlineExceeded)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func errorPacket(code uint16, message string) []byte {
	b := binary.BigEndian.AppendUint16(nil, opError)
	b = binary.BigEndian.AppendUint16(b, code)
	return append(b, message+"\x00"...)
}
