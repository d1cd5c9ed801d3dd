//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// sftp connects to the box as a technician's program does.
func (s *site) sftp(options ...sftp.ClientOption) (*sftp.Client, net.Conn) {
	s.t.Helper()
	conn := s.dial(s.within(boxBoots), uploadPort)
	c, channels, requests, err := ssh.NewClientConn(conn, "box", &ssh.ClientConfig{
		User: "gokrazy", Auth: []ssh.AuthMethod{ssh.Password(lab.BoxPassword)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), // the test has never seen this box before
	})
	if err != nil {
		s.t.Fatal(err)
	}
	client, err := sftp.NewClient(ssh.NewClient(c, channels, requests), options...)
	if err != nil {
		s.t.Fatal(err)
	}
	return client, conn
}

// get requests a boot file as a machine does over HTTP.
func (s *site) get(name string) (int, []byte) {
	s.t.Helper()
	transport := &http.Transport{DialContext: s.Observer.DialContext}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: clientBoots}).Get(fmt.Sprintf("http://%v/%s",
		lab.BoxAddr, name))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, b
}

// TestImageUpload sends a boot file while a machine boots: machines see nothing
// of the file before it is complete, and the machine gets to WDS meanwhile.
func TestImageUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t, "upload")
	s.startBox(lab.ServerMode+lab.Menu(5*time.Second, "wds", true)+lab.WDSEntry+lab.DiskEntry, nil)
	s.waitBox(lab.BoxAddr)
	content := make([]byte, 24<<20+7)
	fill := rand.NewChaCha8([32]byte{1})
	fill.Read(content)
	sum := sha256.Sum256(content)

	client, conn := s.sftp()
	if err := client.Mkdir("debian"); err != nil {
		t.Fatal(err)
	}
	sums, err := client.Create("debian/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(sums, "%s  initrd.gz\n", hex.EncodeToString(sum[:])); err != nil {
		t.Fatal(err)
	}
	if err := sums.Close(); err != nil {
		t.Fatal(err)
	}

	// The first connection breaks halfway.
	f, err := client.Create("debian/initrd.gz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content[:len(content)/2]); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.get("debian/initrd.gz"); code != http.StatusNotFound {
		t.Errorf("half a file gets %d", code)
	}
	conn.Close()

	s.startClient(qemu.Debian13, lab.ClientConfig{})
	done := make(chan error, 1)
	client, _ = s.sftp()
	st, err := client.Stat("debian/initrd.gz")
	if err != nil {
		t.Fatal(err)
	}
	at := st.Size()
	if at != int64(len(content)/2) {
		t.Errorf("%d bytes are left of %d that were sent", at, len(content)/2)
	}
	if f, err = client.OpenFile("debian/initrd.gz", os.O_WRONLY); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := f.ReadFrom(io.NewSectionReader(bytes.NewReader(content), at, int64(len(content))-at))
		done <- err
	}()
	if v := s.verdict(s.within(clientBoots + handsOver)); !strings.HasPrefix(v, nbp.OK) {
		t.Error(v)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-s.within(clientBoots).Done():
		t.Fatal("the upload does not end")
	}
	if code, _ := s.get("debian/initrd.gz"); code != http.StatusNotFound {
		t.Errorf("a file that no one has closed gets %d", code)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if code, b := s.get("debian/initrd.gz"); code != http.StatusOK || !bytes.Equal(b, content) {
		t.Errorf("the whole file gets %d and %d bytes", code, len(b))
	}

	// More than the disk has room for. The box keeps running.
	f, err = client.Create("big")
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(content)
	}
	if !strings.Contains(err.Error(), "no room left") {
		t.Errorf("the full disk says %v", err)
	}
	if err := f.Close(); err == nil {
		t.Error("a file that did not fit is published")
	}
	if err := client.Remove("big"); err != nil {
		t.Error(err)
	}
	vfs, err := client.StatVFS("/")
	if err != nil || vfs.FreeSpace() == 0 {
		t.Errorf("the room that is left: %v, %v", vfs, err)
	}
}

// stick makes a file that is a USB stick: a partition, as Windows leaves one,
// with a file system named PXEBOX.
func stick(t *testing.T, format func(image string, offset, size int64)) string {
	t.Helper()
	const sector, first, sectors = 512, 2048, 96 << 11
	image := filepath.Join(t.TempDir(), "stick")
	table := make([]byte, sector)
	copy(table[446:], []byte{0, 0xfe, 0xff, 0xff, 0x0c, 0xfe, 0xff, 0xff})
	binary.LittleEndian.PutUint32(table[446+8:], first)
	binary.LittleEndian.PutUint32(table[446+12:], sectors)
	table[510], table[511] = 0x55, 0xaa
	if err := os.WriteFile(image, table, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, (first+sectors)*sector); err != nil {
		t.Fatal(err)
	}
	format(image, first*sector, sectors*sector)
	return image
}

// TestImageStick plugs sticks into a running box, and pulls them out.
func TestImageStick(t *testing.T) {
	t.Parallel()
	fat := stick(t, func(image string, offset, size int64) {
		volume := fmt.Sprintf("%s@@%d", image, offset)
		mtools(t, "", "mformat", "-i", volume, "-F", "-T", fmt.Sprint(size/512), "-h", "64", "-s", "32", "-v",
			"PXEBOX", "::")
		mtools(t, "a kernel", "mcopy", "-i", volume, "-", "::linux")
	})
	ext := stick(t, func(image string, offset, size int64) {
		cmd := exec.Command("/usr/sbin/mkfs.ext4", "-q", "-L", "PXEBOX", "-E", fmt.Sprintf("offset=%d", offset), image,
			fmt.Sprintf("%dk", size>>10))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	other := stick(t, func(image string, offset, size int64) {
		mtools(t, "", "mformat", "-i", fmt.Sprintf("%s@@%d", image, offset), "-F", "-T", fmt.Sprint(size/512), "-h",
			"64", "-s", "32", "-v", "HOLIDAYS", "::")
	})
	s := newSite(t, "stick")
	box, err := s.StartBoxWithUSB(image(t), map[string]lab.File{lab.SettingsFile: {Content: []byte(titled(lab.Title))}})
	if err != nil {
		t.Fatal(err)
	}
	s.waitBox(lab.BoxAddr)
	// do waits until the box reports the result of an action.
	do := func(action func(context.Context, *qemu.Machine) error, says string) {
		t.Helper()
		offset := len(box.Console.Text())
		if err := action(s.within(clientBoots), box); err != nil {
			t.Fatal(err)
		}
		if _, err := box.Console.WaitForAfter(s.within(clientBoots), offset, says); err != nil {
			t.Fatal(err)
		}
	}
	// A stick that the box must ignore stays in all the time.
	if err := lab.PlugIn(s.within(clientBoots), box, "other", other); err != nil {
		t.Fatal(err)
	}
	for _, st := range []struct{ kind, file string }{{"vfat", fat}, {"ext4", ext}} {
		do(func(ctx context.Context, m *qemu.Machine) error { return lab.PlugIn(ctx, m, st.kind, st.file) },
			`msg="medium mounted"[^\n]* device=\w+1 type=`+st.kind)
		if st.kind == "vfat" {
			if b, err := s.Read(lab.BoxAddr, "linux"); err != nil || string(b) != "a kernel" {
				t.Errorf("the stick's file is served as %q, %v", b, err)
			}
		}
		do(func(ctx context.Context, m *qemu.Machine) error { return lab.PullOut(ctx, m, st.kind) },
			`msg="medium removed"`)
		var refused *lab.Refusal
		if b, err := s.Read(lab.BoxAddr, "linux"); !errors.As(err, &refused) || refused.Code != 1 {
			t.Errorf("the stick is gone, and to ask for its file gives %q, %v", b, err)
		}
	}
	// The same, with a card in a reader that stays.
	for _, step := range []struct {
		action func(context.Context, *qemu.Machine) error
		says   string
	}{
		{func(ctx context.Context, m *qemu.Machine) error { return lab.PlugInReader(ctx, m, "reader", fat) },
			`msg="medium mounted"`},
		{func(ctx context.Context, m *qemu.Machine) error { return lab.TakeCard(ctx, m, "reader") },
			`(?s)msg="medium removed".* detected capacity change from \d+ to 0\b`},
		{func(ctx context.Context, m *qemu.Machine) error { return lab.PutCard(ctx, m, "reader") },
			`msg="medium mounted"`},
	} {
		do(step.action, step.says)
	}
	if strings.Contains(box.Console.Text(), "medium cannot be used") {
		t.Error("a stick was there that could not be used")
	}
}

// TestImageHostileStick plugs damaged and malicious sticks into a running box:
// the box keeps running, serves only the files on them, and does not write to
// them.
func TestImageHostileStick(t *testing.T) {
	e2fs := func(program string, args ...string) {
		t.Helper()
		cmd := exec.Command("/usr/sbin/"+program, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	// It asks the kernel to panic at the first error.
	panics := func(image string, offset, size int64, content string) {
		e2fs("mkfs.ext4", "-q", "-L", "PXEBOX", "-e", "panic", "-d", content, "-E", fmt.Sprintf("offset=%d", offset),
			image, fmt.Sprintf("%dk", size>>10))
	}
	change := func(image string, offset int64, request string) {
		e2fs("debugfs", "-w", "-R", request, fmt.Sprintf("%s?offset=%d", image, offset))
	}
	content := t.TempDir()
	for name, target := range map[string]string{"settings": "/perm/pxebox/pxebox.toml",
		"up": "../../../perm/pxebox/pxebox.toml", "round": "round", "vmlinuz": "linux"} {
		if err := os.Symlink(target, filepath.Join(content, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(content, "linux"), []byte("a kernel"), 0o644),
		syscall.Mkfifo(filepath.Join(content, "pipe"), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	damaged := stick(t, func(image string, offset, size int64) {
		panics(image, offset, size, content)
		change(image, offset, "zap_block -f / -p 255 0")
	})
	leading := stick(t, func(image string, offset, size int64) {
		panics(image, offset, size, content)
		change(image, offset, "mknod disk b 8 0")
		change(image, offset, "mknod memory c 1 1")
	})
	// The chain of the root directory's clusters is a ring.
	ring := stick(t, func(image string, offset, size int64) {
		mtools(t, "", "mformat", "-i", fmt.Sprintf("%s@@%d", image, offset), "-F", "-T", fmt.Sprint(size/512), "-h",
			"64", "-s", "32", "-v", "PXEBOX", "::")
		f, err := os.OpenFile(image, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		boot := make([]byte, 512)
		if _, err := f.ReadAt(boot, offset); err != nil {
			t.Fatal(err)
		}
		reserved, fats := int64(binary.LittleEndian.Uint16(boot[14:])), int64(boot[16])
		perFAT, root := int64(binary.LittleEndian.Uint32(boot[36:])), binary.LittleEndian.Uint32(boot[44:])
		for n := range fats {
			next := binary.LittleEndian.AppendUint32(nil, root)
			if _, err := f.WriteAt(next, offset+(reserved+n*perFAT)*512+int64(root)*4); err != nil {
				t.Fatal(err)
			}
		}
	})

	s := newSite(t, "hostile-stick")
	box, err := s.StartBoxWithUSB(image(t), map[string]lab.File{lab.SettingsFile: {Content: []byte(titled(lab.Title))}})
	if err != nil {
		t.Fatal(err)
	}
	s.waitBox(lab.BoxAddr)
	for i, st := range []struct {
		situation, file string
		says            string            // about the stick, on the console
		files           map[string]string // the answer for each name; empty for a refusal
	}{
		{situation: "a damaged folder, and errors=panic", file: damaged, says: `msg="medium mounted"[^\n]*type=ext4`,
			files: map[string]string{"linux": "", "LINUX": ""}},
		{situation: "links, devices and a pipe", file: leading, says: `msg="medium mounted"[^\n]*type=ext4`,
			files: map[string]string{
				"linux": "a kernel", "vmlinuz": "a kernel", "settings": "", "up": "", "round": "", "disk": "",
				"memory": "", "pipe": "",
			}},
		{situation: "a ring of clusters", file: ring, says: `msg="medium (is mounted|cannot be used)"`,
			files: map[string]string{"linux": "", "LINUX": ""}},
	} {
		t.Log(st.situation)
		id := fmt.Sprint("stick", i)
		before, err := os.ReadFile(st.file)
		if err != nil {
			t.Fatal(err)
		}
		offset := len(box.Console.Text())
		if err := lab.PlugInWritable(s.within(clientBoots), box, id, st.file); err != nil {
			t.Fatal(err)
		}
		m, err := box.Console.WaitForAfter(s.within(clientBoots), offset, st.says)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range st.files {
			var refused *lab.Refusal
			b, err := s.Read(lab.BoxAddr, name)
			if string(b) != want || (want == "") != errors.As(err, &refused) {
				t.Errorf("%s: %s is answered with %q, %v", st.situation, name, b, err)
			}
		}
		s.waitBox(lab.BoxAddr)
		offset = len(box.Console.Text())
		if err := lab.PullOut(s.within(clientBoots), box, id); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(m.Text, "is mounted") {
			if _, err := box.Console.WaitForAfter(s.within(clientBoots), offset, `msg="medium removed"`); err != nil {
				t.Fatal(err)
			}
		}
		if after, err := os.ReadFile(st.file); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the box has written to the stick; %v", st.situation, err)
		}
	}
	if text := box.Console.Text(); strings.Contains(text, "Kernel panic") || strings.Count(text, "Linux version") != 1 {
		t.Error("the box was restarted")
	}
}
