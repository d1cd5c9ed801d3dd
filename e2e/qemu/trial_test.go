//go:build e2e

package qemu

import (
	"testing"

	"github.com/pxebox/pxebox/e2e/peer"
)

// TestTrial runs the trial of KVM without KVM, which passes on every host: the
// appliance's kernel reaches the line that the trial waits for.
func TestTrial(t *testing.T) {
	kernel, err := peer.Kernel("../../gokrazy/builddir")
	if err != nil {
		t.Fatal(err)
	}
	if err := try(t.Context(), TCG, kernel); err != nil {
		t.Error(err)
	}
}
