package qemu

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startScript starts a guest whose QEMU is a shell script.
func startScript(t *testing.T, c Config, script string) *Machine {
	t.Helper()
	c.Name, c.Program = "guest", filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(c.Program, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	m, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return m
}

// ends waits until a guest has ended.
func ends(t *testing.T, m *Machine) {
	t.Helper()
	select {
	case <-m.Exited():
	case <-time.After(time.Minute):
		t.Fatal("QEMU still runs after a minute")
	}
}

// The scripts print what QEMU 7.2 printed on a host whose KVM runs no real
// kernel.
const (
	abort = "echo 'qemu-system-x86_64: error: failed to set MSR 0x10a to 0xe' >&2; kill -ABRT $$\n"
	// QEMU stays, with the guest paused.
	internal = "echo 'KVM internal error. Suberror: 1' >&2; echo 'RAX=0000000000000000' >&2; exec sleep 600\n"
)

func TestGuestThatQEMUCannotRun(t *testing.T) {
	for _, test := range []struct {
		situation, script string
		mayEnd            bool
		want              string // text of the error
		failed            bool
	}{
		{situation: "QEMU aborts", script: abort, want: "failed to set MSR 0x10a", failed: true},
		{
			situation: "QEMU aborts where it may end", script: abort, mayEnd: true,
			want: "failed to set MSR 0x10a", failed: true,
		},
		{situation: "KVM has an internal error", script: internal,
			want: "KVM internal error. Suberror: 1", failed: true},
		{
			situation: "KVM has an internal error where QEMU may end", script: internal, mayEnd: true,
			want: "KVM internal error. Suberror: 1", failed: true,
		},
		{
			situation: "the words come in pieces",
			script:    "printf 'KVM inter' >&2; printf 'nal error. Suberror: 3\\n' >&2; exec sleep 600\n",
			want:      "KVM internal error. Suberror: 3", failed: true,
		},
		{situation: "the guest ends by itself", script: "exit 0\n", want: "QEMU ended", failed: true},
		{situation: "the guest restarts, and may", script: "exit 0\n", mayEnd: true, want: "QEMU ended"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			m := startScript(t, Config{MayEnd: test.mayEnd}, test.script)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := m.Console.WaitFor(ctx, "never"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("waiting for its console: %v, want %q", err, test.want)
			}
			ends(t, m)
			if !strings.Contains(m.Err().Error(), test.want) || !errors.Is(m.Err(), io.EOF) {
				t.Errorf("it ended: %v, want %q", m.Err(), test.want)
			}
			if m.Failed() != test.failed {
				t.Errorf("failed: %v", m.Failed())
			}
		})
	}
}

func TestGuestThatIsStopped(t *testing.T) {
	m := startScript(t, Config{}, "echo 'warning: TCG lacks a feature' >&2; echo alive; exec sleep 600\n")
	if _, err := m.Console.WaitFor(t.Context(), "alive"); err != nil {
		t.Fatal(err)
	}
	m.Stop()
	ends(t, m)
	if m.Failed() {
		t.Errorf("a guest that was stopped has failed: %v", m.Err())
	}
}
