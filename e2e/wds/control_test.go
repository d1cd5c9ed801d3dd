package wds

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func TestControl(t *testing.T) {
	for _, test := range []struct {
		situation string
		hex       string
		want      []Sub
		err       string
	}{
		{situation: "first request of wdsnbp.com", hex: "010200060d0208000e0100ff", want: []Sub{
			{SubArchitecture, []byte{0, 6}}, {SubVersion, []byte{8, 0}}, {SubActionDone, []byte{0}},
		}},
		{situation: "approval without a prompt", hex: "0201010b0102ff", want: []Sub{
			{SubNextAction, []byte{ActionApprove}}, {SubPrompt, []byte{PromptNone}},
		}},
		{situation: "referral with a message", hex: "020103" + "0904c0a84d05" + "06026869" + "ff", want: []Sub{
			{SubNextAction, []byte{ActionRefer}}, {SubReferral, []byte{192, 168, 77, 5}}, {SubMessage, []byte("hi")},
		}},
		{situation: "nothing but the end mark", hex: "ff", want: []Sub{}},
		{situation: "empty value", hex: "0600ff", want: []Sub{{SubMessage, []byte{}}}},
		{situation: "code without a length", hex: "0201010b", err: "without a length"},
		{situation: "length beyond the option", hex: "0204010b", err: "sub-option 2 says 4 bytes, 2 are left"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			b, err := hex.DecodeString(test.hex)
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeControl(b)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %v, %v; want an error with %q", got, err, test.err)
				}
				return
			}
			if err != nil || len(got) != len(test.want) {
				t.Fatalf("got %v, %v; want %v", got, err, test.want)
			}
			for i := range got {
				if got[i].Code != test.want[i].Code || string(got[i].Data) != string(test.want[i].Data) {
					t.Errorf("got %v, want %v", got[i], test.want[i])
				}
			}
			if back := hex.EncodeToString(EncodeControl(got)); back != test.hex {
				t.Errorf("encoded again it is %s, want %s", back, test.hex)
			}
		})
	}
}

func TestDecodeControlWithoutEndMark(t *testing.T) {
	got, err := DecodeControl([]byte{SubActionDone, 1, 0})
	if want := []Sub{{SubActionDone, []byte{0}}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}
