package parser

import (
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

func TestPorts(t *testing.T) {
	for situation, tc := range map[string]struct {
		file              string
		tftp, http, page  spec.Port
		fails, warns, fix string // parts of the only mistake, or warning
	}{
		"left out": {file: "[tftp]\n[http]\n[page]\n"},
		"all off": {
			file: "[tftp]\nport = 0\n[http]\nport = 0\n[page]\nport = 0\n", tftp: -1, http: -1, page: -1,
			warns: "2: tftp.port: is 0",
		},
		"next to nginx": {file: "[http]\nport = 8080\n[page]\nport = 8443\n", http: 8080, page: 8443},
		"the usual ones": {
			file: "[tftp]\nport = 69\n[http]\nport = 80\n[page]\nport = 443\n", tftp: 69, http: 80, page: 443,
		},
		"TFTP behind NAT": {
			file: "[tftp]\nport = 6969\n", tftp: 6969,
			warns: "firmware asks for files at port 69", fix: "redirect port 69",
		},
		"a word":    {file: "[http]\nport = \"off\"\n", fails: "2: http.port: a port is a number", fix: "write 0"},
		"too large": {file: "[page]\nport = 65536\n", fails: "2: page.port: 65536 is out of range", fix: "0 to 65535"},
		"a name":    {file: "[http]\nport = \"http\"\n", fails: "2: http.port: ", fix: "a whole number"},
		"HTTP on the page's": {
			file:  "[http]\nport = 443\n",
			fails: "2: http.port: 443 would be the port of HTTP and of the page", fix: "write another one",
		},
		"the page on HTTP's": {
			file:  "[page]\nport = 80\n",
			fails: "2: page.port: 80 would be the port of HTTP and of the page", fix: "write another one",
		},
		"the page on HTTP's usual port, HTTP elsewhere": {
			file: "[page]\nport = 80\n[http]\nport = 8080\n", page: 80, http: 8080,
		},
		"the page on HTTP's usual port, HTTP off": {
			file: "[page]\nport = 80\n[http]\nport = 0\n", page: 80, http: -1,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			c, err := Parse("f.toml", []byte(tc.file))
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), "f.toml:"+tc.fails) ||
					!strings.Contains(err.Error(), tc.fix) {
					t.Errorf("got %v, want a mistake with %q and %q", err, tc.fails, tc.fix)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.TFTP.Port != tc.tftp || c.HTTP.Port != tc.http || c.Page != (config.Page{Port: tc.page}) {
				t.Errorf("got %d, %d and %d, want %d, %d and %d",
					c.TFTP.Port, c.HTTP.Port, c.Page.Port, tc.tftp, tc.http, tc.page)
			}
			if got := c.Warnings.Error(); (tc.warns == "") != (got == "") || !strings.Contains(got, tc.warns) ||
				!strings.Contains(got, tc.fix) {
				t.Errorf("warnings %q, want %q and %q", got, tc.warns, tc.fix)
			}
		})
	}
}
