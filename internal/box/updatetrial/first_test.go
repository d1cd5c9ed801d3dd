package updatetrial

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		situation string
		takes     time.Duration
		result    error
		want      string
	}{
		{situation: "answers", takes: time.Second},
		{situation: "answers with an error", takes: time.Second, result: io.ErrUnexpectedEOF, want: "unexpected EOF"},
		{situation: "hangs", takes: time.Hour, want: "has not responded"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer time.Sleep(tt.takes) // until it has finished
				start := time.Now()
				err := within(answers, func() error { time.Sleep(tt.takes); return tt.result })
				if tt.want == "" && err != nil ||
					tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); took != min(tt.takes, answers) {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
