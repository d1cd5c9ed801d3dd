package pxed

import (
	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/assets/names"
)

// bundle returns the files that the box brings along, and which of them are copies
// of shim with one signature, in the order in which a machine tries them.
func bundle() (files map[string][]byte, copies []string) {
	files = assets.Files()
	single := assets.SingleSigned()
	for _, name := range names.SingleSigned() {
		if b, ok := single[name]; ok {
			files[name] = b
			copies = append(copies, name)
		}
	}
	return files, copies
}
