// Package boxstatus is what the appliance tells the page about the box: the
// disk, the results of new settings, the version and the state of an update. It
// holds the types of both sides and the client. What the values are is up to the
// appliance, and how they look is up to the page.
package boxstatus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Socket is the name of the appliance's Unix socket in the run directory.
const Socket = "appliance.sock"

// Paths of the socket's HTTP server. It answers GET with JSON.
const (
	PathDisk     = "/disk"
	PathSettings = "/settings"
	PathVersion  = "/version"
	PathUpdate   = "/update"
)

// ClientHeader is the header of a request on the socket that names the client
// on whose behalf the page asks.
const ClientHeader = "Pxebox-Client"

// Disk is the file system with the box's persistent data.
type Disk struct {
	Dir   string `json:"dir"`             // where it is mounted
	Bytes uint64 `json:"bytes,omitempty"` // its size; 0 if it could not be read
	Free  uint64 `json:"free,omitempty"`  // bytes that files can still take
	// Growth is what happens to its size, and Why says why it failed.
	Growth Growth `json:"growth"`
	Why    string `json:"why,omitempty"`
}

// Growth is how far the file system has grown to the size of its disk.
type Growth string

// The states of growth.
const (
	Growing Growth = "growing" // or about to: at each start the box looks first
	Grown   Growth = "grown"   // it fills the disk
	Failed  Growth = "failed"  // it works, but is smaller than the disk, or cannot be written
)

// Settings are the results of new settings since the appliance's start. A nil
// field means that there were none.
type Settings struct {
	// Volume is the result for the volume PXEBOX-CFG, which is read at the
	// start: the text of pxebox-result.txt on it. Its Time is zero if the text is
	// from an earlier start.
	Volume *Result `json:"volume,omitempty"`
	// Network is the result of the last upload.
	Network *Result `json:"network,omitempty"`
}

// Result is what the box said of new settings.
type Result struct {
	Time  time.Time `json:"time,omitzero"` // by the box's clock, which may be wrong
	Taken bool      `json:"taken"`         // they are in force; not set for Volume
	// Client is the address that sent them; empty for Volume.
	Client string `json:"client,omitempty"`
	// Text is at most MaxText bytes: what is wrong, what may not work, or that
	// nothing is wrong.
	Text string `json:"text"`
}

// MaxText is the longest text of a result, in bytes.
const MaxText = 16 << 10

// Version is what runs on the box.
type Version struct {
	Pxebox   string    `json:"pxebox"`             // of the release: 1.2.3; or else of the module: v1.2.3, or (devel)
	Revision string    `json:"revision,omitempty"` // of the source tree
	Built    time.Time `json:"built,omitzero"`     // the time of that revision
	Modified bool      `json:"modified,omitempty"` // the source tree differed from the revision
	Go       string    `json:"go"`
	Kernel   string    `json:"kernel,omitempty"`
	Hardware string    `json:"hardware,omitempty"` // amd64, arm64
}

// Update is what happens to the last update.
type Update struct {
	State UpdateState `json:"state"`
	Root  int         `json:"root,omitempty"` // the number of the running root partition
	// Why says why the new root was not kept, or is not kept yet.
	Why string `json:"why,omitempty"`
}

// UpdateState is the state of an update.
type UpdateState string

// The states of an update.
const (
	NoUpdate UpdateState = "none"      // none since the box was started
	Trial    UpdateState = "trial"     // the running root is new, and not kept yet
	Kept     UpdateState = "kept"      // the running root was on trial, and is kept
	FellBack UpdateState = "fell back" // a new root was tried and not kept: the old one runs
	Unknown  UpdateState = "unknown"   // Why says why
)

// ErrNone is returned where there is no appliance: on a plain Linux host.
var ErrNone = errors.New("this machine is not a pxebox appliance")

// Client asks the appliance. The zero value is one on a machine without an
// appliance.
type Client struct {
	Socket string // the path of its socket; empty where there is no appliance
}

// Transport returns a transport whose every request goes to the appliance. Its
// caller keeps it for all requests.
func (c Client) Transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if c.Socket == "" {
				return nil, ErrNone
			}
			d := net.Dialer{Timeout: longest}
			return d.DialContext(ctx, "unix", c.Socket)
		},
		DisableKeepAlives:  true,
		DisableCompression: true,
	}
}

const (
	longest = 5 * time.Second // how long an answer may take
	most    = 1 << 20         // bytes of an answer
)

// Disk asks for the disk.
func (c Client) Disk(ctx context.Context) (Disk, error) { return get[Disk](ctx, c, PathDisk) }

// Settings asks for the results of new settings.
func (c Client) Settings(ctx context.Context) (Settings, error) {
	return get[Settings](ctx, c, PathSettings)
}

// Version asks for the version.
func (c Client) Version(ctx context.Context) (Version, error) {
	return get[Version](ctx, c, PathVersion)
}

// Update asks for the last update.
func (c Client) Update(ctx context.Context) (Update, error) { return get[Update](ctx, c, PathUpdate) }

// get reads the JSON at a path. The error is ErrNone where there is no
// appliance; any other error means that the appliance does not answer.
func get[T any](ctx context.Context, c Client, path string) (answer T, err error) {
	if c.Socket == "" {
		return answer, ErrNone
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://appliance"+path, nil)
	if err != nil {
		return answer, err
	}
	resp, err := c.Transport().RoundTrip(r)
	if err != nil {
		return answer, fmt.Errorf("the appliance does not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("the appliance answers %s to %s", resp.Status, path)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, most)).Decode(&answer); err != nil {
		return answer, fmt.Errorf("the appliance's answer to %s: %w", path, err)
	}
	return answer, nil
}
