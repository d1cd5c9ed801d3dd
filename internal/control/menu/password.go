package menu

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"fmt"
	"io"
	"strings"

	"github.com/go-crypt/x/crypt"
)

// maxPassword is how many letters a password has at most. The box that menu.c32
// asks in takes some 69 and no more (menumain.c, ask_passwd).
const maxPassword = 64

// HashPassword returns what the key password below [menu] takes: the password
// as PXELINUX compares it and as GRUB does, with a space between. The salts
// are read from random. An error says what is wrong with the password.
func HashPassword(password string, random io.Reader) (string, error) {
	switch {
	case password == "":
		return "", fmt.Errorf("hash password: it is empty")
	case strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r > '~' }):
		// Before the system starts, a keyboard's layout is that of the USA,
		// and letters beyond ASCII cannot be typed.
		return "", fmt.Errorf("hash password: it has a letter that cannot be typed in a boot menu; use letters, digits and signs of a US keyboard")
	case len(password) > maxPassword:
		return "", fmt.Errorf("hash password: it has %d letters; use %d at most: a boot menu takes no more", len(password), maxPassword)
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
	// SHA-512 crypt (crypt(5)): these rounds are its default, and need not be
	// written.
	cryptSalt    = 16
	cryptRounds  = 5000
	cryptLetters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	// As grub-mkpasswd-pbkdf2 has them. More rounds would keep a person
	// waiting: GRUB counts them in the firmware's slow surroundings.
	pbkdf2Salt   = 64
	pbkdf2Rounds = 10000
)
