package settings

import (
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
)

// The result of checking the settings and the part about access change
// independently, and a start that changes nothing writes nothing.
func TestAccessInTheResult(t *testing.T) {
	m := fresh()
	b := newBox(t, "")
	start := func(text string) string {
		t.Helper()
		v := WithAccess{m, text}
		log := slog.New(slog.DiscardHandler)
		if err := errors.Join(v.Update(), Exchange(v, b.Store, b.seen, nil, func() {}, log)); err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(m.files[resultName]), "\r\n", "\n")
	}
	const first, second = "Password: generated\n", "Write another one.\n"
	part := func(text string) string { return heading + "\n\n" + text }

	if got := start(first); got != part(first) {
		t.Errorf("the first start: %q", got)
	}
	if r := b.Results().Volume; r != nil {
		t.Errorf("the page shows %q as the result of new settings", r.Text)
	}
	m.writes = 0
	if start(first); m.writes != 0 {
		t.Errorf("a start without changes writes %d times", m.writes)
	}
	m.files[FileName] = []byte(mine)
	if got := start(first); got != resultTaken+"\n"+part(first) {
		t.Errorf("new settings: %q", got)
	}
	if r := b.Results().Volume; r == nil || r.Text != resultTaken {
		t.Errorf("the page shows %v", r)
	}
	if got := start(second); got != resultTaken+"\n"+part(second) {
		t.Errorf("a new password: %q", got)
	}
	m.files[FileName] = []byte(wrong)
	if got := start(second); !strings.Contains(got, "has mistakes") || !strings.HasSuffix(got, "\n\n"+part(second)) ||
		strings.Count(got, heading) != 1 {
		t.Errorf("a mistake: %q", got)
	}
	m.writes = 0
	if start(second); m.writes != 0 {
		t.Errorf("a start without changes writes %d times", m.writes)
	}
	// A person deletes the result.
	delete(m.files, resultName)
	if _, err := (WithAccess{m, second}).Read(resultName); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a result: %v", err)
	}
	if got := start(second); got != part(second) {
		t.Errorf("the result was deleted: %q", got)
	}
}
