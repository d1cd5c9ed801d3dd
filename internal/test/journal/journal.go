// Package journal holds a record that grows while a reader waits for its next
// entry: packets on a wire, lines of a log. The package does not know what an
// entry means.
package journal

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
)

// Journal is a record in order of arrival. The zero value is empty and ready.
type Journal[T any] struct {
	mu      sync.Mutex
	entries []T
	grown   chan struct{} // closed at the next Add; nil if no reader waits
}

// Add appends an entry and wakes the readers that wait for one.
func (j *Journal[T]) Add(entry T) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
}

// Len returns the number of entries, which is the place of the next one.
func (j *Journal[T]) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.entries)
}

// From returns the entries from a place on.
func (j *Journal[T]) From(place int) []T {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries[place:])
}

// Await returns the first matching entry from a place on, and the place after
// it. It waits for one until ctx ends, and returns ctx's error.
func (j *Journal[T]) Await(ctx context.Context, place int, match func(T) bool) (T, int, error) {
	for {
		j.mu.Lock()
		for ; place < len(j.entries); place++ {
			if e := j.entries[place]; match(e) {
				j.mu.Unlock()
				return e, place + 1, nil
			}
		}
		if j.grown == nil {
			j.grown = make(chan struct{})
		}
		grown := j.grown
		j.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			var none T
			return none, place, context.Cause(ctx)
		}
	}
}

// Lines returns a writer that adds an entry for each complete line.
func Lines(j *Journal[string]) io.Writer { return &lines{to: j} }

type lines struct {
	to   *Journal[string]
	rest []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		l.to.Add(string(line))
		l.rest = rest
	}
}
