package disk

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const (
	imageSectors = 2457616  // of the image
	cardSectors  = 16777216 // a card of 8 GiB
	cardEnd      = 16775168 // the last whole MiB before the backup on it
)

// layout is the image's: boot, two roots, and persistent data.
var layout = []extent{{8192, 212991}, {212992, 1236991}, {1236992, 2260991}, {2260992, 2457581}}

// sparse is a disk that stores only the sectors that were written.
type sparse map[uint64][]byte

func (s sparse) write(w write) {
	for i := 0; i < len(w.data); i += sectorSize {
		s[w.lba+uint64(i/sectorSize)] = slices.Clone(w.data[i : i+sectorSize])
	}
}

func (s sparse) read(lba uint64, sectors int) []byte {
	var b []byte
	for i := range uint64(sectors) {
		if data, ok := s[lba+i]; ok {
			b = append(b, data...)
		} else {
			b = append(b, make([]byte, sectorSize)...)
		}
	}
	return b
}

func (s sparse) clone() sparse {
	c := sparse{}
	for lba, data := range s {
		c[lba] = data
	}
	return c
}

func (s sparse) table(sectors uint64) (table, error) {
	return readTable(s.read(0, headSectors), sectors)
}

// newDisk returns a disk of so many sectors, partitioned like the image.
func newDisk(sectors uint64, parts []extent) sparse {
	array := make([]byte, arraySectors*sectorSize)
	for i, p := range parts {
		e := array[i*entrySize:]
		copy(e, "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4") // Linux data
		e[16] = byte(i + 1)
		le.PutUint64(e[32:], p.first)
		le.PutUint64(e[40:], p.last)
	}
	header := func(my, alternate, at uint64) []byte {
		h := make([]byte, sectorSize)
		copy(h, signature)
		le.PutUint32(h[offRevision:], 0x10000)
		le.PutUint32(h[offHeaderSize:], headerSize)
		le.PutUint64(h[offMyLBA:], my)
		le.PutUint64(h[offAlternate:], alternate)
		le.PutUint64(h[offFirstUsable:], 34)
		le.PutUint64(h[offLastUsable:], sectors-34)
		le.PutUint64(h[offEntryLBA:], at)
		le.PutUint32(h[offEntries:], entries)
		le.PutUint32(h[offEntrySize:], entrySize)
		le.PutUint32(h[offEntriesCRC:], crc32.ChecksumIEEE(array))
		le.PutUint32(h[offHeaderCRC:], headerCRC(h))
		return h
	}
	s := sparse{}
	s.write(write{0, bytes.Repeat([]byte("hybrid M"), sectorSize/8)})
	s.write(write{1, header(1, sectors-1, 2)})
	s.write(write{2, array})
	s.write(write{sectors - 33, array})
	s.write(write{sectors - 1, header(sectors-1, 1, sectors-33)})
	return s
}

// mustTable reads the table of a disk and fails unless all of it is valid: what
// the kernel reads, and the backup that firmware would repair otherwise.
func (s sparse) mustTable(t *testing.T, sectors uint64) table {
	t.Helper()
	tab, err := s.table(sectors)
	if err != nil {
		t.Fatal(err)
	}
	backup := le.Uint64(tab.header[offAlternate:])
	h := s.read(backup, 1)
	if !bytes.HasPrefix(h, signature) {
		t.Fatalf("no backup at sector %d", backup)
	}
	if err := checkHeader(h, backup, sectors); err != nil {
		t.Fatalf("the backup: %v", err)
	}
	if at := le.Uint64(h[offEntryLBA:]); !bytes.Equal(s.read(at, arraySectors), tab.array) {
		t.Fatal("the backup has other entries")
	}
	return tab
}

func (s sparse) mustGrow(t *testing.T, sectors uint64) [][]write {
	t.Helper()
	batches, err := s.mustTable(t, sectors).grow(len(layout), sectors)
	if err != nil {
		t.Fatal(err)
	}
	return batches
}

func TestGrow(t *testing.T) {
	for _, tt := range []struct {
		situation string
		sectors   uint64
		end       uint64 // of the last partition; 0: nothing is written
	}{
		{situation: "a card of 8 GiB", sectors: cardSectors, end: cardEnd},
		{situation: "a disk of 4 TiB", sectors: 1 << 33, end: 1<<33 - 2048},
		{situation: "a disk that is no whole number of MiB", sectors: cardSectors + 2047, end: cardSectors},
		{situation: "the disk that the image was made for", sectors: imageSectors},
		{situation: "less than a MiB more", sectors: imageSectors + 2000},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			s := newDisk(imageSectors, layout)
			before := s.clone()
			batches := s.mustGrow(t, tt.sectors)
			if tt.end == 0 {
				if batches != nil {
					t.Errorf("writes %d batches", len(batches))
				}
				return
			}
			for _, w := range slices.Concat(batches...) {
				s.write(w)
			}
			tab := s.mustTable(t, tt.sectors)
			for i, p := range layout[:3] {
				if got, _ := tab.partition(i + 1); got != p {
					t.Errorf("partition %d is at %v, not %v", i+1, got, p)
				}
			}
			if got, _ := tab.partition(4); got != (extent{layout[3].first, tt.end - 1}) {
				t.Errorf("partition 4 is at %v, want its end before %d", got, tt.end)
			}
			if !bytes.Equal(s.read(0, 1), before.read(0, 1)) {
				t.Error("the MBR was written to")
			}
			// gokrazy's init reads the first partition's GUID there.
			if !bytes.Equal(s.read(2, arraySectors), before.read(2, arraySectors)) {
				t.Error("the entries at sector 2 were written to")
			}
			if batches := s.mustGrow(t, tt.sectors); batches != nil {
				t.Error("the second time it writes again")
			}
		})
	}
}

// The medium of a box that has grown, copied to a larger one.
func TestGrowAgain(t *testing.T) {
	s := newDisk(imageSectors, layout)
	for _, sectors := range []uint64{cardSectors, 2 * cardSectors, 4 * cardSectors} {
		for _, w := range slices.Concat(s.mustGrow(t, sectors)...) {
			s.write(w)
		}
		if got, _ := s.mustTable(t, sectors).partition(4); got.last != sectors-2048-1 {
			t.Errorf("on %d sectors it ends at %d", sectors, got.last)
		}
	}
}

// TestGrowThroughPowerCuts cuts the power at every instant: before each write
// and within it. Earlier batches are on the medium. Any sector of the current
// batch may be there or not, whatever the order of its writes.
func TestGrowThroughPowerCuts(t *testing.T) {
	for _, start := range []struct {
		situation string
		disk      func(t *testing.T) sparse
	}{
		{"the image", func(*testing.T) sparse { return newDisk(imageSectors, layout) }},
		{"grown before, on a smaller disk", func(t *testing.T) sparse {
			s := newDisk(imageSectors, layout)
			for _, w := range slices.Concat(s.mustGrow(t, cardSectors/2)...) {
				s.write(w)
			}
			return s
		}},
		{"cut off before", func(t *testing.T) sparse {
			s := newDisk(imageSectors, layout)
			for _, w := range s.mustGrow(t, cardSectors)[0] {
				s.write(write{w.lba, w.data[:(len(w.data)/sectorSize+1)/2*sectorSize]})
			}
			return s
		}},
	} {
		t.Run(start.situation, func(t *testing.T) {
			s := start.disk(t)
			was, _ := s.mustTable(t, cardSectors).partition(4)
			old, young := 0, 0
			check := func(what string, cut sparse) {
				t.Helper()
				tab, err := cut.table(cardSectors)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				switch got, _ := tab.partition(4); got.last {
				case was.last:
					old++
				case cardEnd - 1:
					young++
				default:
					t.Fatalf("%s: partition 4 ends at %d", what, got.last)
				}
				cut.mustTable(t, cardSectors)
				// The next boot finishes what this one began.
				for _, w := range slices.Concat(cut.mustGrow(t, cardSectors)...) {
					cut.write(w)
				}
				if got, _ := cut.mustTable(t, cardSectors).partition(4); got.last != cardEnd-1 {
					t.Fatalf("%s: the next boot ends the partition at %d", what, got.last)
				}
			}
			chance := rand.New(rand.NewPCG(1, 2))
			for i, batch := range s.mustGrow(t, cardSectors) {
				var sectors []write
				for _, w := range batch {
					for j := 0; j < len(w.data); j += sectorSize {
						sectors = append(sectors, write{w.lba + uint64(j/sectorSize), w.data[j : j+sectorSize]})
					}
				}
				part := func(what string, is func(n int) bool) {
					cut := s.clone()
					for n, w := range sectors {
						if is(n) {
							cut.write(w)
						}
					}
					check(fmt.Sprintf("batch %d, %s", i, what), cut)
				}
				for n := range len(sectors) + 1 {
					part(fmt.Sprintf("the first %d sectors", n), func(k int) bool { return k < n })
					part(fmt.Sprintf("only sector %d", n), func(k int) bool { return k == n })
					part(fmt.Sprintf("all but sector %d", n), func(k int) bool { return k != n })
				}
				for n := range 200 {
					part(fmt.Sprintf("by chance, %d", n), func(int) bool { return chance.IntN(2) == 0 })
				}
				for _, w := range sectors {
					s.write(w)
				}
			}
			if old == 0 || young == 0 {
				t.Errorf("%d cuts left the old table, %d the new one", old, young)
			}
		})
	}
}

func TestGrowRefuses(t *testing.T) {
	// change changes the header and fixes its checksum.
	change := func(offset int, value uint64, size int) func(sparse) {
		return func(s sparse) {
			h := s.read(1, 1)
			copy(h[offset:], le.AppendUint64(nil, value)[:size])
			le.PutUint32(h[offHeaderCRC:], headerCRC(h))
			s.write(write{1, h})
		}
	}
	for _, tt := range []struct {
		situation string
		parts     []extent
		change    func(sparse)
		want      string
	}{
		{situation: "no GPT", parts: layout, change: func(s sparse) { delete(s, 1) }, want: "no GPT"},
		{situation: "a header of another length", parts: layout, change: change(offHeaderSize, 512, 4),
			want: "the header has 512 bytes"},
		{situation: "the header's checksum", parts: layout, change: func(s sparse) { s[1][60]++ },
			want: "the header does not match"},
		{situation: "the entries' checksum", parts: layout, change: func(s sparse) { s[3][0]++ },
			want: "the entries do not match"},
		{situation: "the backup's header in the first place", parts: layout, change: change(offMyLBA, 7, 8),
			want: "says that it belongs at 7"},
		{situation: "larger than the disk: copied to a smaller one", parts: layout,
			change: change(offLastUsable, cardSectors, 8), want: "sectors 34 to 16777216"},
		{situation: "fewer entries", parts: layout, change: change(offEntries, 4, 4), want: "4 entries"},
		{situation: "entries of another size", parts: layout, change: change(offEntrySize, 256, 4),
			want: "of 256 bytes"},
		{situation: "entries elsewhere", parts: layout, change: change(offEntryLBA, 100, 8), want: "at sector 100"},
		{situation: "no such partition", parts: layout[:3], change: func(sparse) {}, want: "no partition 4"},
		{situation: "a partition behind it", parts: append(slices.Clone(layout), extent{3000000, 4000000}),
			change: func(sparse) {}, want: "partition 5 ends at sector 4000000"},
		{situation: "a partition where the new entries would go",
			parts: []extent{{40, 8191}, layout[1], layout[2], layout[3]}, change: func(sparse) {},
			want: "partition 1 begins at sector 40"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			s := newDisk(imageSectors, tt.parts)
			tt.change(s)
			tab, err := s.table(cardSectors)
			if err == nil {
				_, err = tab.grow(4, cardSectors)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("a tiny disk", func(t *testing.T) {
		if _, err := readTable(make([]byte, headSectors*sectorSize), 10); err == nil {
			t.Error("no error")
		}
	})
}
