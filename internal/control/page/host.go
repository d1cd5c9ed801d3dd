package page

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// hostAllowed reports whether a browser may know this machine by the host of a
// request. A web site can make the browser of a person on the network reach this
// machine by the site's name (DNS rebinding): such names are refused. Any
// address is accepted, because no DNS answer changes where it leads to, and this
// machine may be behind one that it does not have itself.
func hostAllowed(host string, names []string) bool {
	name := hostOf(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name != "" && slices.ContainsFunc(names, func(n string) bool {
		return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(n), ".")) == name
	})
}

// hostOf returns the host of HOST:PORT without the port, and without the brackets
// of an IPv6 address.
func hostOf(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
}

// hostNames returns the names of a machine with a host name, and more names.
func hostNames(hostname string, more []string) []string {
	names := append([]string{"localhost", "pxebox", "pxebox.local"}, more...)
	if hostname == "" {
		return names
	}
	short, _, _ := strings.Cut(hostname, ".")
	return append(names, hostname, short, short+".local")
}

// checkHost answers requests for other hosts with 421.
func checkHost(more func() []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !byProgram(r) {
			hostname, _ := os.Hostname() // without one, the other names count
			var extra []string
			if more != nil {
				extra = more()
			}
			if !hostAllowed(r.Host, hostNames(hostname, extra)) {
				http.Error(w, "This machine does not know itself by this name. Open its page by its IP address "+
					"or its host name, or start menuwatch with this name in -names.", http.StatusMisdirectedRequest)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// byProgram reports whether a request is from a program such as curl, which was
// given the password, and not from a browser, which a web site can make send
// requests: a browser names the site in one of these fields.
func byProgram(r *http.Request) bool {
	_, _, ok := r.BasicAuth()
	return ok && !byBrowser(r)
}

func byBrowser(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != ""
}
