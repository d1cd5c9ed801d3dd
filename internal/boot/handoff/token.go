package handoff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Key is a secret of the box, by which it recognizes its tokens.
type Key [32]byte

// TokenLen is the length of a token, in characters: 128 bits.
const TokenLen = 32

// Token returns the token for the names in a machine's menus that ask for a
// handoff. It was sent to the machine's address, so a client that presents it
// receives what is sent there. A source address alone proves nothing: TFTP
// acknowledgements can be sent blindly, because the ports that the box sends
// from are easily found out.
//
// The token also depends on the machine. An address moves from one machine to
// another, and its earlier holder may have kept a token.
func (k Key) Token(client netip.Addr, mac ether.MAC) string {
	h := hmac.New(sha256.New, k[:])
	h.Write(client.Unmap().AsSlice())
	io.WriteString(h, mac.String())
	return hex.EncodeToString(h.Sum(nil)[:TokenLen/2])
}

// Issued reports whether the token of a request is the one for that address. It
// takes the same time whatever is wrong with it.
func (k Key) Issued(client netip.Addr, r Request) bool {
	return hmac.Equal([]byte(r.Token), []byte(k.Token(client, r.MAC)))
}
