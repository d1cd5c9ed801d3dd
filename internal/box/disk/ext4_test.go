package disk

import (
	"slices"
	"strings"
	"testing"
)

// superblock returns the part of a superblock that is read.
func superblock(blocks uint64, log uint32) []byte {
	b := make([]byte, superblockSize)
	le.PutUint16(b[0x38:], 0xef53)
	le.PutUint32(b[0x4:], uint32(blocks))
	le.PutUint32(b[0x150:], uint32(blocks>>32))
	le.PutUint32(b[0x18:], log)
	le.PutUint32(b[0x20:], 32768)
	le.PutUint32(b[0x60:], 0x80)
	return b
}

func TestReadSuperblock(t *testing.T) {
	narrow := superblock(5<<32|7, 2)
	le.PutUint32(narrow[0x60:], 0) // the upper half has another meaning then
	for _, tt := range []struct {
		situation string
		block     []byte
		blocks    uint64
		err       string
	}{
		{"the image's", superblock(24573, 2), 24573, ""},
		{"more than 16 TiB", superblock(5<<32|7, 2), 5<<32 | 7, ""},
		{"without the feature 64bit", narrow, 7, ""},
		{"FAT", make([]byte, superblockSize), 0, "not an ext4"},
		{"cut off", superblock(24573, 2)[:100], 0, "not an ext4"},
		{"blocks of 1 KiB", superblock(24573, 0), 0, "blocks of 1024 bytes"},
		{"no blocks", superblock(0, 2), 0, "is invalid"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f, err := readSuperblock(tt.block)
			if tt.err == "" && (err != nil || f.blocks != tt.blocks) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %+v, %v", f, err)
			}
		})
	}
}

func TestFill(t *testing.T) {
	const group = 32768
	for _, tt := range []struct {
		situation   string
		have, bytes uint64
		want        uint64
	}{
		{"as large as it can be", 24573, 196590 * 512, 24573},
		{"a card of 8 GiB", 24573, (cardEnd - 2260992) * 512, 55*group + 12032},
		{"whole groups", 24573, 50 * group * blockSize, 50 * group},
		{"a last group that has room for its tables", 24573, (50*group + group/8) * blockSize, 50*group + group/8},
		{"a last group that might not", 24573, (50*group + group/8 - 1) * blockSize, 50 * group},
		{"more than there is room to describe", 24573, 4 << 40, 128 * 64 * group},
		{"part of a block", 24573, 50*group*blockSize + 4095, 50 * group},
		{"has such a last group already: never less", 50*group + 100, (50*group + 100) * blockSize, 50*group + 100},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f := fileSystem{tt.have, group}
			got := f.fill(tt.bytes)
			if got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
			f.blocks = got
			if again := f.fill(tt.bytes); again != got {
				t.Errorf("the second time %d", again)
			}
		})
	}
}

func TestNext(t *testing.T) {
	const group, final = 32768, 55*32768 + 12032
	var sizes []uint64
	for f := (fileSystem{24573, group}); f.blocks < final; {
		f.blocks = f.next(final)
		sizes = append(sizes, f.blocks)
	}
	if want := []uint64{16 * group, 32 * group, 48 * group, final}; !slices.Equal(sizes, want) {
		t.Errorf("it grows by way of %v, want %v", sizes, want)
	}
}
