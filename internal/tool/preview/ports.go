package preview

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/base/portowner"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// The configuration file and the boot folder of the Debian package.
const (
	InstalledFile = "/etc/pxebox/pxebox.toml"
	InstalledBoot = "/srv/pxebox"
)

// Ports reports who has each port that the configuration in file needs. owners
// returns the sockets that have a port. The error says how many ports other
// programs have. Without a file it is that of the Debian package, or else the
// built-in default.
func Ports(out io.Writer, file string, owners func(portowner.Use) []portowner.Owner) error {
	c, err := installed(file)
	if err != nil {
		return err
	}
	taken := 0
	for _, n := range needs(c) {
		state := "free"
		switch found := owners(n.use); {
		case n.off != "":
			state = "not needed: " + n.off
		case len(found) == 0:
		case found[0].Ours():
			state = "pxebox has it"
		default:
			taken++
			state = n.use.Advice(found)
		}
		fmt.Fprintf(out, "%v: %s\n", n.use, state)
	}
	if taken > 0 {
		return fmt.Errorf("other programs have %d of the ports that pxebox needs", taken)
	}
	return nil
}

// installed reads the file, or the one of the package if there is one.
func installed(file string) (*config.Config, error) {
	if file != "" {
		return parse(file)
	}
	if _, err := os.Stat(InstalledFile); errors.Is(err, fs.ErrNotExist) {
		return parser.Default(), nil
	}
	return parse(InstalledFile)
}

// need is a port of a configuration. off says why it is not needed.
type need struct {
	use portowner.Use
	off string
}

func needs(c *config.Config) []need {
	dhcp := ""
	if !c.DHCP.Mode.Answers() {
		dhcp = `[dhcp] has mode = "off"`
	}
	all := []need{{portowner.DHCP, dhcp}, {portowner.BootServer, dhcp}}
	for _, s := range []struct {
		use     portowner.Use
		port    spec.Port
		section string
	}{
		{portowner.TFTP, c.TFTP.Port, "[tftp]"}, {portowner.HTTP, c.HTTP.Port, "[http]"},
		{portowner.Page, c.Page.Port, "[page]"},
	} {
		if port, on := s.port.Or(s.use.Port); on {
			all = append(all, need{use: s.use.At(port)})
		} else {
			all = append(all, need{s.use, s.section + " has port = 0"})
		}
	}
	return all
}
