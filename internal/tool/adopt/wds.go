package adopt

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// bios is the firmware that PXELINUX runs on.
const bios = firmware.BIOS

// wdsBIOS is a WDS server's default program for BIOS.
const wdsBIOS = `boot\x64\wdsnbp.com`

// wdsEntry converts an entry of pxechn.c32 into one that boots from a WDS server,
// on any firmware. If the server is not WDS, the entry stays as before.
func (c *converter) wdsEntry(e *pxelinux.Entry, arguments string) (out config.Entry, _ []used, why string) {
	file, options := chained(arguments)
	server, program, ok := strings.Cut(file, "::")
	if !ok {
		server, program, ok = strings.Cut(file, ":")
		if strings.HasPrefix(program, "//") {
			ok = false
		}
	}
	program = strings.ReplaceAll(program, "/", `\`)
	isWDS := slices.Contains(options, "-W") || base(program) == "wdsnbp.com" ||
		strings.HasPrefix(strings.ToLower(strings.TrimPrefix(program, `\`)), `boot\`)
	if !ok || server == "" || program == "" || !isWDS {
		return out, nil, "it boots from another server, not from WDS"
	}
	l := lineOf(e.Lines, e.Line, "APPEND")
	if rest := slices.DeleteFunc(options, func(o string) bool {
		return o == "-W" || strings.HasPrefix(o, "-o 254.")
	}); len(rest) > 0 {
		c.remark(l, "pxebox has its own way to WDS, without %s", strings.Join(rest, " "))
	}
	return c.wdsAt(server, program)
}

// wdsAt returns an entry for a server's program, or why there is none.
func (c *converter) wdsAt(server, program string) (out config.Entry, _ []used, why string) {
	w := config.WDS{Server: server, Programs: map[firmware.Kind]string{bios: program}}
	if strings.EqualFold(program, wdsBIOS) {
		w.Programs[bios] = wdsBIOS
	}
	for _, known := range c.wds {
		if known.Server == w.Server && known.Programs[bios] == w.Programs[bios] {
			return config.Entry{WDS: known.Name}, nil, ""
		}
	}
	w.Name = "wds"
	if n := len(c.wds); n > 0 {
		w.Name += "-" + strconv.Itoa(n+1)
	}
	// A server that a configuration cannot name is reported with its entry, which
	// is refused.
	c.wds = append(c.wds, w)
	if why := c.refused(config.Entry{WDS: w.Name}); why != "" {
		c.wds = c.wds[:len(c.wds)-1]
		return out, nil, why
	}
	return config.Entry{WDS: w.Name}, nil, ""
}

// chained parses the arguments of pxechn.c32: a file and its options, each with
// its value (pxechn.txt). pxechain.com takes only the file.
func chained(arguments string) (file string, options []string) {
	words := strings.Fields(arguments)
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case !strings.HasPrefix(w, "-"):
			if file == "" {
				file = w
			}
		case slices.Contains([]string{"-c", "-g", "-o", "-p", "-t", "-x"}, w) && i+1 < len(words):
			i++
			options = append(options, w+" "+words[i])
		default:
			options = append(options, w)
		}
	}
	return file, options
}
