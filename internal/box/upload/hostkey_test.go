package upload

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestHostKeyStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys", "ssh.pem")
	k, err := HostKey(file)
	if err != nil {
		t.Fatal(err)
	}
	if k2, err := HostKey(file); err != nil || !bytes.Equal(k2.PublicKey().Marshal(), k.PublicKey().Marshal()) {
		t.Errorf("the second time the host key is another one (%v)", err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", file, st.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := HostKey(file); err == nil {
		t.Error("a damaged host key is replaced")
	}
}
