package httpbench

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTally(t *testing.T) {
	var large, many tally
	for _, rate := range []float64{5e8, 1e8, 3e8} {
		l := load{requests: rate / 1e6, bytes: rate}
		large.add(Case{}, l, time.Second, 2*time.Second)
		many.add(Case{small: true}, l, time.Second, 2*time.Second)
	}
	// 1.8 GB and 1800 requests in 3 s of processor time.
	want := Result{Rate: 3e8, CPU: 3 * time.Second * 10 / 18, PerRequest: 3 * time.Second / 1800}
	if got := large.result(); got != want {
		t.Errorf("by bytes: %+v, want %+v", got, want)
	}
	if want.Rate = 300; many.result() != want {
		t.Errorf("by requests: %+v, want %+v", many.result(), want)
	}
}

func TestTable(t *testing.T) {
	row := []Result{
		{Rate: 2e9, CPU: 100 * time.Millisecond, PerRequest: 7 * time.Millisecond},
		{Rate: 1e9, CPU: 300 * time.Millisecond, PerRequest: 21 * time.Millisecond},
		{Rate: 3e9, CPU: 150 * time.Millisecond, PerRequest: 14 * time.Millisecond},
	}
	got := Table([]string{"nginx 1.22", "net/http alone", "pxed"}, Cases, [][]Result{row, row, row, row})
	want := `| case | nginx 1.22 | net/http alone | pxed | pxed ÷ nginx |
|---|--:|--:|--:|--:|
| one large file, MB/s | 2000 | 1000 | 3000 | **1.50** |
| CPU, s a GB | 0.10 | 0.30 | 0.15 | **1.50** |
| CPU, µs a request | 7000.0 | 21000.0 | 14000.0 | **2.00** |
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(got, "- eight at once, MB/s: 1.50 times nginx's CPU, and the goal is 1.20 at most.\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestPlain(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("on disk"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for path, want := range map[string]string{
		"/f": "on disk", "/" + menu: "in memory", "/../f": "not found\n", "/": "not found\n",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://box/", nil)
		r.URL.Path = path
		plain(root, []byte("in memory")).ServeHTTP(w, r)
		if got := w.Body.String(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
