package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
)

// A key with a password and one without sign a file. The signature is of the
// pre-hashed kind, and equal each time.
func TestSign(t *testing.T) {
	for _, password := range []string{"", "a password"} {
		t.Run("password "+password, func(t *testing.T) {
			dir := t.TempDir()
			key, file := filepath.Join(dir, "minisign.key"), filepath.Join(dir, "update.gaf")
			if err := os.WriteFile(file, bytes.Repeat([]byte("root"), 1<<16), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := makeKey(key, password); err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(key); err != nil || minisign.IsEncrypted(b) != (password != "") {
				t.Errorf("the secret key is encrypted: %v, %v", password == "", err)
			}
			if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the secret key's mode is %v, %v", info.Mode(), err)
			}
			const comment = "pxebox 1.2.0 pxebox-amd64"
			var signatures [2]string
			for i := range signatures {
				if i > 0 && password != "" {
					// It takes seconds, and a gigabyte of memory, to decrypt a key.
					signatures[i] = signatures[0]
					break
				}
				if err := signFile(key, password, file, comment); err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(file + ".minisig")
				if err != nil {
					t.Fatal(err)
				}
				signatures[i] = string(b)
			}
			if signatures[0] != signatures[1] {
				t.Errorf("two signatures of one file differ:\n%s%s", signatures[0], signatures[1])
			}
			public, err := minisign.PublicKeyFromFile(key + ".pub")
			if err != nil {
				t.Fatal(err)
			}
			var printed bytes.Buffer
			if err := printPublic(&printed, key, password); err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(key + ".pub"); err != nil || string(b) != printed.String() {
				t.Errorf("the public key's file has %q, and public prints %q", b, printed.String())
			}
			var s minisign.Signature
			if err := s.UnmarshalText([]byte(signatures[0])); err != nil {
				t.Fatal(err)
			}
			if s.Algorithm != minisign.HashEdDSA || s.TrustedComment != comment {
				t.Errorf("algorithm %x, comment %q", s.Algorithm, s.TrustedComment)
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !minisign.Verify(public, content, []byte(signatures[0])) {
				t.Error("the signature is refused")
			}
			tampered := strings.Replace(signatures[0], "pxebox 1.2.0", "pxebox 9.2.0", 1)
			if minisign.Verify(public, content, []byte(tampered)) {
				t.Error("the version in the comment is not signed")
			}
			program, err := exec.LookPath("minisign")
			if err != nil {
				t.Log("minisign is not installed: its program has not read the files")
				return
			}
			out, err := exec.Command(program, "-V", "-p", key+".pub", "-m", file).CombinedOutput()
			if err != nil || !strings.Contains(string(out), comment) {
				t.Errorf("minisign: %v\n%s", err, out)
			}
			// Its own way of reading the secret key, which it does to sign.
			sign := exec.Command(program, "-S", "-s", key, "-m", file, "-x", filepath.Join(dir, "theirs"))
			sign.Stdin = strings.NewReader(password + "\n")
			if out, err := sign.CombinedOutput(); err != nil {
				t.Errorf("minisign -S: %v\n%s", err, out)
			}
		})
	}
}

// The rows that need a password are few: each try to decrypt takes seconds.
func TestKeyIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	locked, open, none := filepath.Join(dir, "locked"), filepath.Join(dir, "open"), filepath.Join(dir, "none")
	if err := errors.Join(makeKey(locked, "a password"), makeKey(open, ""),
		os.Mkdir(filepath.Join(dir, "file.minisig"), 0o755)); err != nil {
		t.Fatal(err)
	}
	other := file("other", "untrusted comment: x\nAAAA\n")
	secret, public := file("secret", "a key"), file("lonely.pub", "a key")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a key in its place": {makeKey(secret, ""), "secret exists; a key is never replaced"},
		"a public key in its place": {makeKey(strings.TrimSuffix(public, ".pub"), ""),
			"lonely.pub exists; a key is never replaced"},
		"a folder that is not there":        {makeKey(filepath.Join(none, "key"), ""), "no such file"},
		"no password":                       {signFile(locked, "", secret, "x"), "MINISIGN_PASSWORD"},
		"another password":                  {signFile(locked, "b", secret, "x"), "password is wrong"},
		"not a key":                         {signFile(other, "", secret, "x"), "not a secret key"},
		"no key":                            {signFile(none, "", secret, "x"), "none: no such file"},
		"no file":                           {signFile(open, "", none, "x"), "none: no such file"},
		"a folder":                          {signFile(open, "", dir, "x"), "is a directory"},
		"a folder in the signature's place": {signFile(open, "", file("file", ""), "x"), "file.minisig: is a directory"},
		"a comment of 2 lines":              {signFile(open, "", secret, "x\ny"), "one line"},
		"a carriage return":                 {signFile(open, "", secret, "x\ry"), "one line"},
		"no comment":                        {signFile(open, "", secret, ""), "one line"},
		"the public key of no key":          {printPublic(io.Discard, none, ""), "none: no such file"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", name, c.err, c.want)
		}
	}
	for name, want := range map[string]string{secret: "a key", public: "a key"} {
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("%s was replaced: %q, %v", name, b, err)
		}
	}
	if _, err := os.Stat(secret + ".minisig"); err == nil {
		t.Error("something was signed")
	}
}
