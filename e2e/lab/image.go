package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
)

// File is the content of a file on /perm: Content, or the content of the file
// From.
type File struct {
	Content []byte
	From    string
}

// PasswordFile is the path of the box's password on /perm. A test that gives it
// no content has a box that generates its password.
const PasswordFile = "gokr-pw.txt"

// BoxPassword is the password of the lab's boxes, unless a test has another one.
const BoxPassword = "three-lab-words"

// prepareImage copies an image and gives the copy a /perm with files on it,
// unless files is nil. It uses dir as a working directory.
func prepareImage(image, own, dir string, files map[string]File) error {
	if _, err := os.Stat(image); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing: run make image", image)
	}
	// The image is mostly holes, and the copy should be too.
	if err := run("cp", "--sparse=always", "--reflink=auto", image, own); err != nil {
		return err
	}
	if files == nil {
		return nil
	}
	files = maps.Clone(files)
	if file, ok := files[PasswordFile]; !ok {
		files[PasswordFile] = File{Content: []byte(BoxPassword + "\n")}
	} else if file.From == "" && len(file.Content) == 0 {
		delete(files, PasswordFile)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, file := range files {
		content := file.Content
		if file.From != "" {
			var err error
			if content, err = os.ReadFile(file.From); err != nil {
				return err
			}
		}
		if err := writeFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	offset, size, err := permPartition(own)
	if err != nil {
		return err
	}
	// The options that matter are the same as in gokrazy/image.sh.
	return run("mkfs.ext4", "-F", "-q", "-b", "4096", "-e", "remount-ro", "-d", dir, "-i", "131072",
		"-m", "0", "-I", "256", "-O", permFeatures,
		"-E", fmt.Sprintf("offset=%d,root_owner=0:0,resize=268435456", offset), own, fmt.Sprintf("%dk", size>>10))
}

// permFeatures are the features in gokrazy/image.sh.
const permFeatures = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg," +
	"sparse_super,large_file,huge_file,uninit_bg,dir_nlink,extra_isize"

// permPartition returns the position of /perm in a gokrazy image, in bytes.
func permPartition(image string) (offset, size int64, err error) { return Partition(image, 4) }

// Partition returns the position of a partition in an image by its GPT (UEFI
// 2.10 §5.3), in bytes.
func Partition(image string, number int64) (offset, size int64, err error) {
	const sector, header, entrySize = 512, 1, 128
	f, err := os.Open(image)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	// The box itself moves the entries when it grows the partition.
	var h [92]byte
	if _, err := f.ReadAt(h[:], header*sector); err != nil {
		return 0, 0, err
	}
	entries := int64(binary.LittleEndian.Uint64(h[72:]))
	var e [entrySize]byte
	if _, err := f.ReadAt(e[:], entries*sector+(number-1)*entrySize); err != nil {
		return 0, 0, err
	}
	first, last := int64(binary.LittleEndian.Uint64(e[32:])), int64(binary.LittleEndian.Uint64(e[40:]))
	if first == 0 || last < first {
		return 0, 0, fmt.Errorf("%s has no partition %d", image, number)
	}
	return first * sector, (last - first + 1) * sector, nil
}

func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	// Debian does not put mkfs into the PATH of users other than root.
	if path, err := exec.LookPath("/usr/sbin/" + name); err == nil {
		cmd = exec.Command(path, args...)
	}
	if errors.Is(cmd.Err, exec.ErrNotFound) {
		return fmt.Errorf("%s is missing: run make deps", name)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}
