package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// syncEvery bounds how much remains to be written to the medium when a file
	// is closed, in bytes: clients give up on a close that takes 15 seconds.
	syncEvery = 16 << 20
	// hashAtOnce bounds how much existing data is hashed along with one write,
	// in bytes.
	hashAtOnce = 4 << 20
	// maxAhead is how many writes may be beyond a gap. Clients send a few dozen
	// at a time, and in order.
	maxAhead = 1024
	// safe is an extended attribute of a part: how much of it is on the medium,
	// from its beginning and without a gap, as a decimal number of bytes. The
	// file size does not say that: after a power cut ext4 may have the size
	// without the data, and a client that resumed there would leave zeros
	// before.
	safe = "user.pxebox.safe"
)

var errTakenOver = errors.New("another connection writes this file now")

// part is a file that is being written, outside the boot folder. Only Close
// moves it into the boot folder, and only if nothing went wrong.
type part struct {
	tree *tree
	name string

	mu     sync.Mutex
	f      *os.File
	err    error // why it must not be published; the first error wins
	whole  int64 // bytes from the beginning without a gap, synced or not
	ahead  map[int64]int64
	unsafe int64 // bytes since the last sync
	// The hash follows whole, by reading the data back from memory: clients
	// have several writes in flight, which arrive in any order.
	sum    hash.Hash
	hashed int64
}

func newPart(t *tree, name string, f *os.File, size int64) *part {
	return &part{tree: t, name: name, f: f, whole: size, ahead: map[int64]int64{}, sum: sha256.New()}
}

// WriteAt writes, unless that would fill the disk too far.
func (p *part) WriteAt(b []byte, at int64) (n int, err error) {
	need := space{bytes: int64(len(b))}
	err = p.tree.room(need)
	if errors.Is(err, errFull) {
		err = p.makeRoom(need)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	if err == nil {
		n, err = p.write(b, at)
	}
	if err != nil {
		p.fail(fmt.Errorf("%s: %w", p.name, err))
		return n, p.err
	}
	return n, nil
}

// makeRoom locks the tree, whose lock comes before the part's.
func (p *part) makeRoom(need space) error {
	p.tree.mu.Lock()
	defer p.tree.mu.Unlock()
	return p.tree.makeRoom(need, p.name)
}

func (p *part) write(b []byte, at int64) (int, error) {
	n, err := p.f.WriteAt(b, at)
	if err != nil {
		return n, err
	}
	if err := p.wrote(at, int64(n)); err != nil {
		return n, err
	}
	if p.unsafe += int64(n); p.unsafe >= syncEvery {
		if err := p.sync(); err != nil {
			return n, err
		}
	}
	return n, p.hash(min(p.whole, p.hashed+hashAtOnce))
}

// sync writes the data to the medium, and only then the attribute.
func (p *part) sync() error {
	p.unsafe = 0
	if err := unix.Fdatasync(int(p.f.Fd())); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := unix.Fsetxattr(int(p.f.Fd()), safe, []byte(strconv.FormatInt(p.whole, 10)), 0); err != nil {
		return fmt.Errorf("record what is on the disk: %w", err)
	}
	if err := p.f.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// safeLength returns how much of a part is certainly as it was sent, in bytes:
// zero if the attribute is missing.
func safeLength(f *os.File) int64 {
	b := make([]byte, 20)
	n, err := unix.Fgetxattr(int(f.Fd()), safe, b)
	if err != nil {
		return 0
	}
	whole, err := strconv.ParseInt(string(b[:n]), 10, 64)
	if err != nil {
		return 0
	}
	return whole
}

// wrote records that n bytes were written at an offset.
func (p *part) wrote(at, n int64) error {
	if at < p.hashed { // overwrites hashed data
		p.sum.Reset()
		p.hashed = 0
	}
	if at > p.whole {
		if len(p.ahead) >= maxAhead {
			return errors.New("the upload has too many gaps")
		}
		p.ahead[at] = max(p.ahead[at], n)
		return nil
	}
	p.whole = max(p.whole, at+n)
	for more := true; more; {
		more = false
		for at, n := range p.ahead {
			if at <= p.whole {
				p.whole = max(p.whole, at+n)
				delete(p.ahead, at)
				more = true
			}
		}
	}
	return nil
}

func (p *part) hash(to int64) error {
	if to <= p.hashed {
		return nil
	}
	n, err := io.Copy(p.sum, io.NewSectionReader(p.f, p.hashed, to-p.hashed))
	p.hashed += n
	if err != nil {
		return fmt.Errorf("hash: %w", err)
	}
	if p.hashed < to {
		return fmt.Errorf("hash: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// ReadAt is for clients that open a file for reading and writing.
func (p *part) ReadAt(b []byte, at int64) (int, error) { return p.f.ReadAt(b, at) }

// TransferError is called when the connection breaks while the file is open.
// The part stays, so that the client can resume.
func (p *part) TransferError(err error) { p.abandon(fmt.Errorf("the connection broke: %w", err)) }

// abandon makes sure that the current writer never publishes the part.
func (p *part) abandon(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail(fmt.Errorf("%s: %w", p.name, err))
}

// fail stops further writes, and leaves what a client can resume. It cuts off
// what is beyond a gap, because clients take the size for the end of what the
// box has.
func (p *part) fail(err error) {
	if p.err != nil {
		return
	}
	p.err = err
	if err = p.f.Truncate(p.whole); err == nil {
		err = p.sync()
	}
	if err != nil {
		err = errors.Join(err, p.tree.staging.Remove(p.name))
		p.tree.log.Error("an incomplete upload is lost", "file", p.name, "err", err)
	}
}

// Close publishes the file.
func (p *part) Close() error {
	defer p.tree.closed(p) // after the lock is released: the tree locks itself first
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		if err := p.finish(); err != nil {
			p.fail(err)
		}
	}
	if err := p.f.Close(); err != nil && p.err == nil {
		p.err = err
	}
	if p.err == nil {
		p.err = p.tree.publish(p.name)
	}
	if p.err != nil {
		p.tree.log.Warn("boot file not published", "file", p.name, "bytes", p.whole, "err", p.err)
		return p.err
	}
	p.tree.log.Info("boot file published", "file", p.name, "bytes", p.whole, "sha256",
		hex.EncodeToString(p.sum.Sum(nil)))
	return nil
}

// finish makes sure that the file is what its sender intended, and on the
// medium.
func (p *part) finish() error {
	if len(p.ahead) > 0 {
		return fmt.Errorf("%s: byte %d was not sent, but later ones were; send the file again", p.name, p.whole)
	}
	if err := p.hash(p.whole); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	want, from, err := p.tree.expected(p.name)
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(p.sum.Sum(nil)); from != "" && got != want {
		if err := p.tree.staging.Remove(p.name); err != nil {
			p.tree.log.Error("cannot delete an incomplete upload", "file", p.name, "err", err)
		}
		return mismatch(p.name, got, want, from)
	}
	if err := p.f.Sync(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

func mismatch(name, got, want, from string) error {
	return fmt.Errorf("%s was deleted: its SHA-256 is %s, but %s says %s. Send it again, or send a correct %s first",
		name, got, from, want, path.Base(from))
}
