package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFile(t *testing.T) {
	for situation, tt := range map[string]struct {
		old  fs.FileMode // of the file that is replaced; 0: there is none
		perm fs.FileMode
	}{
		"a new secret":                                    {perm: 0o600},
		"a new file for others":                           {perm: 0o644},
		"a secret in place of a secret":                   {old: 0o600, perm: 0o600},
		"a secret where others may read":                  {old: 0o644, perm: 0o600},
		"a file for others where only the owner may read": {old: 0o600, perm: 0o644},
	} {
		t.Run(situation, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "file")
			if tt.old != 0 {
				if err := os.WriteFile(name, []byte("the old content"), tt.old); err != nil {
					t.Fatal(err)
				}
			}
			if err := WriteFile(name, []byte("new"), tt.perm); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(name)
			info, statErr := os.Stat(name)
			if err := errors.Join(err, statErr); err != nil || string(b) != "new" || info.Mode() != tt.perm {
				t.Errorf("%q, mode %v, %v", b, info.Mode(), err)
			}
			checkAlone(t, name)
		})
	}
}

// A file that cannot be replaced stays, and leaves nothing next to it.
func TestWriteFileFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name, []byte("new"), 0o600); err == nil {
		t.Error("a folder is replaced")
	}
	checkAlone(t, name)
	if err := WriteFile(filepath.Join(name, "none", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the folder: %v", err)
	}
}

func TestReadOrCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pxebox", "keys")
	name := filepath.Join(dir, "secret")
	broken := errors.New("broken")
	for _, step := range []struct {
		situation string
		generate  func() ([]byte, error)
		want      string
		err       error
	}{
		{"nothing is generated", func() ([]byte, error) { return nil, broken }, "", broken},
		{"the first time", func() ([]byte, error) { return []byte("first"), nil }, "first", nil},
		{"the second time", func() ([]byte, error) { return []byte("second"), nil }, "first", nil},
		{"another program was faster", func() ([]byte, error) {
			return []byte("slow"), os.WriteFile(name, []byte("fast"), 0o600)
		}, "fast", nil},
	} {
		if step.want == "fast" {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		b, err := ReadOrCreate(name, step.generate, 0o600)
		if string(b) != step.want || !errors.Is(err, step.err) {
			t.Errorf("%s: %q, %v", step.situation, b, err)
		}
		if step.want == "" {
			continue
		}
		checkAlone(t, name)
		if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", step.situation, info, err)
		}
	}
	for folder, want := range map[string]fs.FileMode{dir: 0o700, filepath.Dir(dir): 0o755} {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", folder, info, err)
		}
	}
	public := filepath.Join(t.TempDir(), "public")
	if _, err := ReadOrCreate(public, func() ([]byte, error) { return nil, nil }, 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(public); err != nil || info.Mode() != 0o644 {
		t.Errorf("a file for others: %v, %v", info, err)
	}
	if _, err := ReadOrCreate(dir, nil, 0o600); err == nil {
		t.Error("a folder is read")
	}
	if _, err := ReadOrCreate(filepath.Join(name, "file"), nil, 0o600); err == nil {
		t.Error("a file is used as a folder")
	}
}

// checkAlone checks that a folder has no other file.
func checkAlone(t *testing.T, name string) {
	t.Helper()
	if all, err := os.ReadDir(filepath.Dir(name)); err != nil || len(all) != 1 {
		t.Errorf("the folder has %v, %v", all, err)
	}
}
