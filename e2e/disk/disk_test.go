package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const testSize = 1 << 20

func newDisk(t *testing.T) *Disk {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	// Smaller than the disk: the rest is a hole.
	if err := os.WriteFile(path, make([]byte, 4*Sector), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, testSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 0)) }

// sector returns a sector filled with b.
func sector(b byte) []byte { return bytes.Repeat([]byte{b}, Sector) }

func (d *Disk) mustWrite(t *testing.T, n int64, p []byte, through bool) {
	t.Helper()
	if err := d.write(p, n*Sector, through, d.boot); err != nil {
		t.Fatal(err)
	}
}

func (d *Disk) mustFlush(t *testing.T) {
	t.Helper()
	if err := d.flush(d.boot); err != nil {
		t.Fatal(err)
	}
}

// first returns the first byte of a sector, as the guest reads it.
func (d *Disk) first(t *testing.T, n int64) byte {
	t.Helper()
	p := make([]byte, Sector)
	if err := d.read(p, n*Sector); err != nil {
		t.Fatal(err)
	}
	for _, b := range p {
		if b != p[0] {
			t.Fatalf("sector %d is torn: %x", n, p)
		}
	}
	return p[0]
}

// The test writes each situation and then cuts the power many times, with
// different seeds. A sector must have one of its possible values, and must have
// had each of them once.
func TestWhatACutLeaves(t *testing.T) {
	for _, tt := range []struct {
		situation string
		do        func(t *testing.T, d *Disk)
		want      string // possible values of sector 7
	}{
		{situation: "nothing written", do: func(*testing.T, *Disk) {}, want: "\x00"},
		{situation: "written, not flushed", do: func(t *testing.T, d *Disk) { d.mustWrite(t, 7, sector('a'), false) },
			want: "\x00a"},
		{situation: "flushed", do: func(t *testing.T, d *Disk) {
			d.mustWrite(t, 7, sector('a'), false)
			d.mustFlush(t)
		}, want: "a"},
		{situation: "written again after a flush", do: func(t *testing.T, d *Disk) {
			d.mustWrite(t, 7, sector('a'), false)
			d.mustFlush(t)
			d.mustWrite(t, 7, sector('b'), false)
		}, want: "ab"},
		{situation: "written twice: the first version may be what is there", do: func(t *testing.T, d *Disk) {
			d.mustWrite(t, 7, sector('a'), false)
			d.mustWrite(t, 7, sector('b'), false)
		}, want: "\x00ab"},
		{situation: "written through", do: func(t *testing.T, d *Disk) { d.mustWrite(t, 7, sector('a'), true) },
			want: "a"},
		{situation: "written through over what was not flushed", do: func(t *testing.T, d *Disk) {
			d.mustWrite(t, 7, sector('a'), false)
			d.mustWrite(t, 7, sector('b'), true)
		}, want: "b"},
		{situation: "written through elsewhere, which is no flush", do: func(t *testing.T, d *Disk) {
			d.mustWrite(t, 7, sector('a'), false)
			d.mustWrite(t, 8, sector('b'), true)
		}, want: "\x00a"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			seen := map[byte]bool{}
			for seed := range uint64(60) {
				d := newDisk(t)
				tt.do(t, d)
				d.Cut(seeded(seed))
				b := d.first(t, 7)
				if !bytes.Contains([]byte(tt.want), []byte{b}) {
					t.Fatalf("seed %d: the sector holds %q, want one of %q", seed, b, tt.want)
				}
				seen[b] = true
			}
			if len(seen) != len(tt.want) {
				t.Errorf("seen only %v of %q", seen, tt.want)
			}
		})
	}
}

func TestSectorsOfOneWriteAreLostSingly(t *testing.T) {
	d := newDisk(t)
	const n = 64
	d.mustWrite(t, 0, bytes.Repeat(sector('a'), n), false)
	loss := d.Cut(seeded(3))
	var kept int
	for i := range int64(n) {
		if d.first(t, i) == 'a' {
			kept++
		}
	}
	if kept == 0 || kept == n || loss != (Loss{kept, n - kept}) {
		t.Errorf("%d of %d sectors are there; the cut says %v", kept, n, loss)
	}
}

func TestACutIsRepeatedByItsSeed(t *testing.T) {
	var first []byte
	for range 3 {
		d := newDisk(t)
		for i := range int64(100) {
			d.mustWrite(t, i*3, sector('a'), false)
		}
		d.Cut(seeded(3))
		p := make([]byte, testSize)
		if err := d.read(p, 0); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = p
		} else if !bytes.Equal(first, p) {
			t.Fatal("the same seed leaves another disk")
		}
	}
}

func TestAfterACutTheOldBootIsDead(t *testing.T) {
	d := newDisk(t)
	old := d.boot
	d.Cut(seeded(1))
	if err := d.write(sector('x'), 0, false, old); err == nil {
		t.Error("a write of the boot before is taken")
	}
	if err := d.flush(old); err == nil {
		t.Error("a flush of the boot before is taken")
	}
	d.mustWrite(t, 0, sector('y'), false)
	if b := d.first(t, 0); b != 'y' {
		t.Errorf("the new boot reads %q", b)
	}
}

func TestCutAtWrite(t *testing.T) {
	d := newDisk(t)
	cut := d.CutAtWrite(3, seeded(1))
	for i := range int64(2) {
		d.mustWrite(t, i, sector('a'), true)
	}
	select {
	case <-cut:
		t.Fatal("the power went before the third write")
	default:
	}
	if err := d.write(sector('a'), 2*Sector, true, d.boot); err == nil {
		t.Error("the write that the cut met succeeded")
	}
	if loss := <-cut; loss.Kept+loss.Lost != 1 {
		t.Errorf("%v; one was under way", loss)
	}
	if len(d.Writes()) != 3 {
		t.Errorf("%d writes", len(d.Writes()))
	}
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, 4*Sector), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{3 * Sector, 5*Sector + 1} {
		if _, err := Open(path, size); err == nil {
			t.Errorf("a disk of %d bytes from an image of %d", size, 4*Sector)
		}
	}
}

// client is an NBD client, as far as these tests need one.
type client struct {
	t *testing.T
	net.Conn
}

func (c client) send(values ...any) {
	c.t.Helper()
	var b bytes.Buffer
	for _, v := range values {
		if err := binary.Write(&b, binary.BigEndian, v); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := c.Write(b.Bytes()); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) get(into any) {
	c.t.Helper()
	if err := binary.Read(c, binary.BigEndian, into); err != nil {
		c.t.Fatal(err)
	}
}

// option sends an option and returns the kinds and contents of the replies.
func (c client) option(option uint32, data string) (kinds []uint32, contents []string) {
	c.t.Helper()
	c.send(uint64(magicOption), option, uint32(len(data)), []byte(data))
	for {
		var r struct {
			Magic                uint64
			Option, Kind, Length uint32
		}
		c.get(&r)
		if r.Magic != magicReply || r.Option != option {
			c.t.Fatalf("the answer to option %d begins with %+v", option, r)
		}
		p := make([]byte, r.Length)
		c.get(p)
		kinds, contents = append(kinds, r.Kind), append(contents, string(p))
		if r.Kind != repInfo {
			return kinds, contents
		}
	}
}

// do sends a request, and returns the error code and length bytes.
func (c client) do(kind, flags uint16, offset int64, length uint32, data []byte, answer int) (uint32, []byte) {
	c.t.Helper()
	cookie := uint64(offset)<<8 | uint64(kind)
	c.send(uint32(magicRequest), flags, kind, cookie, offset, length, data)
	var r struct {
		Magic, Error uint32
		Cookie       uint64
	}
	c.get(&r)
	if r.Magic != magicSimple || r.Cookie != cookie {
		c.t.Fatalf("the answer is %+v", r)
	}
	if r.Error != 0 {
		return r.Error, nil
	}
	p := make([]byte, answer)
	c.get(p)
	return 0, p
}

// A guest outlives the cut for a moment, and QEMU reconnects for it.
func TestAfterACutNobodyConnects(t *testing.T) {
	d := newDisk(t)
	path := filepath.Join(t.TempDir(), "nbd")
	s, err := d.Serve(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	greeted := func() bool {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
		return err == nil
	}
	for _, step := range []struct {
		do   func()
		want bool
	}{
		{func() {}, true},
		{func() { d.Cut(seeded(1)) }, false},
		{d.On, true},
	} {
		if step.do(); greeted() != step.want {
			t.Errorf("a new connection is greeted: %v", !step.want)
		}
	}
}

func serve(t *testing.T, d *Disk) (dial func() client) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nbd")
	s, err := d.Serve(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Cut(seeded(1)) // ends the connections
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return func() client {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		c := client{t, conn}
		var hello struct {
			Magic, Option uint64
			Flags         uint16
		}
		c.get(&hello)
		if hello.Magic != magicServer || hello.Option != magicOption || hello.Flags != flagFixedNewstyle|flagNoZeroes {
			t.Fatalf("the server says %+v", hello)
		}
		c.send(uint32(flagFixedNewstyle | flagNoZeroes))
		return c
	}
}

func TestNegotiation(t *testing.T) {
	dial := serve(t, newDisk(t))
	export := string(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64([]byte{0, 0}, testSize), exportFlags))
	t.Run("GO after an option that the server does not know", func(t *testing.T) {
		c := dial()
		const structuredReply = 8
		if kinds, _ := c.option(structuredReply, ""); fmt.Sprint(kinds) != fmt.Sprint([]uint32{repUnsup}) {
			t.Errorf("answers %#x", kinds)
		}
		kinds, contents := c.option(optGo, "\x00\x00\x00\x00\x00\x00")
		if kinds[0] != repInfo || kinds[len(kinds)-1] != repAck || contents[0] != export {
			t.Errorf("answers %#x %q", kinds, contents)
		}
		if code, p := c.do(cmdRead, 0, 0, Sector, nil, Sector); code != 0 || !bytes.Equal(p, sector(0)) {
			t.Errorf("reads %d %x", code, p)
		}
	})
	t.Run("export name", func(t *testing.T) {
		c := dial()
		c.send(uint64(magicOption), uint32(optExportName), uint32(0))
		p := make([]byte, 10)
		c.get(p)
		if string(p) != export[2:] {
			t.Errorf("answers %x", p)
		}
	})
	t.Run("abort", func(t *testing.T) {
		c := dial()
		c.option(optAbort, "")
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection goes on: %v", err)
		}
	})
}

func TestRequests(t *testing.T) {
	d := newDisk(t)
	c := serve(t, d)()
	c.option(optGo, "\x00\x00\x00\x00\x00\x00")
	ok := func(code uint32, _ []byte) {
		t.Helper()
		if code != 0 {
			t.Fatalf("error %d", code)
		}
	}
	ok(c.do(cmdWrite, 0, 0, 2*Sector, append(sector('a'), sector('b')...), 0))
	if _, p := c.do(cmdRead, 0, Sector, Sector, nil, Sector); !bytes.Equal(p, sector('b')) {
		t.Errorf("what was written reads %x", p)
	}
	onMedium := func(n int64) byte {
		p := make([]byte, 1)
		if _, err := d.ReadAt(p, n*Sector); err != nil {
			t.Fatal(err)
		}
		return p[0]
	}
	if b := onMedium(0); b != 0 {
		t.Errorf("before the flush the medium holds %q", b)
	}
	ok(c.do(cmdWrite, cmdFlagFUA, 4*Sector, Sector, sector('c'), 0))
	if b := onMedium(4); b != 'c' {
		t.Errorf("after a write through the medium holds %q", b)
	}
	if b := onMedium(0); b != 0 {
		t.Errorf("after a write through elsewhere the medium holds %q", b)
	}
	ok(c.do(cmdFlush, 0, 0, 0, nil, 0))
	if b := onMedium(1); b != 'b' {
		t.Errorf("after the flush the medium holds %q", b)
	}
	for _, tt := range []struct {
		situation string
		kind      uint16
		offset    int64
		length    uint32
	}{
		{situation: "behind the end", kind: cmdRead, offset: testSize, length: Sector},
		{situation: "across the end", kind: cmdWrite, offset: testSize - Sector, length: 2 * Sector},
		{situation: "not whole sectors", kind: cmdRead, length: 100},
		{situation: "not at a sector", kind: cmdWrite, offset: 100, length: Sector},
		{situation: "an unknown command", kind: 99},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			var data []byte
			if tt.kind == cmdWrite {
				data = make([]byte, tt.length)
			}
			if code, _ := c.do(tt.kind, 0, tt.offset, tt.length, data, 0); code == 0 {
				t.Error("no error")
			}
		})
	}
	d.Cut(seeded(1))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("after a cut the connection goes on")
	}
}

func TestSlow(t *testing.T) {
	d := newDisk(t)
	c := serve(t, d)()
	c.option(optGo, "\x00\x00\x00\x00\x00\x00")
	const each = 50 * time.Millisecond
	d.Slow(each)
	for situation, do := range map[string]func(){
		"write": func() { c.do(cmdWrite, 0, 0, Sector, sector('a'), 0) },
		"flush": func() { c.do(cmdFlush, 0, 0, 0, nil, 0) },
	} {
		start := time.Now()
		if do(); time.Since(start) < each {
			t.Errorf("a %s takes %v", situation, time.Since(start))
		}
	}
}

// Only what has to reach the medium takes the time of a flush, and counts.
func TestSlowFlush(t *testing.T) {
	const each = 50 * time.Millisecond
	for _, tt := range []struct {
		situation string
		do        func(client)
		flushes   int
	}{
		{"a write", func(c client) { c.do(cmdWrite, 0, 0, Sector, sector('a'), 0) }, 0},
		{"a write through the cache", func(c client) { c.do(cmdWrite, cmdFlagFUA, 0, Sector, sector('a'), 0) }, 1},
		{"a flush", func(c client) { c.do(cmdFlush, 0, 0, 0, nil, 0) }, 1},
		{"a read", func(c client) { c.do(cmdRead, 0, 0, Sector, nil, 0) }, 0},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			d := newDisk(t)
			c := serve(t, d)()
			c.option(optGo, "\x00\x00\x00\x00\x00\x00")
			d.SlowFlush(each)
			start := time.Now()
			tt.do(c)
			if took := time.Since(start); tt.flushes > 0 && took < each {
				t.Errorf("it takes %v", took)
			}
			if got := d.Flushes(); got != tt.flushes {
				t.Errorf("%d flushes, want %d", got, tt.flushes)
			}
		})
	}
}
