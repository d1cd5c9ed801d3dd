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
	// syncEvery bounds what a medium still has to write when a file is closed,
	// in bytes: clients give up on a close that takes a quarter of a minute.
	syncEvery = 16 << 20
	// hashAtOnce bounds how much of what was there before is hashed along with
	// one write, in bytes.
	hashAtOnce = 4 << 20
	// maxAhead is how many writes may be ahead of a gap. Clients send a few
	// dozen at a time, and in order.
	maxAhead = 1024
	// safe is an extended attribute of a part: how much of it is on the medium,
	// from its beginning and without a gap, as a decimal number of bytes. Its
	// size does not say that. After a power cut ext4 may have the size without
	// the data, and a client that went on from there would leave zeros before.
	safe = "user.pxebox.safe"
)

var errTakenOver = errors.New("another connection writes this file now")

// part is a file that is being written, outside the boot folder. Only Close,
// and only if nothing went wrong, gives it its place there.
type part struct {
	tree *tree
	name string

	mu     sync.Mutex
	f      *os.File
	err    error // why it is not to be published; the first one stays
	whole  int64 // bytes from the beginning without a gap, be they safe or not
	ahead  map[int64]int64
	unsafe int64 // bytes since the last sync
	// What is hashed follows what is whole, by reading it back from memory:
	// clients have several writes under way, which come in any order.
	sum    hash.Hash
	hashed int64
}

func newPart(t *tree, name string, f *os.File, size int64) *part {
	return &part{tree: t, name: name, f: f, whole: size, ahead: map[int64]int64{}, sum: sha256.New()}
}

// WriteAt writes, unless the disk would become too full.
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

// makeRoom locks the tree, which comes before the part's own lock.
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

// sync brings what was written to the medium, and only then the note of it.
func (p *part) sync() error {
	p.unsafe = 0
	if err := unix.Fdatasync(int(p.f.Fd())); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := unix.Fsetxattr(int(p.f.Fd()), safe, []byte(strconv.FormatInt(p.whole, 10)), 0); err != nil {
		return fmt.Errorf("note of what is safe: %w", err)
	}
	if err := p.f.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// safeLength is how much of a part is surely as it was sent, in bytes: nothing
// where there is no note of it.
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

// wrote takes note of n bytes written at an offset.
func (p *part) wrote(at, n int64) error {
	if at < p.hashed { // written over what was hashed
		p.sum.Reset()
		p.hashed = 0
	}
	if at > p.whole {
		if len(p.ahead) >= maxAhead {
			return errors.New("written with too many gaps")
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

// TransferError hears that the connection broke while the file was open. What
// is there of it stays, for the client to go on with.
func (p *part) TransferError(err error) { p.abandon(fmt.Errorf("the connection broke: %w", err)) }

// abandon lets the part never be published by whoever writes it now.
func (p *part) abandon(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail(fmt.Errorf("%s: %w", p.name, err))
}

// fail lets nothing more be written, and leaves what a client can go on with:
// what is behind a gap goes, since clients take the size for the end of what the
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
		p.tree.log.Error("part of a boot file is lost", "file", p.name, "err", err)
	}
}

// Close publishes the file.
func (p *part) Close() error {
	defer p.tree.closed(p) // after the lock is given back: the tree takes its own first
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
		p.tree.log.Warn("boot file is not published", "file", p.name, "bytes", p.whole, "err", p.err)
		return p.err
	}
	p.tree.log.Info("boot file is published", "file", p.name, "bytes", p.whole, "sha256", hex.EncodeToString(p.sum.Sum(nil)))
	return nil
}

// finish makes sure that the file is what its sender meant, and on the medium.
func (p *part) finish() error {
	if len(p.ahead) > 0 {
		return fmt.Errorf("%s: nothing was written from byte %d on, and something behind it", p.name, p.whole)
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
			p.tree.log.Error("the part stays", "file", p.name, "err", err)
		}
		return mismatch(p.name, got, want, from)
	}
	if err := p.f.Sync(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

func mismatch(name, got, want, from string) error {
	return fmt.Errorf("%s was dropped: its SHA-256 is %s, but %s says %s. Send it again, or the right %s before it", name, got, from, want, path.Base(from))
}
