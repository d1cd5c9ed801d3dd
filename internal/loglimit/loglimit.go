// Package loglimit keeps a log from being flooded from outside: gokrazy keeps
// a program's last hundred lines, and whoever can make it write can push out
// what matters. It counts what it leaves out.
package loglimit

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

const (
	perSecond = 10
	burst     = 60
)

// Handler passes records on to another handler, as many as the limit allows.
// Errors have a limit of their own, so that no flood of lesser lines hides
// one.
type Handler struct {
	slog.Handler
	limits *limits // shared by all handlers made by With
}

type limits struct {
	lesser, errors *rate.Limiter
	left           atomic.Int64
}

// New limits what goes to h.
func New(h slog.Handler) *Handler {
	return &Handler{h, &limits{lesser: rate.NewLimiter(perSecond, burst), errors: rate.NewLimiter(perSecond, burst)}}
}

// Handle passes r on or counts it.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	limit := h.limits.lesser
	if r.Level >= slog.LevelError {
		limit = h.limits.errors
	}
	if !limit.AllowN(r.Time, 1) {
		h.limits.left.Add(1)
		return nil
	}
	if n := h.limits.left.Swap(0); n > 0 {
		r.AddAttrs(slog.Int64("lines_left_out_before", n))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is slog.Handler's.
func (h *Handler) WithAttrs(as []slog.Attr) slog.Handler {
	return &Handler{h.Handler.WithAttrs(as), h.limits}
}

// WithGroup is slog.Handler's.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.Handler.WithGroup(name), h.limits}
}
