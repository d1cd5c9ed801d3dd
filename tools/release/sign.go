package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"aead.dev/minisign"
)

// makeKey writes a new secret key to a file, encrypted if there is a password, and
// its public key to the file's name with .pub.
func makeKey(file, password string) error {
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		return err
	}
	text, err := private.MarshalText()
	if password != "" {
		text, err = minisign.EncryptKey(password, private)
	}
	if err != nil {
		return err
	}
	publicText, err := public.MarshalText()
	if err != nil {
		return err
	}
	// Never over a key: what it has signed could not be updated.
	if err := writeNew(file, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return writeNew(file+".pub", append(publicText, '\n'), 0o644)
}

func writeNew(file string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; a key is never replaced: name another file", file)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// readKey reads a secret key, which may be encrypted.
func readKey(file, password string) (minisign.PrivateKey, error) {
	var key minisign.PrivateKey
	text, err := os.ReadFile(file)
	if err != nil {
		return key, err
	}
	if minisign.IsEncrypted(text) {
		if password == "" {
			return key, fmt.Errorf("%s has a password; put it into the environment variable MINISIGN_PASSWORD", file)
		}
		key, err = minisign.DecryptKey(password, text)
	} else {
		err = key.UnmarshalText(text)
	}
	if err != nil {
		return key, fmt.Errorf("%s is not a secret key of minisign, or the password is wrong: %w", file, err)
	}
	return key, nil
}

func publicOf(key minisign.PrivateKey) (minisign.PublicKey, error) {
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return public, errors.New("minisign returned another kind of public key")
	}
	return public, nil
}

// printPublic prints the public key of a secret key, as minisign writes it to a file.
func printPublic(w io.Writer, file, password string) error {
	key, err := readKey(file, password)
	if err != nil {
		return err
	}
	public, err := publicOf(key)
	if err != nil {
		return err
	}
	text, err := public.MarshalText()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// signFile signs a file into its name with .minisig. The comment is signed, too.
// minisign hashes a file before it signs it, and so does this (the signature's
// algorithm is "ED"). Signatures of Ed25519 are deterministic.
func signFile(keyFile, password, file, comment string) error {
	if comment == "" || strings.ContainsAny(comment, "\r\n") {
		return fmt.Errorf("the trusted comment %q has to be one line", comment)
	}
	key, err := readKey(keyFile, password)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r := minisign.NewReader(f)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	signature := r.SignWithComments(key, comment, "signature of a pxebox release")
	return os.WriteFile(file+".minisig", signature, 0o644)
}
