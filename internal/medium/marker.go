package medium

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pxebox/pxebox/internal/durable"
)

// The marker is a file in the file system that grows, for as long as that
// takes. A mount counts the groups of blocks before it replays the journal. If
// the journal makes them more, which it only can when a power cut interrupted
// growing, the kernel believes in the larger size and knows nothing of the
// groups: whoever wants a block fails with EUCLEAN. The next mount counts
// right. So a start that finds the marker begins with a restart of the machine,
// of which the marker then tells, so that there is one only.
type marker string

const (
	growing   marker = "growing\n"
	restarted marker = "restart\n" // of the same length: it is written in place
	none      marker = ""
)

const markerName = ".growing"

func readMarker(dir string) (marker, error) {
	b, err := os.ReadFile(filepath.Join(dir, markerName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return none, nil
	case err != nil:
		return none, fmt.Errorf("read the marker: %w", err)
	case marker(b) == restarted:
		return restarted, nil
	}
	// Whatever else it holds, its writing was cut off.
	return growing, nil
}

// write puts the marker on the medium. Over another one it takes no new block,
// which the file system might not have to give.
func (m marker) write(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, markerName), os.O_WRONLY|os.O_CREATE, 0o644)
	if err == nil {
		_, err = f.WriteString(string(m))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = durable.SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("write the marker: %w", err)
	}
	return nil
}

func removeMarker(dir string) error {
	err := os.Remove(filepath.Join(dir, markerName))
	if err == nil {
		err = durable.SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("remove the marker: %w", err)
	}
	return nil
}
