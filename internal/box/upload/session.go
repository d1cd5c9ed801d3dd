package upload

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/pkg/sftp"
)

// maxOpen bounds the number of open files of all clients together.
const maxOpen = 64

// session handles one client's requests to the tree.
type session struct {
	tree *tree
	open chan struct{} // a place for each open file
	// tell shows a line to the person at the client. OpenSSH's programs only
	// say "Failure", whatever text comes with an error.
	tell func(string)
}

// local converts a client's path to the tree's form.
func local(p string) string {
	if p = strings.TrimPrefix(path.Clean("/"+p), "/"); p == "" {
		return "."
	}
	return p
}

func (s *session) told(err error) error {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.tell(err.Error())
	}
	return err
}

func (s *session) place() error {
	select {
	case s.open <- struct{}{}:
		return nil
	default:
		return fmt.Errorf("too many open files: at most %d in a session", cap(s.open))
	}
}

func (s *session) leave() { <-s.open }

// reading is a published file that a client reads.
type reading struct {
	*os.File
	session *session
}

func (r *reading) Close() error {
	defer r.session.leave()
	return r.File.Close()
}

// writing is a part that a client writes.
type writing struct {
	*part
	session *session
}

func (w *writing) Close() error {
	defer w.session.leave()
	return w.session.told(w.part.Close())
}

// Fileread opens a file for reading.
func (s *session) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	if err := s.place(); err != nil {
		return nil, s.told(err)
	}
	f, err := s.tree.open(local(r.Filepath))
	if err != nil {
		s.leave()
		return nil, s.told(err)
	}
	return &reading{f, s}, nil
}

// Filewrite opens a file for writing.
func (s *session) Filewrite(r *sftp.Request) (io.WriterAt, error) { return s.OpenFile(r) }

// OpenFile opens a file for writing, and possibly for reading.
func (s *session) OpenFile(r *sftp.Request) (sftp.WriterAtReaderAt, error) {
	if err := s.place(); err != nil {
		return nil, s.told(err)
	}
	flags := r.Pflags()
	p, err := s.tree.openPart(local(r.Filepath), flags.Trunc, flags.Creat, flags.Excl)
	if err != nil {
		s.leave()
		return nil, s.told(err)
	}
	return &writing{part: p, session: s}, nil
}

// Filecmd changes names and folders.
func (s *session) Filecmd(r *sftp.Request) error {
	name := local(r.Filepath)
	switch r.Method {
	case "Mkdir":
		return s.told(s.tree.mkdir(name))
	case "Rmdir":
		return s.told(s.tree.rmdir(name))
	case "Remove":
		return s.told(s.tree.remove(name))
	case "Rename":
		return s.told(s.tree.rename(name, local(r.Target), false))
	case "Setstat":
		flags, attrs := r.AttrFlags(), r.Attributes()
		switch {
		case flags.Size:
			return sftp.ErrSSHFxOpUnsupported
		case flags.Acmodtime:
			return s.told(s.tree.setTimes(name, attrs.AccessTime(), attrs.ModTime()))
		}
		return nil // machines may read every file, regardless of its owner elsewhere
	}
	return sftp.ErrSSHFxOpUnsupported // links could lead out of the folder
}

// PosixRename is a rename that replaces an existing file.
func (s *session) PosixRename(r *sftp.Request) error {
	return s.told(s.tree.rename(local(r.Filepath), local(r.Target), true))
}

// StatVFS reports the free space, minus what is reserved.
func (s *session) StatVFS(*sftp.Request) (*sftp.StatVFS, error) {
	st, err := s.tree.statfs()
	if err != nil {
		return nil, err
	}
	kept := uint64(s.tree.reserve / st.Frsize)
	return &sftp.StatVFS{
		Bsize: uint64(st.Bsize), Frsize: uint64(st.Frsize),
		Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail - min(kept, st.Bavail),
		Files: st.Files, Ffree: st.Ffree, Favail: st.Ffree - min(reserveInodes, st.Ffree),
		Namemax: uint64(st.Namelen),
	}, nil
}

// Filelist describes files and folders.
func (s *session) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	name := local(r.Filepath)
	switch r.Method {
	case "List":
		infos, err := s.tree.list(name)
		return listing(infos), err
	case "Stat":
		return one(s.tree.stat(name, true))
	}
	return nil, sftp.ErrSSHFxOpUnsupported
}

// Lstat describes a link itself.
func (s *session) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	return one(s.tree.stat(local(r.Filepath), false))
}

func one(info fs.FileInfo, err error) (sftp.ListerAt, error) { return listing{info}, err }

type listing []fs.FileInfo

func (l listing) ListAt(into []fs.FileInfo, from int64) (int, error) {
	if from >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(into, l[from:])
	if n < len(into) {
		return n, io.EOF
	}
	return n, nil
}
