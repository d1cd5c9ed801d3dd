package disk

import (
	"bytes"
	"testing"
)

func TestRecord(t *testing.T) {
	r := record{growing, superblock(24573, 2)}
	b := r.encode()
	got, ok := decodeRecord(b)
	if !ok || got.state != growing || !bytes.Equal(got.superblock, r.superblock) {
		t.Errorf("got %v, %v", got.state, ok)
	}
	if len(b) != recordSectors*sectorSize {
		t.Errorf("it has %d bytes", len(b))
	}
	if _, ok := decodeRecord(make([]byte, len(b))); ok {
		t.Error("zeros are a record")
	}
}

// A power cut while a record overwrites another one leaves each sector old or
// new.
func TestRecordCutOff(t *testing.T) {
	first, second := record{growing, superblock(24573, 2)}, record{growing, superblock(524288, 2)}
	next := record{restored, first.superblock}
	for _, tt := range []struct {
		situation string
		from, to  []byte
		always    bool // there is a record, whatever the cut leaves
	}{
		{situation: "the first one", from: make([]byte, recordSectors*sectorSize), to: first.encode()},
		{situation: "the next step's", from: first.encode(), to: second.encode()},
		{situation: "another state of the same", from: first.encode(), to: next.encode(), always: true},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			for mask := range 1 << recordSectors {
				b := bytes.Clone(tt.from)
				for i := range recordSectors {
					if mask>>i&1 == 1 {
						copy(b[i*sectorSize:][:sectorSize], tt.to[i*sectorSize:])
					}
				}
				r, ok := decodeRecord(b)
				if tt.always && !ok {
					t.Errorf("sectors %b: no record", mask)
				}
				if whole := r.encode(); ok && !bytes.Equal(whole, tt.from) && !bytes.Equal(whole, tt.to) {
					t.Errorf("sectors %b: a record that no one wrote", mask)
				}
			}
		})
	}
}

func TestWhatAStartDoesAboutARecord(t *testing.T) {
	for _, tt := range []struct {
		situation string
		state     state
		mounted   bool
		do        step
		then      state
	}{
		{situation: "cut off, mounted: the groups may be counted wrong", state: growing, mounted: true, do: mountAnew,
			then: restarted},
		{situation: "cut off, does not mount", state: growing, do: putBack, then: restored},
		{situation: "the superblock is back, and it mounts", state: restored, mounted: true, do: mountAnew,
			then: restarted},
		{situation: "the superblock is back, and it does not mount", state: restored, do: giveUp, then: restored},
		{situation: "restarted", state: restarted, mounted: true, do: goOn, then: restarted},
		{situation: "restarted, and damaged since", state: restarted, do: giveUp, then: restarted},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			do, then := record{state: tt.state}.next(tt.mounted)
			if do != tt.do || then != tt.then {
				t.Errorf("does %d, then %d; want %d, %d", do, then, tt.do, tt.then)
			}
			// Whatever happens, a box restarts at most twice.
			for _, mounts := range []int{0, 1, 2, 3} {
				r, restarts := record{state: tt.state}, 0
				for i := range 10 {
					do, then := r.next(mounts>>(i%2)&1 == 1)
					if do == mountAnew || do == putBack {
						restarts++
					}
					r.state = then
				}
				if restarts > 2 {
					t.Errorf("it restarts %d times", restarts)
				}
			}
		})
	}
}
