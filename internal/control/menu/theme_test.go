package menu

import (
	"bytes"
	"fmt"
	"image/png"
	"testing"
)

func TestBarHasItsColor(t *testing.T) {
	img, err := png.Decode(bytes.NewReader(bar))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	if b.Dx() != 4 || b.Dy() != 4 {
		t.Errorf("the bar has %v pixels; want 4 x 4", b.Size())
	}
	for i := range b.Dx() * b.Dy() {
		x, y := i%b.Dx(), i/b.Dx()
		r, g, blue, a := img.At(x, y).RGBA()
		if got := fmt.Sprintf("%02x%02x%02x", r>>8, g>>8, blue>>8); got != colorBar || a>>8 != 0xff {
			t.Errorf("the pixel at %d, %d is #%s with alpha %d; want #%s", x, y, got, a>>8, colorBar)
		}
	}
}
