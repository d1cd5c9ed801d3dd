package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pxebox/pxebox/internal/tool/find"
)

func (a *app) find() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "find",
		Short: "list the boxes on this computer's networks",
		Long: `Find asks for boxes by multicast DNS, and lists the name, the address and the page
of each that answers. It finds boxes on the same network only, not behind a router.

The fingerprint is that of the page's certificate, as the box tells it: compare it
with what the box shows on its console before you type the password.`,
		Example: `  pxebox find
  pxebox find --wait 10s   # on a network that loses packets`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().DurationVar(&wait, "wait", 3*time.Second, "how long to wait for answers")
	cmd.RunE = run(func([]string) error {
		ctx, stop := interruptible()
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		boxes, err := find.Boxes(ctx)
		if err != nil {
			return fmt.Errorf("find: %w", err)
		}
		if len(boxes) == 0 {
			return errors.New("find: no box answers: connect this computer to the box's network, " +
				"or read the box's address on its console")
		}
		for _, b := range boxes {
			page := "https://" + b.Name
			if b.Port != 443 {
				page += fmt.Sprintf(":%d", b.Port)
			}
			fmt.Fprintf(a.out, "%-20s %-15v %s\n", b.Name, b.Addr, page)
			if b.Fingerprint != "" {
				fmt.Fprintf(a.out, "    certificate, SHA-256: %s\n", b.Fingerprint)
			}
		}
		return nil
	})
	return cmd
}
