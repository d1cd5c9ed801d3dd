package leasedb

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/serve/lease"
)

var someRecord = lease.Record{
	Addr: netip.MustParseAddr("192.168.77.100"), Client: "hw\x52\x54\x00\x12\x34\x56", HW: "\x52\x54\x00\x12\x34\x56",
	Length: time.Hour, Hostname: "lab-1",
}

func TestRecordEncoding(t *testing.T) {
	value := appendRecord(nil, &someRecord)
	// Databases in the field have this form: changing it requires another
	// recordVersion.
	const want = "01" + "901c" + "08" + "6877525400123456" + "06" + "525400123456" + "05" + "6c61622d31"
	if got := hex.EncodeToString(value); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got, err := decodeRecord([]byte{192, 168, 77, 100}, value)
	if err != nil || got != someRecord {
		t.Errorf("read back as %+v, %v", got, err)
	}
}

func TestRecordLengthIsRoundedUp(t *testing.T) {
	r := someRecord
	r.Length = time.Second + 1
	got, err := decodeRecord(r.Addr.AsSlice(), appendRecord(nil, &r))
	if err != nil || got.Length != 2*time.Second {
		t.Errorf("%v was read back as %v, %v", r.Length, got.Length, err)
	}
}

func TestNotARecord(t *testing.T) {
	key := "c0a84d64"
	for _, c := range []struct{ situation, key, value, want string }{
		{situation: "a key of another length", key: "c0a84d", value: "01901c01610000", want: "key c0a84d"},
		{situation: "an IPv6 key", key: strings.Repeat("00", 16), value: "01901c01610000", want: "key 00"},
		{situation: "nothing", key: key, want: "version"},
		{situation: "a later version", key: key, value: "02901c01610000", want: "version"},
		{situation: "no length", key: key, value: "01", want: "length"},
		{situation: "a length of zero", key: key, value: "010001610000", want: "length"},
		{situation: "more seconds than option 51 has", key: key, value: "01808080801001610000", want: "length"},
		{situation: "a length without end", key: key, value: "01ffffffffffffffffffff01", want: "length"},
		{situation: "no client", key: key, value: "01901c000000", want: "no client"},
		{situation: "cut in the client", key: key, value: "01901c0261", want: "cut short"},
		{situation: "cut before the host name", key: key, value: "01901c016100", want: "cut short"},
		{situation: "a text longer than anything", key: key, value: "01901cffffffffffffffffff01", want: "cut short"},
		{situation: "a text longer than any", key: key, value: "01901c8104" + strings.Repeat("61", 513) + "0000",
			want: "too long"},
		{situation: "more behind it", key: key, value: "01901c0161000000", want: "after its end"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			k, _ := hex.DecodeString(c.key)
			v, err := hex.DecodeString(c.value)
			if err != nil {
				t.Fatal(err)
			}
			_, err = decodeRecord(k, v)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error about %q", err, c.want)
			}
		})
	}
}

// FuzzRecord reads any value: anything accepted as a record is one that
// appendRecord could have written.
func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, &someRecord))
	for _, s := range []string{"", "01", "010001610000", "01901c0261", "01901cffffffffffffffffff01", "02901c01610000"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := decodeRecord([]byte{10, 0, 0, 1}, value)
		if err != nil {
			return
		}
		again, err := decodeRecord([]byte{10, 0, 0, 1}, appendRecord(nil, &r))
		if err != nil || again != r {
			t.Errorf("%x is %+v, and that is written as %+v, %v", value, r, again, err)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	key := someRecord.Addr.AsSlice()
	for b.Loop() {
		if _, err := decodeRecord(key, appendRecord(nil, &someRecord)); err != nil {
			b.Fatal(err)
		}
	}
}
