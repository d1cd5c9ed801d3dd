// Package resolve finds the IPv4 addresses of a host and how long they hold,
// which Go's own resolver does not tell. It asks as the system's files say,
// /etc/hosts and /etc/resolv.conf. When to ask again is for the caller to say.
package resolve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// patience is how long one name server has for its answer.
	patience = time.Second
	rounds   = 2
	// hostsTTL is for an address in the hosts file, which has none of its
	// own: a person edits it, and then waits.
	hostsTTL = 10 * time.Second
	maxCNAME = 8 // links of a chain; what is longer goes round in a circle
)

// Resolver looks up names. The zero Resolver uses the system's files.
type Resolver struct {
	Conf  string // in place of /etc/resolv.conf
	Hosts string // in place of /etc/hosts
	Port  string // of the name servers, in place of 53
}

// Lookup returns a host's IPv4 addresses and how long they may be used. Both
// files are read each time: pxed writes resolv.conf when it has an address.
func (r Resolver) Lookup(ctx context.Context, host string) ([]netip.Addr, time.Duration, error) {
	if addrs := inHosts(or(r.Hosts, "/etc/hosts"), host); len(addrs) > 0 {
		return addrs, hostsTTL, nil
	}
	conf, err := dns.ClientConfigFromFile(or(r.Conf, "/etc/resolv.conf"))
	if err != nil {
		return nil, 0, fmt.Errorf("look up %s: %w", host, err)
	}
	if len(conf.Servers) == 0 {
		return nil, 0, fmt.Errorf("look up %s: the box knows no name server", host)
	}
	// The name, and those of the search list: the first that is there counts.
	// What is wrong is said of the first.
	var first error
	for _, name := range conf.NameList(host) {
		addrs, ttl, err := r.ask(ctx, conf, name)
		if err == nil {
			return addrs, ttl, nil
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, errNotFound) {
			break
		}
	}
	return nil, 0, fmt.Errorf("look up %s: %w", host, first)
}

var errNotFound = errors.New("there is no such name")

func or(s, standard string) string {
	if s == "" {
		return standard
	}
	return s
}

// ask puts one full name to the name servers, one after the other.
func (r Resolver) ask(ctx context.Context, conf *dns.ClientConfig, name string) ([]netip.Addr, time.Duration, error) {
	var last error
	for range rounds {
		for _, server := range conf.Servers {
			m, err := exchange(ctx, net.JoinHostPort(server, or(r.Port, conf.Port)), name)
			switch {
			case err != nil:
				last = err
			case m.Rcode == dns.RcodeNameError:
				return nil, 0, errNotFound
			case m.Rcode != dns.RcodeSuccess: // such as SERVFAIL: another server may know
				last = fmt.Errorf("name server %s says %s", server, dns.RcodeToString[m.Rcode])
			default:
				addrs, ttl := addresses(m.Answer, name)
				if len(addrs) == 0 {
					return nil, 0, fmt.Errorf("%w with an IPv4 address", errNotFound)
				}
				return addrs, ttl, nil
			}
			if ctx.Err() != nil {
				return nil, 0, last
			}
		}
	}
	return nil, 0, last
}

// exchange asks one name server, by TCP where the answer does not fit a
// datagram (RFC 7766 §5).
func exchange(ctx context.Context, server, name string) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	q.SetEdns0(1232, false) // what gets through everywhere unfragmented
	for _, network := range []string{"udp", "tcp"} {
		client := dns.Client{Net: network, Timeout: patience}
		m, _, err := client.ExchangeContext(ctx, q, server)
		if err != nil {
			// Without our own port, which differs each time: whoever logs the
			// error can tell that it is the same.
			if op := new(net.OpError); errors.As(err, &op) {
				err = op.Err
			}
			return nil, fmt.Errorf("ask name server %s: %w", server, err)
		}
		// The number of a question can be guessed; that and the name is
		// what an answer is known by (RFC 5452 §9.1).
		if len(m.Question) != 1 || !strings.EqualFold(m.Question[0].Name, name) || m.Question[0].Qtype != dns.TypeA {
			return nil, fmt.Errorf("name server %s answers another question", server)
		}
		if !m.Truncated {
			return m, nil
		}
	}
	return nil, fmt.Errorf("name server %s cuts its answer off", server)
}

// addresses follows a name through its aliases to its addresses (RFC 1034
// §3.6.2). They hold as long as the record among those that expires first.
func addresses(records []dns.RR, name string) (addrs []netip.Addr, ttl time.Duration) {
	shortest := ^uint32(0)
	for range maxCNAME {
		alias := ""
		for _, rr := range records {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			switch rr := rr.(type) {
			case *dns.A:
				if a, ok := netip.AddrFromSlice(rr.A.To4()); ok {
					addrs = append(addrs, a)
					shortest = min(shortest, rr.Hdr.Ttl)
				}
			case *dns.CNAME:
				alias = rr.Target
				shortest = min(shortest, rr.Hdr.Ttl)
			}
		}
		if len(addrs) > 0 || alias == "" {
			break
		}
		name = alias
	}
	return addrs, time.Duration(shortest) * time.Second
}

// inHosts returns the IPv4 addresses that a hosts file has for a name. A file
// that is not there has none.
func inHosts(file, host string) []netip.Addr {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []netip.Addr
	host = strings.TrimSuffix(host, ".")
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) < 2 || !slices.ContainsFunc(words[1:], func(w string) bool { return strings.EqualFold(strings.TrimSuffix(w, "."), host) }) {
			continue
		}
		if a, err := netip.ParseAddr(words[0]); err == nil && a.Unmap().Is4() {
			out = append(out, a.Unmap())
		}
	}
	return out
}
