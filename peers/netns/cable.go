package netns

import (
	"errors"
	"fmt"
	"os"
)

// Connect connects two hosts by a cable with nothing between, an interface of
// the same name at either end. They have no address yet; frames pass when it
// returns.
func Connect(a, b *Namespace, name string) error {
	err := errors.Join(
		a.Run("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), b.file.Fd())),
		a.Run("ip", "link", "set", name, "up", "addrgenmode", "none"),
		b.Run("ip", "link", "set", name, "up", "addrgenmode", "none"))
	if err != nil {
		return err
	}
	return errors.Join(a.awaitLink(name), b.awaitLink(name))
}
