package menu

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"fmt"
	"io"
	"strings"

	"github.com/go-crypt/x/crypt"
)

// maxPassword is the maximum length of a password in letters. The input field of
// menu.c32 takes about 69 (menumain.c, ask_passwd).
const maxPassword = 64

// HashPassword returns the value for the key password below [menu]: the password
// hashed for PXELINUX and for GRUB, with a space between. It reads the salts from
// random. An error says what is wrong with the password.
func HashPassword(password string, random io.Reader) (string, error) {
	switch {
	case password == "":
		return "", fmt.Errorf("hash password: the password is empty")
	case strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r > '~' }):
		// Before the system starts, the keyboard layout is US, and letters beyond
		// ASCII cannot be typed.
		return "",
			fmt.Errorf("hash password: a boot menu cannot read every character of it; use letters, digits and signs of a US keyboard")
	case len(password) > maxPassword:
		return "", fmt.Errorf("hash password: it has %d characters; use at most %d, the limit of a boot menu",
			len(password), maxPassword)
	}
	salts := make([]byte, cryptSalt+pbkdf2Salt)
	if _, err := io.ReadFull(random, salts); err != nil {
		return "", fmt.Errorf("hash password: salts: %w", err)
	}
	key, err := pbkdf2.Key(sha512.New, password, salts[cryptSalt:], pbkdf2Rounds, sha512.Size)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	salt := make([]byte, cryptSalt)
	for i, b := range salts[:cryptSalt] {
		salt[i] = cryptLetters[b%64]
	}
	return fmt.Sprintf("$6$%s$%s grub.pbkdf2.sha512.%d.%X.%X",
		salt, crypt.KeySHACrypt(sha512.New, []byte(password), salt, cryptRounds),
		pbkdf2Rounds, salts[cryptSalt:], key), nil
}

const (
	// SHA-512 crypt (crypt(5)): this is the default number of rounds, so it need
	// not be written.
	cryptSalt    = 16
	cryptRounds  = 5000
	cryptLetters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	// The values of grub-mkpasswd-pbkdf2. More rounds would keep a person
	// waiting: GRUB computes them slowly in the firmware's environment.
	pbkdf2Salt   = 64
	pbkdf2Rounds = 10000
)
