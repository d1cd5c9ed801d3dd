package view

import (
	"sync"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/control/boots"
)

// hosts are the names that [[reservation]] gives to machines.
type hosts map[ether.MAC]string

// of returns the name of a boot's machine; empty if it has none.
func (h hosts) of(b *boots.Boot) string { return h[b.MAC] }

// hostsCache has the hosts of the configuration that was asked for last. Any
// goroutine may use it.
type hostsCache struct {
	mu     sync.Mutex
	config *config.Config
	hosts  hosts
}

func (c *hostsCache) get(of *config.Config) hosts {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of != c.config {
		c.config, c.hosts = of, hosts{}
		for _, r := range of.DHCP.Reservations {
			if r.MAC.IsValid() && r.Hostname != "" {
				c.hosts[r.MAC] = r.Hostname
			}
		}
	}
	return c.hosts
}

// hosts returns the names of the configuration in force.
func (p *Pages) hosts() hosts {
	if p.Site == nil {
		return nil
	}
	if snap := p.Site().Snapshot; snap != nil && snap.Config != nil {
		return p.cache.get(snap.Config)
	}
	return nil
}
