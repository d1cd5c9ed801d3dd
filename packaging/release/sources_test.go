package release

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// project is a folder with what sources.sh uses, and a mirror of Debian that a script
// in place of apt reads.
type project struct {
	t                 *testing.T
	dir, mirror, path string
}

func newProject(t *testing.T) project {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	p := project{t: t, dir: t.TempDir(), mirror: t.TempDir(), path: t.TempDir()}
	for _, name := range []string{"packaging/release/sources.sh", "assets/apt.sh"} {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		p.write(filepath.Join(p.dir, name), string(b))
	}
	if err := os.Symlink(filepath.Join(root, "tools"), filepath.Join(p.dir, "tools")); err != nil {
		t.Fatal(err)
	}
	p.write(filepath.Join(p.dir, "assets/manifest.json"), `{
		"Packages": [{"Name": "grub-signed", "Version": "1+2.12", "Release": "trixie"}],
		"Files": [{"Name": "grub/grubnetx64.efi.signed", "Package": "grub-signed"}]
	}`)
	p.write(filepath.Join(p.dir, "build/kernel/packages.txt"), "linux-source-6.12 6.12.118-1 "+
		strings.Repeat("ab", 32)+" trixie\n")
	p.write(filepath.Join(p.mirror, "grub-signed=1+2.12", "control"),
		"Package: grub-signed\nVersion: 1+2.12\nBuilt-Using: grub2 (= 2.12-9)\n\n")
	p.serve("grub-signed=1+2.12", "grub-signed_1+2.12.dsc")
	p.serve("grub2=2.12-9", "grub2_2.12-9.dsc", "grub2_2.12.orig.tar.xz")
	p.serve("linux-source-6.12=6.12.118-1", "linux-source-6.12_6.12.118-1_all.deb")
	// As apt: it downloads what is there, and fails if something is not.
	p.write(filepath.Join(p.path, "apt-get"), `#!/bin/sh
case " $* " in
*' indextargets '*) echo http://mirror.example/debian/; exit ;;
*' update '*) exit ;;
esac
for package; do :; done
cd "`+p.mirror+`/$package" || { echo "E: Can not find $package" >&2; exit 100; }
case " $* " in *' --print-uris '*) cat uris; exit ;; esac
failed=0
for file in $(cut -d' ' -f2 uris); do cp "files/$file" "$OLDPWD/" || failed=100; done
exit $failed
`)
	p.write(filepath.Join(p.path, "apt-cache"), `#!/bin/sh
for package; do :; done
cat "`+p.mirror+`/$package/control" || echo "N: No packages found" >&2
`)
	return p
}

func (p project) write(name, content string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

// serve puts files on the mirror.
func (p project) serve(pkg string, files ...string) {
	uris := ""
	for _, name := range files {
		p.write(filepath.Join(p.mirror, pkg, "files", name), name)
		uris += fmt.Sprintf("'http://mirror.example/debian/pool/%s' %s %d SHA256:%x\n",
			strings.ReplaceAll(name, "+", "%2b"), name, len(name), sha256.Sum256([]byte(name)))
	}
	p.write(filepath.Join(p.mirror, pkg, "uris"), uris)
}

func (p project) remove(name string) {
	if err := os.RemoveAll(filepath.Join(p.mirror, name)); err != nil {
		p.t.Fatal(err)
	}
}

// run runs the script, and returns the files that the folder then has.
func (p project) run(environment ...string) (files, said string, err error) {
	cmd := exec.Command(filepath.Join(p.dir, "packaging/release/sources.sh"))
	cmd.Env = append(append(os.Environ(), "PATH="+p.path+":"+os.Getenv("PATH")), environment...)
	out, err := cmd.CombinedOutput()
	found, _ := filepath.Glob(filepath.Join(p.dir, "build/sources/debian/*"))
	for i, name := range found {
		found[i] = filepath.Base(name)
	}
	return strings.Join(found, " "), string(out), err
}

const allSources = "grub-signed_1+2.12.dsc grub2_2.12-9.dsc grub2_2.12.orig.tar.xz linux-source-6.12_6.12.118-1_all.deb"

// The sources are those of the versions in the manifest, also of what a signed
// program was built from, and they are downloaded once.
func TestSources(t *testing.T) {
	p := newProject(t)
	files, said, err := p.run()
	if err != nil || files != allSources {
		t.Fatalf("%v, and there is %s\n%s", err, files, said)
	}
	b, err := os.ReadFile(filepath.Join(p.dir, "build/sources/files.txt"))
	want := fmt.Sprintf("grub-signed 1+2.12 grub-signed_1+2.12.dsc 22 %x\n",
		sha256.Sum256([]byte("grub-signed_1+2.12.dsc")))
	if err != nil || strings.Count(string(b), "\n") != 4 || !strings.HasPrefix(string(b), want) {
		t.Errorf("%v, and files.txt is\n%s", err, b)
	}
	p.write(filepath.Join(p.path, "apt-get"), "#!/bin/sh\nexit 100\n")
	if files, said, err := p.run(); err != nil || files != allSources || !strings.Contains(said, "is current") {
		t.Errorf("again: %v, and there is %s\n%s", err, files, said)
	}
	// Another version of a boot program needs another source.
	p.write(filepath.Join(p.dir, "assets/manifest.json"), `{
		"Packages": [{"Name": "grub-signed", "Version": "1+2.14", "Release": "trixie"}],
		"Files": [{"Name": "grub/grubnetx64.efi.signed", "Package": "grub-signed"}]
	}`)
	if _, said, err := p.run(); err == nil {
		t.Errorf("the old source is current:\n%s", said)
	}
}

func TestSourcesThatMirrorLacks(t *testing.T) {
	for _, tt := range []struct {
		situation, removed string
		says               string
		files              string // with MISSING_SOURCES=list
	}{
		{situation: "a file", removed: "grub2=2.12-9/files/grub2_2.12-9.dsc",
			says:  "lacks the files\n  grub2_2.12-9.dsc\n",
			files: strings.Replace(allSources, "grub2_2.12-9.dsc ", "", 1)},
		{situation: "the version of the boot program", removed: "grub-signed=1+2.12",
			says: "has no source of grub-signed 1+2.12 (any more)"},
		{situation: "the version of its source", removed: "grub2=2.12-9",
			says: "has no source of grub2 2.12-9 (any more)"},
		{situation: "the kernel's source", removed: "linux-source-6.12=6.12.118-1",
			says: "has no source of linux-source-6.12 6.12.118-1 (any more)"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			p := newProject(t)
			p.remove(tt.removed)
			files, said, err := p.run()
			if err == nil || files != "" || !strings.Contains(said, tt.says) {
				t.Errorf("%v, and there is %q; it says\n%s", err, files, said)
			}
			files, said, err = p.run("MISSING_SOURCES=list")
			if (err == nil) != (tt.files != "") || files != tt.files {
				t.Errorf("MISSING_SOURCES=list: %v, and there is %q; it says\n%s", err, files, said)
			}
			if left, _ := filepath.Glob(filepath.Join(p.dir, "build/sources.*")); left != nil {
				t.Errorf("it leaves %v", left)
			}
		})
	}
}
