package loglimit

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestFloodIsCutAndCounted(t *testing.T) {
	var out bytes.Buffer
	h := New(slog.NewTextHandler(&out, nil)).WithAttrs([]slog.Attr{slog.String("mac", "x")})
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	say := func(at time.Time, level slog.Level, msg string) {
		if err := h.Handle(context.Background(), slog.NewRecord(at, level, msg, 0)); err != nil {
			t.Fatal(err)
		}
	}
	for range 10_000 {
		say(t0, slog.LevelInfo, "flood")
	}
	say(t0, slog.LevelError, "the disk is full")
	say(t0.Add(time.Second), slog.LevelInfo, "later")

	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != burst+2 {
		t.Fatalf("%d lines, want %d of the flood, the error and the later one", len(got), burst)
	}
	if e := got[burst]; !strings.Contains(e, "disk is full") || !strings.Contains(e, "lines_left_out_before=9940") || !strings.Contains(e, "mac=x") {
		t.Errorf("the error reads %q", e)
	}
	if l := got[burst+1]; !strings.Contains(l, "later") || strings.Contains(l, "left_out") {
		t.Errorf("the later line reads %q", l)
	}
}
