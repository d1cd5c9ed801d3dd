//go:build !linux

package portowner

// Owners returns nothing: only Linux is asked.
func (u Use) Owners() []Owner { return nil }
