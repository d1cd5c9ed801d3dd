package tftpload

import (
	"errors"
	"testing"
)

func TestCompare(t *testing.T) {
	l := Load{Content: Random(1, 43)}
	content := Random(1, 44)
	for _, tt := range []struct {
		situation string
		b         []byte
		at        int64
		last      bool
		right     bool
	}{
		{situation: "a block", b: content[8:16], at: 8, right: true},
		{situation: "the last block", b: content[40:43], at: 40, last: true, right: true},
		{situation: "wrong bytes", b: make([]byte, 8)},
		{situation: "a block in another's place", b: content[8:16]},
		{situation: "an end too early", b: content[:4], last: true},
		{situation: "more than the file", b: content[36:44], at: 36},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if err := l.compare(tt.b, tt.at, tt.last); (err == nil) != tt.right ||
				err != nil && !errors.Is(err, errContent) {
				t.Errorf("got error %v", err)
			}
		})
	}
}
