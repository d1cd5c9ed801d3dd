// Package loglimit keeps a log useful while strangers flood the box with
// packets. gokrazy keeps the last hundred lines of a program, so a stranger who
// can trigger a hundred lines can push out the ones that matter.
//
// Lines that packets can trigger have a small budget. Every line counts as one
// of these unless its logger says otherwise: Trusted is for lines whose number
// something else bounds, Keep for lines that describe the box's state. A kept
// line is repeated before it leaves the last hundred.
package loglimit

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// Lines that strangers can trigger.
	burst, perMinute = 20, 2
	// Such lines in a part with a separate budget: see Part.
	ownBurst, ownPerMinute = 10, 1
	// Kept lines. The latest one is not lost: it is repeated.
	keptBurst, keptPerMinute = 10, 1
	// Trusted lines: a bug of ours must not fill a disk.
	trustedBurst, trustedPerMinute = 60, 600

	// repeatAfter is the number of other lines after which the kept ones are
	// repeated. Together they are fewer than a hundred lines.
	repeatAfter = 50
	// summarizeAfter is how often a line reports what was left out.
	summarizeAfter = 2 * time.Minute
	maxSummarized  = 8 // kinds in that line
)

// Handler passes records within its budget on to another handler.
type Handler struct {
	next   slog.Handler
	log    *log
	budget *budget // guarded by log.mu
	topic  string  // of a kept line; "" for all others
}

// log is the state that all handlers of one log share.
type log struct {
	mu            sync.Mutex
	root          slog.Handler
	strangers     *budget
	kept, trusted *budget
	own           []*budget // of handlers made by Part
	topics        []topic   // in the order in which they were first logged
	lines         int       // since the topics were last repeated
	summarized    time.Time
}

// topic is the latest kept line about one subject.
type topic struct {
	name   string
	to     slog.Handler
	record slog.Record
	due    bool // left out, to be written with the next summary
}

// New limits what is logged to h.
func New(h slog.Handler) *Handler {
	l := &log{
		root: h, strangers: newBudget(burst, perMinute),
		kept: newBudget(keptBurst, keptPerMinute), trusted: newBudget(trustedBurst, trustedPerMinute),
	}
	return &Handler{next: h, log: l, budget: l.strangers}
}

// Part returns a handler for another part of the same log, which writes to
// next. It has a separate budget, so that neither part uses up the other's.
func (h *Handler) Part(next slog.Handler) *Handler {
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	b := newBudget(ownBurst, ownPerMinute)
	h.log.own = append(h.log.own, b)
	return &Handler{next: next, log: h.log, budget: b}
}

// Trusted returns a logger for lines that strangers cannot trigger, or only as
// often as something else allows. A logger without a Handler is returned as is.
func Trusted(l *slog.Logger) *slog.Logger {
	h, ok := l.Handler().(*Handler)
	if !ok {
		return l
	}
	return slog.New(&Handler{next: h.next, log: h.log, budget: h.log.trusted})
}

// Separate returns a logger with a separate budget, for lines that strangers can
// trigger and that must not depend on how much else is logged. Call it once for
// each such kind. A logger without a Handler is returned as is.
func Separate(l *slog.Logger) *slog.Logger {
	h, ok := l.Handler().(*Handler)
	if !ok {
		return l
	}
	return slog.New(h.Part(h.next))
}

// Keep returns a logger for lines about the state of one thing, for example the
// network. The latest of them stays within the log's last hundred lines. A
// logger without a Handler is returned as is.
func Keep(l *slog.Logger, topic string) *slog.Logger {
	h, ok := l.Handler().(*Handler)
	if !ok {
		return l
	}
	return slog.New(&Handler{next: h.next, log: h.log, budget: h.log.kept, topic: topic})
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(as []slog.Attr) slog.Handler { return h.with(h.next.WithAttrs(as)) }

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler { return h.with(h.next.WithGroup(name)) }

func (h *Handler) with(next slog.Handler) slog.Handler {
	n := *h
	n.next = next
	return &n
}

// Handle passes r on or counts it as left out.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	l := h.log
	l.mu.Lock()
	defer l.mu.Unlock()
	allowed := h.budget.allow(r.Time, kindOf(r))
	if h.topic != "" {
		l.keep(topic{h.topic, h.next, r.Clone(), !allowed})
	}
	var err error
	if allowed {
		err = l.write(ctx, h.next, r)
	}
	l.summarize(ctx, r.Time)
	if l.lines >= repeatAfter {
		l.repeat(ctx, r.Time, true)
	}
	return err
}

// kindOf returns the kind of a line: its message, and for a warning also the
// first words of its attribute why. The rest of why may be the client's data.
func kindOf(r slog.Record) string {
	kind := r.Message
	if r.Level < slog.LevelWarn {
		return kind
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "why" || a.Value.Kind() != slog.KindString {
			return true
		}
		words := strings.Fields(a.Value.String())
		kind += ": " + strings.Join(words[:min(len(words), 3)], " ")
		return false
	})
	return kind
}

func (l *log) write(ctx context.Context, to slog.Handler, r slog.Record) error {
	l.lines++
	return to.Handle(ctx, r)
}

func (l *log) keep(t topic) {
	i := slices.IndexFunc(l.topics, func(old topic) bool { return old.name == t.name })
	if i < 0 {
		l.topics = append(l.topics, t)
		return
	}
	l.topics[i] = t
}

// repeat writes the kept lines again, or only those that are due.
func (l *log) repeat(ctx context.Context, now time.Time, all bool) {
	for i := range l.topics {
		t := &l.topics[i]
		if !all && !t.due {
			continue
		}
		t.due = false
		r := t.record.Clone()
		r.AddAttrs(slog.Time("since", r.Time))
		r.Time = now
		_ = l.write(ctx, t.to, r) // there is nowhere to report a failure
	}
	if all {
		l.lines = 0
	}
}

// summarize reports from time to time what was left out.
func (l *log) summarize(ctx context.Context, now time.Time) {
	if l.summarized.IsZero() {
		l.summarized = now
	}
	if now.Sub(l.summarized) < summarizeAfter {
		return
	}
	l.summarized = now
	l.repeat(ctx, now, false)
	var all []count
	for _, b := range append([]*budget{l.strangers, l.kept, l.trusted}, l.own...) {
		all = append(all, b.leftOut()...)
	}
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b count) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.kind, b.kind)) })
	r := slog.NewRecord(now, slog.LevelInfo, "log: lines left out", 0)
	rest := 0
	for i, c := range all {
		if i < maxSummarized {
			r.AddAttrs(slog.Int(c.kind, c.n))
		} else {
			rest += c.n
		}
	}
	if rest > 0 {
		r.AddAttrs(slog.Int("others", rest))
	}
	_ = l.write(ctx, l.root, r)
}
