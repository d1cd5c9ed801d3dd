package boxstatus

import (
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestClient(t *testing.T) {
	for _, tt := range []struct {
		situation string
		socket    bool
		code      int
		answer    string
		free      uint64
		err       string
	}{
		{situation: "an answer", socket: true, code: 200, answer: `{"free": 7, "growth": "grown"}`, free: 7},
		{situation: "no JSON", socket: true, code: 200, answer: "<html>", err: "answer to /disk"},
		{situation: "an error", socket: true, code: 503, err: "503 Service Unavailable to /disk"},
		{
			situation: "an endless answer", socket: true, code: 200, answer: `{"dir": "` + strings.Repeat("x", most),
			err: "answer to /disk",
		},
		{situation: "the appliance is down", err: "does not answer"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), Socket)
			if tt.socket {
				l, err := net.Listen("unix", socket)
				if err != nil {
					t.Fatal(err)
				}
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(tt.code)
					io.WriteString(w, tt.answer)
				})}
				go server.Serve(l)
				defer server.Close()
			}
			d, err := Client{Socket: socket}.Disk(t.Context())
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if err == nil && (d.Free != tt.free || d.Growth != Grown) {
				t.Errorf("%+v", d)
			}
			if errors.Is(err, ErrNone) {
				t.Error("it looks like a machine without an appliance")
			}
		})
	}
	if _, err := (Client{}).Disk(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("without an appliance: %v", err)
	}
}
