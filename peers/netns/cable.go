package netns

import (
	"errors"
	"fmt"
	"os"
)

// Connect connects two hosts directly by a cable, with an interface of the same
// name at either end. The interfaces have no address yet. Frames pass when
// Connect returns.
func Connect(a, b *Namespace, name string) error {
	err := errors.Join(
		a.Run("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns",
			fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), b.file.Fd())),
		a.Run("ip", "link", "set", name, "up", "addrgenmode", "none"),
		b.Run("ip", "link", "set", name, "up", "addrgenmode", "none"))
	if err != nil {
		return err
	}
	return errors.Join(a.awaitLink(name), b.awaitLink(name))
}
