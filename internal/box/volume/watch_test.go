package volume

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fat32 builds the part of a FAT32 file system that is read. Its root directory
// is empty.
func fat32(label string, root uint32) []byte {
	b := make([]byte, 64<<10)
	b[0], b[2] = 0xeb, 0x90
	le.PutUint16(b[11:], 512)
	b[13], b[16] = 8, 2
	le.PutUint16(b[14:], 32)
	le.PutUint32(b[44:], root)
	copy(b[71:], label+"           ")
	b[510], b[511] = 0x55, 0xaa
	return b
}

func TestMediumThatCannotBeUsed(t *testing.T) {
	const noFile = "no such file"
	damaged, other, ours := fat32("PXEBOX", 0), fat32("HOLIDAYS", 2), fat32("PXEBOX", 2)
	for _, tt := range []struct {
		situation string
		content   func(look int) []byte // nil: its file in /dev does not exist
		says      string                // once, or never
	}{
		{situation: "damaged", content: func(int) []byte { return damaged },
			says: "FAT: the root directory begins at cluster 0"},
		{situation: "its file never comes", content: func(int) []byte { return nil }, says: noFile},
		{situation: "its file comes late, and it is another one", content: func(look int) []byte {
			if look < patience-1 {
				return nil
			}
			return other
		}},
		// A file is not a device, so it cannot be mounted.
		{situation: "its file comes late, and it does not mount", content: func(look int) []byte {
			if look < 1 {
				return nil
			}
			return ours
		}, says: "mount "},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "stick")
			stick := Device{Name: ".." + name, Disk: "sdb", Version: "1"}
			var log bytes.Buffer
			w := &Watcher{Label: "PXEBOX", Dir: filepath.Join(t.TempDir(), "usb"),
				Log: slog.New(slog.NewTextHandler(&log, nil)), own: "sda"}
			for look := range 3 * patience {
				if b := tt.content(look); b != nil {
					if err := os.WriteFile(name, b, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				w.look([]Device{{"sda", "sda", "0"}, stick})
			}
			want := 1
			if tt.says == "" {
				want = 0
			}
			if n := strings.Count(log.String(), "\n"); n != want || !strings.Contains(log.String(), tt.says) {
				t.Errorf("it says %d lines:\n%s", n, &log)
			}
		})
	}
}
