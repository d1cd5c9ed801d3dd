package release_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"aead.dev/minisign"

	"github.com/pxebox/pxebox/internal/base/release"
	"github.com/pxebox/pxebox/internal/test/releasetest"
)

func TestCheck(t *testing.T) {
	const pc, pi = "pxebox-amd64", "pxebox-rpi"
	stamp := func(version, instance string) release.Stamp {
		return release.Stamp{Version: version, Instance: instance}
	}
	for situation, tt := range map[string]struct {
		running, update release.Stamp
		older           bool
		isOlder         bool
		err             string
	}{
		"newer":          {running: stamp("1.2.0", pc), update: stamp("1.3.0", pc)},
		"the same again": {running: stamp("1.2.0", pc), update: stamp("1.2.0", pc)},
		"older": {running: stamp("1.10.0", pc), update: stamp("1.9.0", pc),
			isOlder: true, err: "it is version 1.9.0, and the box runs 1.10.0"},
		"older, and the owner says so":  {running: stamp("1.10.0", pc), update: stamp("1.9.0", pc), older: true},
		"a release after its candidate": {running: stamp("1.2.0~rc1", pc), update: stamp("1.2.0", pc)},
		"a candidate after its release": {running: stamp("1.2.0", pc), update: stamp("1.2.0~rc1", pc),
			isOlder: true, err: "older"},
		"a box that was built from source": {running: stamp("", pc), update: stamp("0~rc1", pc)},
		"another hardware": {running: stamp("1.2.0", pc), update: stamp("1.3.0", pi),
			err: "the update is for pxebox-rpi, and this box is pxebox-amd64"},
		"another hardware, older, asked": {running: stamp("1.2.0", pi), update: stamp("1.0.0", pc), older: true,
			err: "is for pxebox-amd64"},
		"another hardware, older, unasked": {running: stamp("1.2.0", pi), update: stamp("1.0.0", pc),
			err: "is for pxebox-amd64"},
		"a box that does not know its kind": {running: stamp("1.2.0", ""), update: stamp("1.3.0", pc),
			err: "is for pxebox-amd64"},
	} {
		t.Run(situation, func(t *testing.T) {
			err := release.Check(tt.running, tt.update, tt.older)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) ||
				errors.Is(err, release.ErrOlder) != tt.isOlder {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The order of versions, each newer than the one before.
func TestOrderOfVersions(t *testing.T) {
	order := []string{
		"0.9", "1.0~~", "1.0~beta2", "1.0~beta10", "1.0~rc1", "1.0", "1.0A", "1.0Z", "1.0a", "1.0z",
		"1.0+git1", "1.0.0", "1.0.1", "1.0.2", "1.0.10", "1.1", "1.09", "1.20", "1.99999999999999999999999999",
		"1.100000000000000000000000000", "2", "10",
	}
	for i, a := range order {
		for j, b := range order {
			err := release.Check(release.Stamp{Version: a}, release.Stamp{Version: b}, false)
			if (err == nil) != (j >= i) {
				t.Errorf("a box with %s and an update to %s: %v", a, b, err)
			}
		}
	}
	for _, same := range [][2]string{{"1.0", "1.00"}, {"1.0", "01.0"}, {"1.0.", "1.0.0"}} {
		for _, s := range [][2]string{same, {same[1], same[0]}} {
			if err := release.Check(release.Stamp{Version: s[0]}, release.Stamp{Version: s[1]}, false); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
	}
}

func TestSignature(t *testing.T) {
	key, other := releasetest.NewKey(t), releasetest.NewKey(t)
	file := releasetest.File(t, releasetest.Entries()...)
	const comment = "pxebox 1.2.0 pxebox-amd64"
	sign := func(comment string) []byte { return key.Sign(t, bytes.NewReader(file), comment) }
	signature := sign(comment)
	replace := func(old, new string) []byte {
		if !bytes.Contains(signature, []byte(old)) {
			t.Fatalf("the signature lacks %q", old)
		}
		return bytes.Replace(signature, []byte(old), []byte(new), 1)
	}
	pad := func(size int) []byte { // by the untrusted comment
		return replace("signature of a test", strings.Repeat("x", size-len(signature)+len("signature of a test")))
	}
	lines := strings.Split(string(signature), "\n")
	for situation, tt := range map[string]struct {
		signature []byte
		file      []byte // instead of the right one
		err       string // from the signature alone
		fileErr   string // from the file
	}{
		"right":                      {signature: signature},
		"with an editor's line ends": {signature: bytes.ReplaceAll(signature, []byte("\n"), []byte("\r\n"))},
		"another untrusted comment":  {signature: replace("signature of a test", "anything")},
		"a byte of the file differs": {signature: signature, file: flip(file, len(file)/2),
			fileErr: "not valid for this file"},
		"the last byte differs": {signature: signature, file: flip(file, len(file)-1),
			fileErr: "not valid for this file"},
		"the file is cut off": {signature: signature, file: file[:len(file)-1], fileErr: "not valid for this file"},
		"the file is longer": {signature: signature, file: append(bytes.Clone(file), 0),
			fileErr: "not valid for this file"},
		"the file is empty":          {signature: signature, file: []byte{}, fileErr: "not valid for this file"},
		"a newer version is claimed": {signature: replace(" 1.2.0 ", " 9.2.0 "), err: "not valid for its trusted comment"},
		"other hardware is claimed":  {signature: replace("amd64", "rpi"), err: "not valid for its trusted comment"},
		"of another key":             {signature: other.Sign(t, bytes.NewReader(file), comment), err: "is of another key ("},
		"of another key with the number of this one": {signature: withNumber(t, other.Sign(t, bytes.NewReader(file), comment),
			signature), err: "not valid for its trusted comment"},
		"without the hash":   {signature: key.SignLegacy(file, comment), err: "not pre-hashed"},
		"of another product": {signature: sign("linux 1.2.0 pxebox-amd64"), err: "and not one of an update"},
		"minisign's own comment": {signature: sign("timestamp:1700000000\tfile:x.gaf\thashed"),
			err: "and not one of an update"},
		"without a version":   {signature: sign("pxebox  pxebox-amd64"), err: "and not one of an update"},
		"with a letter first": {signature: sign("pxebox v1.2.0 pxebox-amd64"), err: "and not one of an update"},
		"a word too many":     {signature: sign(comment + " x"), err: "and not one of an update"},
		"a path as hardware":  {signature: sign("pxebox 1.2.0 ../x"), err: "and not one of an update"},
		"a very long version": {signature: sign("pxebox 1" + strings.Repeat("0", 64) + " pxebox-amd64"),
			err: "and not one of an update"},
		"as long as it may be":    {signature: pad(release.MaxSignature)},
		"longer":                  {signature: pad(release.MaxSignature + 1), err: "more than 2048 bytes"},
		"cut off":                 {signature: signature[:len(signature)-10], err: "cannot be read"},
		"without its second half": {signature: []byte(strings.Join(lines[:2], "\n")), err: "cannot be read"},
		"empty":                   {err: "cannot be read"},
		"a web page": {signature: []byte("<!DOCTYPE html>\n<html>\n<body>\nnot found\n"),
			err: "cannot be read"},
	} {
		t.Run(situation, func(t *testing.T) {
			s, err := release.ParseSignature(*key.Release(t), tt.signature)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("the signature: %v", err)
			}
			if err != nil {
				return
			}
			if s.Stamp != (release.Stamp{Version: "1.2.0", Instance: "pxebox-amd64"}) || s.Stamp.String() != comment {
				t.Errorf("its stamp is %v", s.Stamp)
			}
			if tt.file == nil {
				tt.file = file
			}
			err = s.Verify(bytes.NewReader(tt.file))
			if (err == nil) != (tt.fileErr == "") || err != nil && !strings.Contains(err.Error(), tt.fileErr) {
				t.Errorf("the file: %v", err)
			}
		})
	}
}

// withNumber returns a signature that names the key of another one.
func withNumber(t *testing.T, signature, of []byte) []byte {
	t.Helper()
	var s, other minisign.Signature
	if err := errors.Join(s.UnmarshalText(signature), other.UnmarshalText(of)); err != nil {
		t.Fatal(err)
	}
	s.KeyID = other.KeyID
	return []byte(s.String())
}

// flip returns b with another byte at i.
func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// The comment is signed together with the file's signature: a newer file's
// comment does not fit an older file.
func TestCommentOfAnotherFile(t *testing.T) {
	key := releasetest.NewKey(t)
	sign := func(content, version string) []string {
		text := key.Sign(t, strings.NewReader(content), "pxebox "+version+" pxebox-amd64")
		return strings.Split(string(text), "\n")
	}
	old, newer := sign("old", "1.0.0"), sign("new", "2.0.0")
	mixed := strings.Join([]string{old[0], old[1], newer[2], newer[3], ""}, "\n")
	if _, err := release.ParseSignature(*key.Release(t), []byte(mixed)); err == nil {
		t.Error("an old file passes for a newer one")
	}
}

func TestReadError(t *testing.T) {
	key := releasetest.NewKey(t)
	s, err := release.ParseSignature(*key.Release(t), key.Sign(t, strings.NewReader("x"), "pxebox 1.2.0 pxebox-amd64"))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err = s.Verify(io.MultiReader(strings.NewReader("x"), errorReader{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// A disk that cannot be read is not a wrong file.
func TestPartsReadError(t *testing.T) {
	broken := errors.New("broken")
	if _, err := release.Parts(errorReader{broken}, 1<<20); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error)          { return 0, r.err }
func (r errorReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }

func TestFiles(t *testing.T) {
	dir, key := t.TempDir(), releasetest.NewKey(t)
	write := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	if k, err := release.ReadKey(write("right.pub", key.Public(t))); err != nil || k.String() != key.Release(t).String() {
		t.Errorf("the key: %v, %v", k, err)
	}
	for situation, text := range map[string][]byte{
		"empty": nil, "cut off": key.Public(t)[:60], "a private key": []byte("untrusted comment: x\nRWRTY0IyAAAA\n"),
	} {
		if _, err := release.ReadKey(write("wrong.pub", text)); err == nil || !strings.Contains(err.Error(), "wrong.pub: ") {
			t.Errorf("a key that is %s: %v", situation, err)
		}
	}
	if _, err := release.ReadKey(filepath.Join(dir, "none.pub")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a key: %v", err)
	}
	signature := bytes.Repeat([]byte("x"), release.MaxSignature)
	write("a.gaf.minisig", signature)
	write("b.gaf.minisig", make([]byte, release.MaxSignature+1))
	if got, err := release.ReadSignature(filepath.Join(dir, "a.gaf")); err != nil || !bytes.Equal(got, signature) {
		t.Errorf("%q, %v", got, err)
	}
	_, err := release.ReadSignature(filepath.Join(dir, "b.gaf"))
	if err == nil || !strings.Contains(err.Error(), "b.gaf.minisig has more than 2048 bytes") {
		t.Errorf("got %v", err)
	}
	_, err = release.ReadSignature(filepath.Join(dir, "c.gaf"))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "save the signature of c.gaf") {
		t.Errorf("got %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d.gaf.minisig"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := release.ReadSignature(filepath.Join(dir, "d.gaf")); err == nil {
		t.Errorf("a folder is the signature %q", got)
	}
}

func TestParts(t *testing.T) {
	right := releasetest.Entries()
	with := func(entries ...releasetest.Entry) []byte { return releasetest.File(t, entries...) }
	file := with(right...)
	without := func(i int) []byte { return with(slices.Delete(slices.Clone(right), i, i+1)...) }
	deflated := releasetest.Entry{Name: "root.img", Content: right[2].Content, Method: zip.Deflate}
	long447 := releasetest.Entry{Name: "mbr.img", Content: make([]byte, 447)}
	entries := func(n int) []releasetest.Entry {
		all := slices.Clone(right)
		for len(all) < n {
			all = append(all, releasetest.Entry{Name: fmt.Sprint(len(all))})
		}
		return all
	}
	// header returns an archive that only claims to have a root.
	header := func(method uint16, size, stored int64) []byte {
		return claimRoot(t, zip.FileHeader{Name: "root.img", Method: method,
			UncompressedSize64: uint64(size), CompressedSize64: uint64(stored)})
	}
	const largest = 500 << 20
	for situation, tt := range map[string]struct {
		file []byte
		err  string
	}{
		"as gok makes it":     {file: file},
		"in another order":    {file: with(right[2], right[3], right[1], right[0])},
		"without the root":    {file: without(2), err: "lacks root.img"},
		"without a boot part": {file: without(0), err: "lacks boot.img"},
		"without an MBR":      {file: without(1), err: "lacks mbr.img"},
		"two roots":           {file: with(append(right, right[2])...), err: "root.img twice"},
		"an empty root":       {file: with(right[0], right[1], releasetest.Entry{Name: "root.img"}), err: "has 0 bytes"},
		"compressed": {file: with(right[0], right[1], deflated),
			err: "is compressed"},
		"more than boot code": {file: with(right[0], right[2], long447),
			err: "447 bytes, and must have 1 to 446"},
		"as many entries as there may be": {file: with(entries(64)...)},
		"one more":                        {file: with(entries(65)...), err: "cut off"},
		"many, and says few":              {file: claim(with(entries(65)...), 4), err: "not an update file"},
		"compressed, and not smaller": {file: header(zip.Deflate, 1, 1),
			err: "is compressed"},
		"stored, and yet smaller": {file: header(zip.Store, 2, 1), err: "is compressed"},
		"larger than the partition": {file: header(zip.Store, largest+1, largest+1),
			err: "524288001 bytes, and must have 1 to 524288000"},
		"more than there is":   {file: header(zip.Store, largest, largest), err: "past the end"},
		"a disk image":         {file: make([]byte, 1<<16), err: "not an update file"},
		"cut off":              {file: file[:len(file)-100], err: "cut off"},
		"only its end":         {file: file[len(file)-22:], err: "(.gaf): zip"},
		"a part of its end":    {file: file[len(file)-21:], err: "too short"},
		"empty":                {file: nil, err: "too short"},
		"something behind it":  {file: append(bytes.Clone(file), "more"...), err: "cut off"},
		"a very long name":     {file: with(append(right, releasetest.Entry{Name: strings.Repeat("x", 60_000)})...)},
		"very long names":      {file: with(append(right, long()...)...), err: "directory is too large"},
		"beginning is missing": {file: file[1000:], err: "root.img in the update file: "},
	} {
		t.Run(situation, func(t *testing.T) {
			parts, err := release.Parts(bytes.NewReader(tt.file), int64(len(tt.file)))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				return
			}
			var got strings.Builder
			for _, p := range parts {
				content, err := io.ReadAll(p)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&got, "%s %d %.5s ", p.Name, p.Size(), content)
			}
			if want := "root 500000 root  boot 14 boot  mbr 9 boot  "; got.String() != want {
				t.Errorf("got %q", &got)
			}
		})
	}
}

// claimRoot returns an archive that has only a header, without content.
func claimRoot(t *testing.T, header zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	_, err := z.CreateRaw(&header)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claim changes how many entries an archive says that it has.
func claim(file []byte, entries byte) []byte {
	file = bytes.Clone(file)
	end := file[len(file)-22:]
	end[8], end[10] = entries, entries
	return file
}

// long returns entries whose headers take more than a MiB.
func long() []releasetest.Entry {
	var all []releasetest.Entry
	for range 20 {
		all = append(all, releasetest.Entry{Name: strings.Repeat("x", 60_000)})
	}
	return all
}

func FuzzParts(f *testing.F) {
	f.Add(releasetest.File(f, releasetest.Entries()...))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, file []byte) {
		parts, err := release.Parts(bytes.NewReader(file), int64(len(file)))
		if err == nil && len(parts) != 3 {
			t.Fatalf("%d parts", len(parts))
		}
		for _, p := range parts {
			if n, err := io.Copy(io.Discard, p); n != p.Size() || n == 0 || err != nil {
				t.Errorf("%s: %d of %d bytes, %v", p.Name, n, p.Size(), err)
			}
		}
	})
}

func FuzzParseSignature(f *testing.F) {
	key := releasetest.NewKey(f)
	public := *key.Release(f)
	signature := key.Sign(f, strings.NewReader("file"), "pxebox 1.2.0 pxebox-amd64")
	f.Add(signature)
	f.Add(releasetest.NewKey(f).Sign(f, strings.NewReader("file"), "pxebox 1.2.0 pxebox-amd64"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := release.ParseSignature(public, text)
		if err == nil && (s.Stamp != release.Stamp{Version: "1.2.0", Instance: "pxebox-amd64"}) {
			t.Errorf("it signed %v", s.Stamp)
		}
	})
}
