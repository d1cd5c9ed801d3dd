package report

import (
	"slices"
	"testing"
)

func TestParseCores(t *testing.T) {
	for _, tc := range []struct {
		list  string
		want  []int
		fails bool
	}{
		{list: "0", want: []int{0}},
		{list: "1, 2", want: []int{1, 2}},
		{list: "", fails: true},
		{list: "1,", fails: true},
		{list: "-1", fails: true},
		{list: "two", fails: true},
	} {
		got, err := ParseCores(tc.list)
		if (err != nil) != tc.fails || !slices.Equal(got, tc.want) {
			t.Errorf("%q: %v, %v", tc.list, got, err)
		}
	}
}
