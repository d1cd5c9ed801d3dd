// Package handoff is how a machine gets from the menu to a WDS server where
// no boot loader can take it there: the machine reads a file whose name says
// so, restarts, and its next network boot is answered with the server itself.
// It is pure: names of files in, what the next boot is told out. Who reads and
// who boots is package pxed's to know; what a WDS server is told, nobody's
// here.
package handoff

import "net/netip"

// Target is a boot server of others that machines are handed over to.
type Target struct {
	Server netip.Addr `json:"server"`
	// Programs are the server's network boot programs, as it wants to be
	// asked for them, by the firmware that loads them.
	Programs map[string]string `json:"programs"`
}
