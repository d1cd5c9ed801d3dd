package menuwatch

import (
	"errors"
	"io/fs"
	"net/netip"
	"sync"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/base/netproblem"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/control/wdscerts"
)

// Snapshot is what the watcher knew at one moment, for the page. It shares
// nothing that changes with the watcher. Its receivers share it with each other,
// and only read it.
type Snapshot struct {
	File    File
	InForce InForce
	// Config is the configuration in force. It is nil if an earlier run of the
	// watcher published it.
	Config  *config.Config
	Status  menu.Status
	Servers []Server // in the order of Config
	// Files are the EFI programs of the boot folder that Config names.
	Files []Program
	// Own are the box's addresses.
	Own []netip.Prefix
	// NetworkProblem says why pxed cannot use the interface that Config names;
	// empty if it can.
	NetworkProblem string
}

// File is the configuration file as it was last read.
type File struct {
	Name   string
	ReadAt time.Time // when it was first read with this content
	Text   string    // empty if it could not be read
	// Missing says that there is no such file, and Problem why it cannot be
	// read.
	Missing bool
	Problem string
	// Errors are the mistakes in Text, and Warnings what will hardly work.
	Errors, Warnings config.Errors
}

// InForce says what pxed serves.
type InForce struct {
	Source Source
	ID     string // of the generation; empty for the built-in default
	// Since is when it was published; zero if that was before the watcher
	// started.
	Since time.Time
	// TooLarge says that the menus of certain machines were left out.
	TooLarge bool
}

// Source is where the settings in force come from.
type Source int

// The sources.
const (
	NotYet    Source = iota // nothing was published yet
	FromFile                // the file's current content
	LastGood                // an earlier content of the file: the current one cannot be used
	Earlier                 // what an earlier run of the watcher published
	BuiltIn                 // the built-in default
	Following               // the file's current content is about to be published
)

// Server is what is known about a WDS server.
type Server struct {
	Name  string
	Host  string     // as the configuration has it: a name or an address
	Addr  netip.Addr // zero if there is none
	Wrong string     // why that address cannot be used
	// LookupProblem says why the last query for the name failed. Addr then is the
	// last known address.
	LookupProblem string
	// Probed says that the box asks the server for its programs.
	Probed bool
	// ProbeProblem says why the box could not ask. Programs then is what it
	// knew before.
	ProbeProblem string
	Programs     []Program // in the order of firmware.Kinds; none for a program that the server does not have
	// Programs2023 are the same programs, signed with the certificates of 2023.
	// That a server has none is no fault.
	Programs2023 []Program
}

// Program is a boot program of a WDS server, or a file of the boot folder, which has
// no Firmware and no Health.
type Program struct {
	Firmware firmware.Kind
	File     string
	Health   bootmenu.Health
	Signed   wdscerts.Program // the zero Program was not read yet
}

// Signable reports whether the program can have a signature that Secure Boot checks.
func (p Program) Signable() bool { return p.Firmware != firmware.BIOS }

// Snapshot returns what the watcher knew last; nil before the first moment. It
// does not wait.
func (w *Watcher) Snapshot() *Snapshot { return w.snapshot.Load() }

// capture publishes a snapshot.
func (s *state) capture() {
	snap := &Snapshot{File: s.file, InForce: s.inForce, Config: s.cfg, Own: s.own(),
		NetworkProblem: netproblem.Read(s.RunDir)}
	switch in := &snap.InForce; {
	case in.Source == BuiltIn && s.cfg == nil:
		snap.Config = builtIn()
	case s.cfg == nil:
	case len(s.file.Errors) > 0 || s.file.Text == "":
		in.Source = LastGood
	case s.fresh:
		in.Source = Following
	}
	if s.cfg != nil {
		snap.Status = s.status()
		for _, w := range s.cfg.WDS {
			snap.Servers = append(snap.Servers, s.server(w, snap.Status.WDS[w.Name]))
		}
	}
	snap.Files = s.signedFiles()
	s.snapshot.Store(snap)
}

var builtIn = sync.OnceValue(parser.Default)

// server returns what is known about a WDS server. known is what the menus need.
func (s *state) server(w config.WDS, known bootmenu.Server) Server {
	out := Server{Name: w.Name, Host: w.Server, Addr: known.Addr, Wrong: known.Wrong, Probed: w.Probe > 0}
	if n := s.names[w.Server]; n != nil && n.problem != "" {
		out.LookupProblem = n.problem
	}
	if sv := s.servers.known[w.Name]; sv != nil {
		out.ProbeProblem = sv.problem
	}
	for _, kind := range firmware.Kinds {
		if file := w.Programs[kind]; file != "" {
			out.Programs = append(out.Programs, Program{kind, file, known.Programs[kind], s.signedBy(w.Name, file)})
		}
		if file := w.Programs2023[kind]; file != "" {
			out.Programs2023 = append(out.Programs2023,
				Program{kind, file, known.Programs2023[kind], s.signedBy(w.Name, file)})
		}
	}
	return out
}

// noted records the result of reading the file.
func (s *state) noted(now time.Time, text []byte, err error) {
	s.file = File{Name: s.ConfigFile, ReadAt: now}
	if err != nil {
		s.file.Missing, s.file.Problem = errors.Is(err, fs.ErrNotExist), err.Error()
	} else {
		s.file.Text = string(text)
	}
}
