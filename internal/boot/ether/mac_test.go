package ether

import (
	"encoding/json"
	"testing"
)

func TestParseMAC(t *testing.T) {
	pc := MAC{0x52, 0x54, 0, 0x12, 0x34, 0xab}
	for name, tt := range map[string]struct {
		text string
		want MAC // zero if it is rejected
	}{
		"with colons":                   {"52:54:00:12:34:ab", pc},
		"in capitals, as on a label":    {"52:54:00:12:34:AB", pc},
		"with hyphens, as from Windows": {"52-54-00-12-34-ab", pc},
		"without separators":            {"5254001234AB", pc},
		"as Cisco writes it":            {"5254.0012.34ab", pc},
		"nothing":                       {"", MAC{}},
		"five bytes":                    {"52:54:00:12:34", MAC{}},
		"an EUI-64":                     {"52:54:00:12:34:56:78:9a", MAC{}},
		"no hexadecimal digits":         {"52:54:00:12:34:xy", MAC{}},
		"a space behind it":             {"52:54:00:12:34:ab ", MAC{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseMAC(tt.text)
			if got != tt.want || (err == nil) != tt.want.IsValid() {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestFromTakesEthernetOnly(t *testing.T) {
	for name, tt := range map[string]struct {
		hw   []byte
		want string
	}{
		"an Ethernet card":                     {[]byte{0x52, 0x54, 0, 1, 2, 3}, "52:54:00:01:02:03"},
		"none":                                 {nil, ""},
		"InfiniBand, a card of 20 bytes":       {make([]byte, 20), ""},
		"six zeros, of a client that is wrong": {make([]byte, 6), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := From(tt.hw); got.String() != tt.want || got.IsValid() != (tt.want != "") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// The form in files must stay that of earlier versions.
func TestMACInFiles(t *testing.T) {
	type record struct {
		MAC  MAC `json:"mac"`
		None MAC `json:"none"`
		Left MAC `json:"left,omitzero"`
	}
	want := record{MAC: MAC{2, 0, 0, 0, 0, 1}}
	const text = `{"mac":"02:00:00:00:00:01","none":""}`
	if b, err := json.Marshal(want); err != nil || string(b) != text {
		t.Errorf("written as %s, %v", b, err)
	}
	var got record
	if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
		t.Errorf("read as %v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`{"mac":"xx"}`), &got); err == nil {
		t.Error("a text that is no address is read")
	}
}
