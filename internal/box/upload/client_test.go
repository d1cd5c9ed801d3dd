package upload

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/pxebox/pxebox/internal/base/access"
)

const password = "correct horse"

// box is a server on the loopback interface with a separate boot folder.
type box struct {
	*Server
	dir  string // holds boot and staging, and files outside them
	addr string
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newBox(t *testing.T, dir string) *box {
	t.Helper()
	key, err := HostKey(filepath.Join(dir, "keys", "ssh.pem"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	b := &box{dir: dir, addr: l.Addr().String(), log: log, Server: &Server{
		Boot: filepath.Join(dir, "boot"), Staging: filepath.Join(dir, "staging"),
		Gate: access.NewGate(password), HostKey: key,
		AuthorizedKeys: filepath.Join(dir, "authorized_keys"),
		Log:            slog.New(slog.NewTextHandler(log, nil)),
	}}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != context.Canceled {
			t.Errorf("the server ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", log)
		}
	})
	return b
}

// dial connects a client, and also returns its connection, so that the caller
// controls it.
func (b *box) dial(t *testing.T) (*sftp.Client, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, b.addr, &ssh.ClientConfig{
		User: access.User, Auth: []ssh.AuthMethod{ssh.Password(password)},
		HostKeyCallback: ssh.FixedHostKey(b.HostKey.PublicKey()),
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := sftp.NewClient(ssh.NewClient(c, channels, requests))
	if err != nil {
		t.Fatal(err)
	}
	return client, conn
}

// sftp runs OpenSSH's sftp with these commands, and returns all of its output.
func (b *box) sftp(t *testing.T, commands ...string) (string, error) {
	t.Helper()
	return b.openssh(t, password, "sftp", strings.Join(commands, "\n")+"\n")
}

func (b *box) openssh(t *testing.T, password, program, stdin string, more ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing: run make deps", program)
	}
	scratch := t.TempDir()
	ask := filepath.Join(scratch, "ask")
	if err := os.WriteFile(ask, []byte("#!/bin/sh\necho '"+password+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(b.addr)
	args := []string{
		"-F", "none", "-P", fmt.Sprint(to.Port()), "-o", "BatchMode=no", "-o", "NumberOfPasswordPrompts=1",
		"-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + filepath.Join(scratch, "known"),
		"-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes",
	}
	known := fmt.Sprintf("[%v]:%d %s", to.Addr(), to.Port(), ssh.MarshalAuthorizedKey(b.HostKey.PublicKey()))
	if err := os.WriteFile(filepath.Join(scratch, "known"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	if program == "ssh" {
		args[2] = "-p"
	}
	args = append(args, more...)
	if program == "sftp" {
		args = append(args, "-b", "-")
	}
	if program != "scp" {
		args = append(args, access.User+"@"+to.Addr().String())
	}
	if program == "ssh" {
		args = append(args, "id")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "LC_ALL=C")
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b *box) published(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.Boot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func (b *box) absent(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(b.Boot, name)); !os.IsNotExist(err) {
		t.Errorf("machines see %s (%v)", name, err)
	}
}
