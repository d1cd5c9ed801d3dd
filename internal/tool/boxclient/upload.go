package boxclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/pxebox/pxebox/internal/base/credential"
)

// connects is how long a box may take to accept a connection, and greets is the
// limit for the whole login.
const (
	connects = 10 * time.Second
	greets   = 30 * time.Second
)

// Upload is the destination for boot files.
type Upload struct {
	Host       string // or HOST:PORT
	Password   string
	KnownHosts string    // the known boxes, in OpenSSH's format
	Folder     string    // below the boot folder; created if missing
	Out        io.Writer // messages for the user
	// Progress is called with byte counts while a file is sent, by one goroutine
	// at a time. It may be nil.
	Progress func(name string, done, total int64)
}

// Send sends boot files over SFTP, each preceded by its checksum, so that
// machines see a file only when it is complete. After an interruption, Send with
// the same files resumes.
func (u Upload) Send(ctx context.Context, files ...string) error {
	if err := checkFiles(files); err != nil {
		return err
	}
	client, err := u.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, file := range files {
		if err := u.send(client, file); err != nil {
			return u.explain(ctx, filepath.Base(file), err)
		}
	}
	return nil
}

// checkFiles finds files that cannot be sent, before anything is sent.
func checkFiles(files []string) error {
	seen := map[string]string{} // by name on the box
	for _, file := range files {
		st, err := os.Stat(file)
		switch {
		case err != nil:
			return err
		case st.IsDir():
			return fmt.Errorf("%s is a folder: name the files in it, and their folder on the box with --to", file)
		case !st.Mode().IsRegular():
			return fmt.Errorf("%s is not a regular file", file)
		}
		base := filepath.Base(file)
		if other, ok := seen[base]; ok {
			return fmt.Errorf("%s and %s would both be %s on the box: send them one by one, with --to",
				other, file, base)
		}
		seen[base] = file
	}
	return nil
}

// session is an SFTP session with its SSH connection.
type session struct {
	*sftp.Client
	conn net.Conn
	stop func() bool
}

// Close breaks the connection: open files remain as parts, for the next time.
func (s *session) Close() error {
	s.stop()
	return s.conn.Close()
}

// connect opens a session that ends with ctx.
func (u Upload) connect(ctx context.Context) (_ *session, err error) {
	addr := withPort(u.Host, uploadPort)
	conn, err := (&net.Dialer{Timeout: connects}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, stop: context.AfterFunc(ctx, func() { conn.Close() })}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(greets)); err != nil {
		return nil, err
	}
	var stranger error
	c, channels, requests, err := ssh.NewClientConn(conn, addr, &ssh.ClientConfig{
		User: credential.User,
		Auth: []ssh.AuthMethod{ssh.Password(u.Password)},
		HostKeyCallback: func(_ string, remote net.Addr, key ssh.PublicKey) error {
			stranger = u.trust(addr, remote, key)
			return stranger
		},
	})
	switch {
	case stranger != nil:
		return nil, stranger
	case err != nil && strings.Contains(err.Error(), "unable to authenticate"):
		return nil, fmt.Errorf("%s refuses the password; after ten wrong ones it refuses every login for a minute",
			addr)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if s.Client, err = sftp.NewClient(ssh.NewClient(c, channels, requests)); err != nil {
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	return s, nil
}

// trust compares a box with its known host key, and records a new box.
func (u Upload) trust(addr string, remote net.Addr, key ssh.PublicKey) error {
	f, err := openKnown(u.KnownHosts)
	if err != nil {
		return err
	}
	defer f.Close()
	compare, err := knownhosts.New(u.KnownHosts)
	if err != nil {
		return err
	}
	err = compare(addr, remote, key)
	var differs *knownhosts.KeyError
	if !errors.As(err, &differs) {
		return err
	}
	now := ssh.FingerprintSHA256(key)
	if len(differs.Want) > 0 {
		was := differs.Want[0]
		return notTheSame(addr, ssh.FingerprintSHA256(was.Key), now,
			fmt.Sprintf("%s (line %d)", was.Filename, was.Line))
	}
	fmt.Fprint(u.Out, isNew(addr, now))
	_, err = fmt.Fprintln(f, knownhosts.Line([]string{addr}, key))
	return err
}

// send sends one file, and returns when machines can load it.
func (u Upload) send(client *session, file string) error {
	local, err := os.Open(file)
	if err != nil {
		return localError{err}
	}
	defer local.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, local)
	if err != nil {
		return localError{err}
	}
	name := filepath.Base(file)
	hexSum := hex.EncodeToString(sum.Sum(nil))
	fmt.Fprintf(u.Out, "%s: SHA-256 %s\n", name, hexSum)

	folder := strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(u.Folder)), "/")
	if err := mkdirs(client, folder); err != nil {
		return err
	}
	to := path.Join(folder, name)
	if err := writeSum(client, to+".sha256", hexSum); err != nil {
		return err
	}
	if err := u.sendContent(client, local, to, size); err != nil {
		return err
	}
	// The box compares the checksum; this detects one that does not.
	if st, err := client.Stat(to); err != nil {
		return err
	} else if st.Size() != size || isPart(st) {
		return fmt.Errorf("the box has %d bytes of %d", st.Size(), size)
	}
	if err := client.Remove(to + ".sha256"); err != nil {
		return err
	}
	fmt.Fprintf(u.Out, "%s is on the box\n", to)
	return nil
}

// mkdirs creates a folder and its parents where they are missing.
func mkdirs(client *session, folder string) error {
	at := ""
	for part := range strings.SplitSeq(folder, "/") {
		if at = path.Join(at, part); at == "" {
			continue
		}
		err := client.Mkdir(at)
		if err == nil {
			continue
		}
		if st, e := client.Stat(at); e != nil || !st.IsDir() {
			return err
		}
	}
	return nil
}

func writeSum(client *session, name, sum string) error {
	f, err := client.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, sum+"\n"); err != nil {
		return err
	}
	return f.Close()
}

// isPart reports whether the box has only a part of a file: it shows a part as a
// file that only its owner may read.
func isPart(st fs.FileInfo) bool { return st.Mode().IsRegular() && st.Mode().Perm() == 0o600 }

// sendContent resumes from the part that the box has. If the box refuses that, or
// has no part, it sends the whole file.
func (u Upload) sendContent(client *session, local *os.File, to string, size int64) error {
	if st, err := client.Stat(to); err == nil && isPart(st) && st.Size() <= size {
		err := u.resume(client, local, to, size)
		if err == nil || !saidNo(err) {
			return err
		}
		fmt.Fprintf(u.Out, "%s: sending it again from the beginning: %v\n", path.Base(to), reason(err))
	}
	f, err := client.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	return u.write(f, local, 0, size)
}

func (u Upload) resume(client *session, local *os.File, to string, size int64) error {
	f, err := client.OpenFile(to, os.O_WRONLY)
	if err != nil {
		return err
	}
	// When a part is opened, the box cuts it to its contiguous beginning: an
	// earlier connection, dead by now, may have written ahead.
	st, err := f.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(u.Out, "%s: continuing from byte %d of %d\n", path.Base(to), st.Size(), size)
	return u.write(f, local, st.Size(), size)
}

// write writes a file from an offset on, and closes it. After an error it leaves
// the file open, because closing it would make the box drop what it has.
func (u Upload) write(f *sftp.File, local *os.File, from, size int64) error {
	if _, err := local.Seek(from, io.SeekStart); err != nil {
		return localError{err}
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	r := &counted{Reader: io.LimitReader(local, size-from), tell: func(n int64) {
		if u.Progress != nil {
			u.Progress(path.Base(f.Name()), from+n, size)
		}
	}}
	r.tell(0)
	if _, err := f.ReadFromWithConcurrency(r, 0); err != nil {
		return err
	}
	return f.Close()
}

// counted counts the bytes read from a local file.
type counted struct {
	io.Reader
	n    int64
	tell func(n int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if n > 0 {
		c.n += int64(n)
		c.tell(c.n)
	}
	if err != nil && err != io.EOF {
		err = localError{err}
	}
	return n, err
}

// localError is an error on this computer, not on the box.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// saidNo reports whether an error is the box's answer, rather than the end of the
// connection.
func saidNo(err error) bool {
	return errors.As(err, new(*sftp.StatusError)) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// explain says what a failure means for the user.
func (u Upload) explain(ctx context.Context, name string, err error) error {
	switch {
	case errors.As(err, new(localError)):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%s: interrupted; run the same command again to continue", name)
	case saidNo(err):
		return fmt.Errorf("%s: %w", name, reason(err))
	}
	return fmt.Errorf("%s: the connection to %s broke (%w); run the same command again to continue", name, u.Host, err)
}

// reason returns the box's text, which package sftp quotes and combines with a
// code.
func reason(err error) error {
	var status *sftp.StatusError
	if !errors.As(err, &status) {
		return err
	}
	quoted, e := strconv.QuotedPrefix(strings.TrimPrefix(status.Error(), "sftp: "))
	if e != nil {
		return err
	}
	text, e := strconv.Unquote(quoted)
	if e != nil || text == "" {
		return err
	}
	return errors.New(text)
}
