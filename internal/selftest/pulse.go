package selftest

import "github.com/pxebox/pxebox/internal/pulse"

// Progress is pulse.Progress, under the name by which pxed knows it.
type Progress = pulse.Progress

// NewPulse is pulse.New, under the name by which pxed knows it.
func NewPulse(runDir, name string) *pulse.Pulse { return pulse.New(runDir, name) }
