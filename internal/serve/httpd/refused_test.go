package httpd

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
)

// A client that tries one name that no boot loader asks for tries many. The log
// warns once about each client.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	s, _, _ := newServer(t)
	var out bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&out, nil))
	server := start(t, s)
	for _, step := range []struct {
		situation, client, target string
		lines                     int
	}{
		{situation: "the first", client: "127.0.0.1", target: "/%2e%2e/secret", lines: 1},
		{situation: "the same client and another name", client: "127.0.0.1", target: "/%2e%2e/other"},
		{situation: "another client", client: "127.0.0.2", target: "/%2e%2e/secret", lines: 1},
	} {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(step.client)}}
		c, err := d.Dial("tcp4", server)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n", step.target)
		// The server logs before it closes the connection.
		answer, err := io.ReadAll(c)
		if err != nil || !strings.Contains(string(answer), " 403 ") {
			t.Fatalf("%s: %v %s", step.situation, err, answer)
		}
		c.Close()
		if n := strings.Count(out.String(), `level=WARN msg="http: refused"`); n != step.lines {
			t.Errorf("%s: %d lines, want %d: %s", step.situation, n, step.lines, &out)
		}
		out.Reset()
	}
}
