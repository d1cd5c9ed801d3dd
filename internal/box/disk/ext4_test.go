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
		{situation: "the image's", block: superblock(24573, 2), blocks: 24573},
		{situation: "more than 16 TiB", block: superblock(5<<32|7, 2), blocks: 5<<32 | 7},
		{situation: "without the feature 64bit", block: narrow, blocks: 7},
		{situation: "FAT", block: make([]byte, superblockSize), err: "not an ext4"},
		{situation: "cut off", block: superblock(24573, 2)[:100], err: "not an ext4"},
		{situation: "blocks of 1 KiB", block: superblock(24573, 0), err: "blocks of 1024 bytes"},
		{situation: "no blocks", block: superblock(0, 2), err: "is invalid"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			f, err := readSuperblock(tt.block)
			if tt.err == "" && (err != nil || f.blocks != tt.blocks) ||
				tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
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
		{situation: "as large as it can be", have: 24573, bytes: 196590 * 512, want: 24573},
		{situation: "a card of 8 GiB", have: 24573, bytes: (cardEnd - 2260992) * 512, want: 55*group + 12032},
		{situation: "whole groups", have: 24573, bytes: 50 * group * blockSize, want: 50 * group},
		{situation: "a last group that has room for its tables", have: 24573, bytes: (50*group + group/8) * blockSize,
			want: 50*group + group/8},
		{situation: "a last group that might not", have: 24573, bytes: (50*group + group/8 - 1) * blockSize,
			want: 50 * group},
		{situation: "more than there is room to describe", have: 24573, bytes: 4 << 40, want: 128 * 64 * group},
		{situation: "part of a block", have: 24573, bytes: 50*group*blockSize + 4095, want: 50 * group},
		{situation: "has such a last group already: never less", have: 50*group + 100,
			bytes: (50*group + 100) * blockSize, want: 50*group + 100},
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
