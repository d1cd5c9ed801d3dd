package httpd

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
)

const (
	// maxHashes is how many files' hashes are kept, and maxWaiting how many
	// files may wait for theirs. A file for which there is no room may find
	// some the next time that it is asked for.
	maxHashes  = 4096
	maxWaiting = 64
	// settled is how old a file's last change must be: another one within the
	// same tick of the kernel's clock would not show.
	settled = 2 * time.Second
)

// version tells the contents of files on disk apart without reading them.
type version struct {
	device, inode uint64
	size          int64
	modified      int64 // nanoseconds since 1970
}

func versionOf(info fs.FileInfo) version {
	v := version{size: info.Size(), modified: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		v.device, v.inode = uint64(st.Dev), st.Ino
	}
	return v
}

// hashes are the SHA-256 sums of files on disk. To hash an installer's image
// takes longer than a client would wait for its first byte, so that is done
// afterwards, one file at a time, and the sum is there for the next request.
type hashes struct {
	once  sync.Once
	queue chan job

	mu      sync.Mutex
	known   map[version][]byte
	waiting map[version]bool // in the queue, or being computed
}

// job is a file to hash: by its name, for the request that asked closes its
// own.
type job struct {
	name    string
	version version
}

func (h *hashes) init() {
	h.once.Do(func() {
		h.queue, h.known, h.waiting = make(chan job, maxWaiting), map[version][]byte{}, map[version]bool{}
	})
}

// of returns a file's hash, or has it computed.
func (h *hashes) of(name string, info fs.FileInfo, now time.Time) ([]byte, bool) {
	h.init()
	v := versionOf(info)
	h.mu.Lock()
	defer h.mu.Unlock()
	if sum, ok := h.known[v]; ok {
		return sum, true
	}
	// Abs: of a clock that stands at 1970 only the distance tells something.
	if h.waiting[v] || now.Sub(info.ModTime()).Abs() < settled {
		return nil, false
	}
	select {
	case h.queue <- job{name, v}:
		h.waiting[v] = true
	default:
	}
	return nil, false
}

// run computes what is waited for until ctx ends.
func (h *hashes) run(ctx context.Context, open func(netip.Addr, string) (bootfiles.File, error)) {
	h.init()
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-h.queue:
			h.compute(ctx, open, j)
		}
	}
}

// compute hashes a file. One that cannot be read, or has changed meanwhile,
// gets no hash, and waits for one again when it is next asked for.
func (h *hashes) compute(ctx context.Context, open func(netip.Addr, string) (bootfiles.File, error), j job) {
	sum, err := sumOf(ctx, open, j)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, j.version)
	if err != nil {
		return
	}
	if len(h.known) >= maxHashes {
		for v := range h.known { // any: there is no telling which is needed next
			delete(h.known, v)
			break
		}
	}
	h.known[j.version] = sum
}

var errChanged = errors.New("the file has changed")

func sumOf(ctx context.Context, open func(netip.Addr, string) (bootfiles.File, error), j job) ([]byte, error) {
	f, err := open(netip.Addr{}, j.name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	disk, ok := f.(*bootfiles.OnDisk)
	if !ok || versionOf(disk.Info()) != j.version {
		return nil, errChanged
	}
	sum := sha256.New()
	for buf := make([]byte, 256<<10); ; {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n, err := disk.File().Read(buf)
		sum.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	after, err := disk.File().Stat()
	if err != nil {
		return nil, err
	}
	if versionOf(after) != j.version {
		return nil, errChanged
	}
	return sum.Sum(nil), nil
}
