package cli

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/pxebox/pxebox/internal/control/menu"
)

// HashPassword asks for the menu's password and writes the line for [menu]. On a
// terminal it asks twice and does not echo what is typed; it writes its questions
// to prompt. Otherwise the password is the first line of in.
func HashPassword(in *os.File, out, prompt io.Writer) error {
	password, err := readPassword(in, prompt)
	if err != nil {
		return fmt.Errorf("read password: %w", err)
	}
	hashed, err := menu.HashPassword(password, rand.Reader)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "password = %q\n", hashed)
	return err
}

func readPassword(in *os.File, prompt io.Writer) (string, error) {
	fd := int(in.Fd())
	if !term.IsTerminal(fd) {
		return firstLine(in)
	}
	var typed [2]string
	for i, question := range []string{"Password of the menu: ", "The same again: "} {
		fmt.Fprint(prompt, question)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(prompt) // the Enter key was not echoed either
		if err != nil {
			return "", err
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ")
	}
	return typed[0], nil
}

// firstLine reads up to the end of a line, in Unix or Windows format, or up to
// the end of the input.
func firstLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(in).ReadString('\n')
	if err == io.EOF && line != "" {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}
