package updatepage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Answers checks that gokrazy's init answers update requests at socket.
func Answers(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := Init{socket}.ask(ctx, http.MethodGet, "/update/features", nil, 0)
	return err
}

// Init asks gokrazy's init on the box's own behalf.
type Init struct {
	Socket string
}

// Write writes the content of one place on the disk: root, boot or mbr. crc is
// the content's checksum (IEEE), which init computes of what it has written.
func (i Init) Write(ctx context.Context, place string, content io.Reader, size int64, crc uint32) error {
	sum, err := i.ask(ctx, http.MethodPut, "/update/"+place, content, size)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%08x", crc); sum != want {
		return fmt.Errorf("init has written something else to %s: checksum %.16q instead of %s", place, sum, want)
	}
	return nil
}

// Switch has the boot loader start the other root from the next start on.
func (i Init) Switch(ctx context.Context) error {
	_, err := i.ask(ctx, http.MethodPost, "/update/switch", nil, 0)
	return err
}

// Restart restarts the machine. Init stops this program before it answers.
func (i Init) Restart(ctx context.Context) error {
	_, err := i.ask(ctx, http.MethodPost, "/reboot", nil, 0)
	return err
}

// ask returns the answer to a request.
func (i Init) ask(ctx context.Context, method, path string, body io.Reader, size int64) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://gokrazy"+path, body)
	if err != nil {
		return "", err
	}
	if body != nil {
		r.ContentLength = size
		r.Header.Set("X-Gokrazy-Update-Hash", "crc32")
	}
	resp, err := transport(i.Socket).RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	const enough = 1 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, enough))
	if err != nil {
		return "", err
	}
	answer := strings.TrimSpace(string(text))
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %s", path, resp.Status, answer)
	}
	return answer, nil
}
