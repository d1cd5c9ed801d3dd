package wdsprobe

import (
	"fmt"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
)

// readFilter is where a WDS server keeps the patterns of the names that its TFTP
// server may serve.
const readFilter = `HKLM\SYSTEM\CurrentControlSet\Services\WDSServer\Providers\WDSTFTP\ReadFilter`

// otherSlashes returns a name with the other kind of separators, or "" where it
// has none.
func otherSlashes(name string) string {
	switch {
	case strings.Contains(name, `\`):
		return strings.ReplaceAll(name, `\`, "/")
	case strings.Contains(name, "/"):
		return strings.ReplaceAll(name, "/", `\`)
	}
	return ""
}

// verdict decides what the answers about a program mean: the answer for its name,
// and that for the name with otherSlashes, which is requested to find out why the
// first was refused.
func verdict(w config.WDS, name string, asked, turned answer) bootmenu.Health {
	switch asked.kind {
	case silent:
		return bootmenu.Health{State: bootmenu.Down}
	case gives:
		return bootmenu.Health{State: bootmenu.Up, Size: asked.size}
	}
	refused := func(what, fix string) bootmenu.Health {
		return bootmenu.Health{State: bootmenu.Refused, Note: fmt.Sprintf("%s: %s; %s", name, what, fix)}
	}
	switch {
	case turned.kind == gives && strings.Contains(name, `\`) && !w.Other:
		// Windows' ReadFilter rejects any name with a forward slash.
		return refused("the server only serves it as "+otherSlashes(name),
			"if this is not a Windows server, write that name in "+w.Section())
	case turned.kind == gives:
		return refused("the server only serves it as "+otherSlashes(name), "write that name in "+w.Section())
	case asked.code == codeViolation && w.Other:
		return refused("access violation", "on the server, let its TFTP service send this file")
	case asked.code == codeNotFound && w.Other:
		return refused("file not found", "put the file there, or correct the name in [[bootserver]]")
	case asked.code == codeViolation:
		return refused("access violation",
			"on the server, add "+pattern(name)+" to "+readFilter+" and restart the service WDSServer")
	case asked.code == codeNotFound:
		return refused("file not found",
			"add a boot image for this kind of machine on the server, or correct the name in [[wds]]")
	}
	said := fmt.Sprintf("error %d", asked.code)
	if asked.text != "" {
		said += " (" + asked.text + ")"
	}
	return refused(said, "see the server's event log")
}

// pattern returns the pattern that readFilter needs to allow a name, with
// everything in its folder.
func pattern(name string) string {
	name = strings.ReplaceAll(name, "/", `\`)
	return name[:strings.LastIndex(name, `\`)+1] + "*"
}
