package lab

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// TestWatch uses guests whose QEMU is a shell script.
func TestWatch(t *testing.T) {
	for _, test := range []struct {
		situation, script string
		want              string // text of the cause; empty: the context continues
	}{
		{
			situation: "QEMU aborts", script: "echo 'failed to set MSR 0x10a' >&2; exit 1",
			want: "box: QEMU ended: failed to set MSR 0x10a",
		},
		{
			situation: "KVM has an internal error",
			script:    "echo 'KVM internal error. Suberror: 1' >&2; exec sleep 600",
			want:      "KVM internal error. Suberror: 1",
		},
		{situation: "the test stops the guest", script: "echo alive; exec sleep 600"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			l := &Lab{name: "watch", dir: t.TempDir()}
			l.guests, l.guestFailed = context.WithCancelCause(context.Background())
			t.Cleanup(l.Close)
			ctx, unwatch := l.Watch(t.Context())
			defer unwatch()

			program := filepath.Join(t.TempDir(), "qemu")
			if err := os.WriteFile(program, []byte("#!/bin/sh\n"+test.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			m, err := l.start(qemu.Config{Name: "box", Program: program}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if _, err := m.Console.WaitFor(ctx, "alive"); err != nil {
					t.Fatal(err)
				}
				m.Stop()
				l.watch(m) // returns when it has seen the end
				if ctx.Err() != nil {
					t.Errorf("the context ended: %v", context.Cause(ctx))
				}
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
				t.Fatal("the context goes on after a minute")
			}
			if cause := context.Cause(ctx).Error(); !strings.Contains(cause, test.want) {
				t.Errorf("the cause is %q, want %q", cause, test.want)
			}
		})
	}
}

func TestBuilddirIsFoundFromBelow(t *testing.T) {
	builddir, err := findBuilddir()
	if err != nil || !strings.HasSuffix(builddir, "/gokrazy/builddir") {
		t.Errorf("got %q, %v", builddir, err)
	}
	t.Chdir(t.TempDir())
	if _, err := findBuilddir(); err == nil {
		t.Error("it is found outside the repository")
	}
}
