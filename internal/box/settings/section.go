package settings

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
)

// heading begins the part of the result that is about the owner's access.
const heading = "ACCESS TO THE BOX"

// WithAccess is a volume whose result also says how the owner reaches the box.
// Through Read and Write, the result is only that of checking the settings.
type WithAccess struct {
	Volume
	Text string
}

// Read leaves out the part that Write adds.
func (w WithAccess) Read(name string) ([]byte, error) {
	b, err := w.Volume.Read(name)
	if err != nil || name != resultName {
		return b, err
	}
	b = withoutAccess(b)
	if len(b) == 0 {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

// Write adds that part to the result.
func (w WithAccess) Write(files map[string][]byte) error {
	if b, ok := files[resultName]; ok {
		files = maps.Clone(files)
		files[resultName] = w.with(b)
	}
	return w.Volume.Write(files)
}

// Update writes that part, unless it is there.
func (w WithAccess) Update() error {
	b, err := w.Volume.Read(resultName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if want := w.with(withoutAccess(b)); !bytes.Equal(b, want) {
		return w.Volume.Write(map[string][]byte{resultName: want})
	}
	return nil
}

func (w WithAccess) with(result []byte) []byte {
	part := dos([]byte(heading + "\n\n" + w.Text))
	if len(result) == 0 {
		return part
	}
	return bytes.Join([][]byte{result, part}, []byte("\r\n"))
}

func withoutAccess(b []byte) []byte {
	if bytes.HasPrefix(b, []byte(heading)) {
		return nil
	}
	if i := bytes.LastIndex(b, []byte("\n\r\n"+heading+"\r\n")); i >= 0 {
		return b[:i+1]
	}
	return b
}
