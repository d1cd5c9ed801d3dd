package access

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/base/connlimit"
)

// Require passes requests with the right user and password (RFC 7617) on to
// next, and marks their connections for package connlimit. It logs the ones
// with wrong credentials. A browser also sends the password with requests that
// other sites trigger: Require refuses those.
func Require(gate *Gate, next http.Handler, log *slog.Logger) http.Handler {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		user, password, ok := r.BasicAuth()
		if !ok {
			ask(w, "the user is "+User+", the password that of the box")
			return
		}
		switch err := gate.Check(time.Now(), from.Addr(), user, password); err {
		case nil:
			connlimit.RequestLoggedIn(r.Context())
			next.ServeHTTP(w, r)
		case ErrWait:
			w.Header().Set("Retry-After", "60")
			http.Error(w, err.Error(), http.StatusTooManyRequests)
		default:
			log.Warn("refused", "client", from.Addr(), "err", err)
			ask(w, err.Error())
		}
	})
	return http.NewCrossOriginProtection().Handler(h)
}

func ask(w http.ResponseWriter, why string) {
	w.Header().Set("WWW-Authenticate", `Basic realm="pxebox"`)
	http.Error(w, why, http.StatusUnauthorized)
}
