package parser

import (
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pxebox/pxebox/config"
)

// Either hash of the menu's password is written to a menu as it is: these
// forms have no character that could end its word there.
var (
	// SHA-512 crypt, as crypt(5) has it; the rounds are optional.
	reCrypt = regexp.MustCompile(`^\$6\$(rounds=[1-9][0-9]{3,8}\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}$`)
	// What grub-mkpasswd-pbkdf2 prints: rounds, salt and hash. The salt may
	// have 8 bytes or more, a hash of SHA-512 has 64.
	rePBKDF2 = regexp.MustCompile(`^grub\.pbkdf2\.sha512\.[1-9][0-9]{3,8}\.(?:[0-9A-Fa-f]{2}){8,128}\.[0-9A-Fa-f]{128}$`)
)

// password reads both hashes of one password, in either order. A boot loader
// without its hash would let everyone in, or no one.
func (v value) password() config.Password {
	const fix = "make it with: pxebox hash-password"
	if v.n.kind != unstable.String {
		v.fail("is "+describe(v.n)+", not a text in quotes", fix)
		return config.Password{}
	}
	var p config.Password
	words := strings.Fields(v.n.text)
	for _, w := range words {
		switch {
		case reCrypt.MatchString(w):
			p.Crypt = w
		case rePBKDF2.MatchString(w):
			p.PBKDF2 = w
		}
	}
	// None of the text is repeated: it may be the password itself.
	switch {
	case p.Crypt == "" && p.PBKDF2 == "":
		v.fail("is not the hashes of a password", fix)
	case p.Crypt == "":
		v.fail("has no hash for PXELINUX, $6$SALT$HASH", fix)
	case p.PBKDF2 == "":
		v.fail("has no hash for GRUB, grub.pbkdf2.sha512.ROUNDS.SALT.HASH", fix)
	case len(words) > 2:
		v.fail("has more than two hashes", fix)
	default:
		return p
	}
	return config.Password{}
}

// examplePassword is made of random bytes that were not kept.
const examplePassword = `"$6$BJAORYq6iYawtBzQ$b7o/f/fTxRtuSpLLgzLQkMxfpMceHX7WRnsug4SEaR7FnLfM8Vf5bzFSG97YZO01cp2nBIKv0O/hc353XIhvY0 ` +
	`grub.pbkdf2.sha512.10000.021ABEDE432EC8E5E7EF81B3B2476F3780D0A78BD59E28E3BBD3946C8E4BDC701042AF50B7705C5C7EC386E42CDC348B83F6A97F4AE579CBB2D02599DC05A343.985893ABF274917517081AAF1A9A83EB7BD3E2847EB9E02D9DB3D909318E1DCF6E2E04C21C3220EC83C2643692B5DB17BC9BE00AFBCF3208003B2676AB1D72D0"`
