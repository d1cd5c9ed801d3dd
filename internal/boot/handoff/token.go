package handoff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Key is a secret of the box, by which it knows its tokens again.
type Key [32]byte

// TokenLen is the length of a token, in letters: 128 bits.
const TokenLen = 32

// Token is what a machine's menus have in the names that ask for a handoff. It
// went to the machine's address, so that whoever names it receives what is sent
// there. A source address alone shows nothing: TFTP's acknowledgements can be
// sent blindly, for the ports that the box sends from are soon known.
//
// It holds for the machine too. An address goes from one machine to another,
// and somebody who had it first may have kept a token.
func (k Key) Token(client netip.Addr, mac ether.MAC) string {
	h := hmac.New(sha256.New, k[:])
	h.Write(client.Unmap().AsSlice())
	io.WriteString(h, mac.String())
	return hex.EncodeToString(h.Sum(nil)[:TokenLen/2])
}

// Gave reports whether the token of a request is the one for that address. It
// takes as long whatever is wrong with it.
func (k Key) Gave(client netip.Addr, r Request) bool {
	return hmac.Equal([]byte(r.Token), []byte(k.Token(client, r.MAC)))
}
