// Package sitestate collects what the page shows about the site: menuwatch's
// snapshot, the other servers, the boot programs and the appliance's answers. It
// opens the files and sockets that package view does not.
package sitestate

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/pxebox/pxebox/assets/manifest"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
	"github.com/pxebox/pxebox/internal/control/page/view"
)

// patience is how long a page waits for the appliance. It answers from memory.
const patience = 2 * time.Second

// maxManifest bounds the record of the boot programs, in bytes.
const maxManifest = 1 << 20

// Source is where the state comes from.
type Source struct {
	// Snapshot is menuwatch's.
	Snapshot func() *menuwatch.Snapshot
	// Others returns the other servers; nil if they are not followed.
	Others func() []boots.Other
	// Manifest is the file with the record of the boot programs. The appliance's
	// image has it; a plain Linux host may lack it.
	Manifest string
	// Box asks the appliance.
	Box boxstatus.Client

	programs programs
}

type programs struct {
	once  sync.Once
	found *manifest.Manifest
}

// State returns the state now. It does not wait for the appliance: the pages that
// show its answers do.
func (s *Source) State() view.SiteState {
	s.programs.once.Do(func() { s.programs.found = readManifest(s.Manifest) })
	state := view.SiteState{Snapshot: s.Snapshot(), Programs: s.programs.found}
	if s.Others != nil {
		state.Others = s.Others()
	}
	if s.Box.Socket != "" {
		state.Box = s.askBox
	}
	return state
}

// readManifest returns the record, or nil if there is none that can be read.
func readManifest(name string) *manifest.Manifest {
	if info, err := os.Stat(name); err != nil || info.Size() > maxManifest {
		return nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	m, err := manifest.Decode(b)
	if err != nil {
		return nil
	}
	return &m
}

// askBox asks the appliance for everything at the same time.
func (s *Source) askBox() *view.BoxState {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var b view.BoxState
	var all sync.WaitGroup
	all.Go(func() { b.Disk = said(s.Box.Disk(ctx)) })
	all.Go(func() { b.Settings = said(s.Box.Settings(ctx)) })
	all.Go(func() { b.Version = said(s.Box.Version(ctx)) })
	all.Go(func() { b.Update = said(s.Box.Update(ctx)) })
	all.Wait()
	return &b
}

func said[T any](answer T, err error) view.Said[T] {
	out := view.Said[T]{Answer: answer}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		out.Problem = "the appliance does not answer"
	case err != nil:
		out.Problem = err.Error()
	}
	return out
}
