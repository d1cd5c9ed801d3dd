package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/connlimit"
	"github.com/pxebox/pxebox/internal/base/loglimit"
)

const (
	maxConns     = 64
	maxPerSource = 8 // so that no client can take all of them
	maxChannels  = 4 // per connection
	// handshake bounds the time until the client is authenticated: the first
	// time, a person compares the box's fingerprint before that. idle bounds
	// the time in which a client sends nothing at all. A person who leaves a
	// window open over lunch reconnects afterwards.
	handshake = 2 * time.Minute
	idle      = 15 * time.Minute
)

// Server is the SFTP server of the boot folder.
type Server struct {
	Boot    string // the folder with the site's boot files
	Staging string // where files are until they are complete; on the same file system
	Gate    *access.Gate
	HostKey ssh.Signer
	// AuthorizedKeys is a file of public keys (sshd(8)) that need no password.
	// It is optional.
	AuthorizedKeys string
	Log            *slog.Logger
}

// Serve serves connections from l until ctx ends, or l fails.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	log := s.Log.With("part", "upload")
	t, err := openTree(s.Boot, s.Staging, loglimit.Trusted(log)) // the owner causes these lines
	if err != nil {
		return err
	}
	defer t.close()
	l = connlimit.Listener(l, connlimit.Limits{Total: maxConns, PerSource: maxPerSource, Known: s.Gate.Known})
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	files := make(chan struct{}, maxOpen)
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		running.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if err := s.serve(conn, t, files, log); err != nil {
				log.Info("connection ended", "client", conn.RemoteAddr(), "err", err)
			}
		})
	}
}

// serve serves one connection.
func (s *Server) serve(conn net.Conn, t *tree, files chan struct{}, log *slog.Logger) error {
	if err := conn.SetDeadline(time.Now().Add(handshake)); err != nil {
		return err
	}
	timed := &idleConn{Conn: conn}
	sc, channels, requests, err := ssh.NewServerConn(timed, s.config(log))
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	timed.on.Store(true)
	connlimit.LoggedIn(conn)
	s.Gate.Admit(time.Now(), connlimit.Source(conn.RemoteAddr()))
	log = loglimit.Trusted(log).With("client", conn.RemoteAddr())
	log.Info("connected", "by", sc.Permissions.Extensions["by"])
	go ssh.DiscardRequests(requests)
	var running sync.WaitGroup
	places := make(chan struct{}, maxChannels)
	for n := range channels {
		if n.ChannelType() != "session" {
			n.Reject(ssh.UnknownChannelType, "SFTP only")
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			n.Reject(ssh.ResourceShortage, "too many sessions")
			continue
		}
		channel, requests, err := n.Accept()
		if err != nil {
			<-places
			continue
		}
		running.Go(func() {
			defer func() { <-places }()
			serveChannel(channel, requests, t, files, log)
		})
	}
	running.Wait()
	return nil
}

// serveChannel waits for the client to request SFTP, and rejects all other
// requests.
func serveChannel(channel ssh.Channel, requests <-chan *ssh.Request, t *tree, files chan struct{}, log *slog.Logger) {
	defer channel.Close()
	for r := range requests {
		var subsystem struct{ Name string }
		ok := r.Type == "subsystem" && ssh.Unmarshal(r.Payload, &subsystem) == nil && subsystem.Name == "sftp"
		if err := r.Reply(ok, nil); err != nil {
			return
		}
		if !ok {
			continue
		}
		go ssh.DiscardRequests(requests)
		h := &session{tree: t, open: files, tell: func(line string) {
			fmt.Fprintf(channel.Stderr(), "pxebox: %s\r\n", line)
		}}
		server := sftp.NewRequestServer(channel, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h})
		if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
			log.Info("session ended", "err", err)
		}
		channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{0}))
		return
	}
}

var errKey = errors.New("this key is not in authorized_keys")

func (s *Server) config(log *slog.Logger) *ssh.ServerConfig {
	algorithms := ssh.SupportedAlgorithms()
	c := &ssh.ServerConfig{
		Config: ssh.Config{
			KeyExchanges: withoutSHA1(algorithms.KeyExchanges),
			Ciphers:      algorithms.Ciphers,
			MACs:         withoutSHA1(algorithms.MACs),
		},
		// A key of type ssh-rsa is accepted, but not its signature with SHA-1.
		PublicKeyAuthAlgorithms: algorithms.PublicKeyAuths,
		ServerVersion:           "SSH-2.0-pxebox",
		MaxAuthTries:            4,
		PasswordCallback: func(m ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			from := connlimit.Source(m.RemoteAddr())
			if err := s.Gate.Check(time.Now(), from, m.User(), string(password)); err != nil {
				log.Warn("refused", "client", from, "err", err)
				return nil, err
			}
			return by("password"), nil
		},
		PublicKeyCallback: func(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if m.User() != access.User {
				return nil, access.ErrWrong
			}
			allowed, err := authorizedKeys(s.AuthorizedKeys)
			if err != nil {
				log.Error("authorized_keys cannot be read", "err", err)
				return nil, errKey
			}
			for _, k := range allowed {
				if bytes.Equal(k.Marshal(), key.Marshal()) {
					return by(ssh.FingerprintSHA256(key)), nil
				}
			}
			return nil, errKey
		},
	}
	c.AddHostKey(s.HostKey)
	return c
}

// withoutSHA1 removes algorithms with SHA-1, which x/crypto does not count as
// insecure. No attack on HMAC-SHA-1 is known, but scanners report it, and no
// client needs it.
func withoutSHA1(algorithms []string) []string {
	return slices.DeleteFunc(algorithms, func(a string) bool { return strings.Contains(a, "sha1") })
}

func by(what string) *ssh.Permissions {
	return &ssh.Permissions{Extensions: map[string]string{"by": what}}
}

// authorizedKeys reads the file each time, so that a key can be revoked.
func authorizedKeys(file string) ([]ssh.PublicKey, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := ParseKeys(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// ParseKeys reads public keys, one a line, as OpenSSH writes them.
func ParseKeys(text string) ([]ssh.PublicKey, error) {
	var keys []ssh.PublicKey
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("line %d has no public key: %w", number, err)
		}
		if len(options) > 0 { // options restrict a key, and are not supported here
			return nil, fmt.Errorf("line %d: options before a key are not supported: %v; delete them", number, options)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// idleConn closes a connection that receives nothing for a while.
type idleConn struct {
	net.Conn
	on atomic.Bool
}

func (c *idleConn) Read(b []byte) (int, error) {
	if c.on.Load() {
		if err := c.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(b)
}
