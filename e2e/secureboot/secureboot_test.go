package secureboot

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
)

func newKey(t *testing.T) *Key {
	t.Helper()
	k, err := NewKey("a test")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSign(t *testing.T) {
	program, err := nbp.AssembleUEFI()
	if err != nil {
		t.Fatal(err)
	}
	key, other := newKey(t), newKey(t)
	signed, err := key.Sign(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		situation string
		key       *Key
		program   []byte
		ok        bool
	}{
		{situation: "signed with the key", key: key, program: signed, ok: true},
		{situation: "signed with another key", key: other, program: signed},
		{situation: "not signed", key: key, program: program},
		{situation: "changed since", key: key,
			program: bytes.Replace(signed, []byte("O\x00K\x00"), []byte("N\x00O\x00"), 1)},
	} {
		t.Run(test.situation, func(t *testing.T) {
			dir := t.TempDir()
			file, cert := filepath.Join(dir, "program"), filepath.Join(dir, "cert.pem")
			if err := os.WriteFile(file, test.program, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(cert, test.key.certPEM(), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("sbverify", "--cert", cert, file).CombinedOutput()
			if ok := err == nil; ok != test.ok {
				t.Errorf("sbverify: %v\n%s", err, out)
			}
		})
	}
}

// TestUnsign takes one signature off, so that another key's is the only one.
func TestUnsign(t *testing.T) {
	program, err := nbp.AssembleUEFI()
	if err != nil {
		t.Fatal(err)
	}
	first, second := newKey(t), newKey(t)
	once, err := first.Sign(program)
	if err != nil {
		t.Fatal(err)
	}
	without, err := Unsign(once)
	if err != nil {
		t.Fatal(err)
	}
	want, err := second.Sign(program)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.Sign(without); err != nil || len(got) != len(want) {
		t.Errorf("signed again it has %d bytes, want %d, %v", len(got), len(want), err)
	}
	if _, err := Unsign([]byte("text")); err == nil || !strings.HasPrefix(err.Error(), "sbattach: ") {
		t.Errorf("got %v", err)
	}
}

func TestReadKey(t *testing.T) {
	dir := t.TempDir()
	k := newKey(t)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	key := write("key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	cert, text := write("cert", k.cert), write("text", []byte("text"))
	got, err := ReadKey(key, cert)
	if err != nil || !got.private.Equal(k.private) || !bytes.Equal(got.cert, k.cert) {
		t.Errorf("got another key, %v", err)
	}
	for situation, files := range map[string][2]string{
		"not a key":         {text, cert},
		"not a certificate": {key, text},
		"no file":           {filepath.Join(dir, "none"), cert},
	} {
		if _, err := ReadKey(files[0], files[1]); err == nil {
			t.Errorf("%s: no error", situation)
		}
	}
}

func TestSignRefusesWhatIsNoProgram(t *testing.T) {
	if _, err := newKey(t).Sign([]byte("text")); err == nil || !strings.HasPrefix(err.Error(), "sbsign: ") {
		t.Errorf("got %v", err)
	}
}

// stored is a variable as a test writes it.
type stored struct {
	vendor guid
	name   string
	state  byte
	data   string
}

// volume returns a firmware volume with a variable store of size bytes.
func volume(size int, list ...stored) []byte {
	const header = 72
	b := bytes.Repeat([]byte{0xff}, header+size+64) // other data follows the store
	copy(b[volumeSignature:], "_FVH")
	binary.LittleEndian.PutUint16(b[volumeHeaderLength:], header)
	copy(b[header:], authenticatedVariables[:])
	binary.LittleEndian.PutUint32(b[header+storeSize:], uint32(size))
	at := header + storeHeader
	for _, v := range list {
		name := append([]byte(strings.Join(strings.Split(v.name, ""), "\x00")), 0, 0, 0)
		h := b[at:]
		clear(h[:variableHeader])
		binary.LittleEndian.PutUint16(h, variableStart)
		h[variableState] = v.state
		binary.LittleEndian.PutUint32(h[variableNameSize:], uint32(len(name)))
		binary.LittleEndian.PutUint32(h[variableDataSize:], uint32(len(v.data)))
		copy(h[variableVendor:], v.vendor[:])
		n := variableHeader + copy(h[variableHeader:], name)
		n += copy(h[n:], v.data)
		at = aligned(at + n)
	}
	return b
}

// contents returns the content of a store, without deleted variables.
func contents(t *testing.T, vars []byte) map[string]string {
	t.Helper()
	list, _, _, err := variables(vars)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, v := range list {
		if v.state != stateAdded {
			continue
		}
		key := string(v.vendor[:]) + v.name
		if _, twice := got[key]; twice {
			t.Errorf("%s is there twice", v.name)
		}
		got[key] = string(vars[v.data:v.end])
	}
	return got
}

func TestAppendVariable(t *testing.T) {
	vendor, other := guid{1}, guid{2}
	db := string(vendor[:]) + "db"
	for _, test := range []struct {
		situation string
		vars      []byte
		want      string // of db
		err       string
	}{
		{situation: "alone", vars: volume(400, stored{vendor, "db", stateAdded, "old"}), want: "oldnew"},
		{situation: "among others", vars: volume(400,
			stored{vendor, "PK", stateAdded, "1"},
			stored{vendor, "db", stateAdded, "old"},
			stored{vendor, "dbx", stateAdded, "12345"},
		), want: "oldnew"},
		{situation: "a deleted one before it", vars: volume(400,
			stored{vendor, "db", stateAdded & stateDeleted, "older"},
			stored{vendor, "db", stateAdded, "old"},
		), want: "oldnew"},
		{situation: "another vendor's", vars: volume(400, stored{other, "db", stateAdded, "old"}),
			err: "there is no db"},
		{situation: "deleted", vars: volume(400, stored{vendor, "db", stateAdded & stateDeleted, "old"}),
			err: "there is no db"},
		{situation: "no variables", vars: volume(400), err: "there is no db"},
		{situation: "no room", vars: volume(170, stored{vendor, "db", stateAdded, "old"}),
			err: "no room for 6 bytes"},
		{situation: "just enough room", vars: volume(28+72+72, stored{vendor, "db", stateAdded, "old"}),
			want: "oldnew"},
		{situation: "no volume", vars: make([]byte, 100), err: "not a firmware volume"},
		{situation: "an empty file", err: "not a firmware volume"},
		{situation: "another kind of store", vars: bytes.Replace(volume(400), authenticatedVariables[:], vendor[:], 1),
			err: "no store of authenticated"},
		{situation: "a store beyond the volume", vars: volume(400)[:300], err: "a store of 400 bytes"},
		{situation: "a variable beyond the store", vars: volume(100, stored{vendor, "db", stateAdded, "0123456789"}),
			err: "10 of data"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			before := bytes.Clone(test.vars)
			out, err := appendVariable(test.vars, vendor, "db", []byte("new"))
			if !bytes.Equal(before, test.vars) {
				t.Error("the variables given were changed")
			}
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := contents(t, test.vars)
			want[db] = test.want
			got := contents(t, out)
			for key, value := range want {
				if got[key] != value {
					t.Errorf("%q is %q, want %q", key, got[key], value)
				}
			}
			if len(got) != len(want) || len(out) != len(test.vars) {
				t.Errorf("%d variables in %d bytes, want %d in %d", len(got), len(out), len(want), len(test.vars))
			}
		})
	}
}

// TestTrust uses the variables that come with firmware that has Secure Boot on.
func TestTrust(t *testing.T) {
	for _, release := range qemu.Releases {
		t.Run(release, func(t *testing.T) {
			f, err := qemu.FindFirmware("../../build/firmware", release, "")
			if err != nil {
				t.Fatal(err)
			}
			vars, err := os.ReadFile(f.State(true))
			if err != nil {
				t.Fatal(err)
			}
			checkTrust(t, vars)
		})
	}
}

// TestWithoutThirdParty checks that the firmware's variables lose the
// certificates that sign shim, and keep Windows's.
func TestWithoutThirdParty(t *testing.T) {
	for _, release := range qemu.Releases {
		t.Run(release, func(t *testing.T) {
			f, err := qemu.FindFirmware("../../build/firmware", release, "")
			if err != nil {
				t.Fatal(err)
			}
			vars, err := os.ReadFile(f.State(true))
			if err != nil {
				t.Fatal(err)
			}
			out, err := WithoutThirdParty(vars)
			if err != nil {
				t.Fatal(err)
			}
			before, after := trusted(t, vars), trusted(t, out)
			want := slices.DeleteFunc(slices.Clone(before), func(name string) bool {
				return strings.Contains(name, "UEFI CA")
			})
			if !slices.Equal(after, want) || len(want) == 0 || len(want) == len(before) {
				t.Errorf("trusted before: %q; after: %q", before, after)
			}
			if _, err := WithoutThirdParty(out); err == nil {
				t.Error("the second time removes something too")
			}
		})
	}
}

// TestOnlyThirdParty takes the certificate from a program that its key has signed.
func TestOnlyThirdParty(t *testing.T) {
	f, err := qemu.FindFirmware("../../build/firmware", qemu.Debian13, "")
	if err != nil {
		t.Fatal(err)
	}
	vars, err := os.ReadFile(f.State(true))
	if err != nil {
		t.Fatal(err)
	}
	program, err := nbp.AssembleUEFI()
	if err != nil {
		t.Fatal(err)
	}
	const name = "a test" // as newKey says
	if program, err = newKey(t).Sign(program); err != nil {
		t.Fatal(err)
	}
	out, err := OnlyThirdParty(vars, program, name)
	if err != nil {
		t.Fatal(err)
	}
	want := append(slices.DeleteFunc(trusted(t, vars), func(name string) bool {
		return strings.Contains(name, "UEFI CA")
	}), name)
	if got := trusted(t, out); !slices.Equal(got, want) {
		t.Errorf("it trusts %q, want %q", got, want)
	}
	if _, err := OnlyThirdParty(vars, program, "another"); err == nil {
		t.Error("no error for a certificate that is not there")
	}
}

// trusted returns the names of the certificates in a firmware's db.
func trusted(t *testing.T, vars []byte) (names []string) {
	t.Helper()
	lists, err := signatureLists([]byte(contents(t, vars)[string(imageSecurityDatabase[:])+"db"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		if c := certificate(list); c != nil {
			names = append(names, c.Subject.CommonName)
		}
	}
	return names
}

func TestSignatureLists(t *testing.T) {
	list := string(signatureList([]byte("certificate")))
	for _, test := range []struct {
		situation, db, err string
		n                  int
	}{
		{situation: "empty"},
		{situation: "two", db: list + list, n: 2},
		{situation: "the last one is cut off", db: list + list[:40], err: "a signature list of 55 bytes in 40"},
		{situation: "less than a header is left", db: list + "12345", err: "5 bytes after the last"},
		{situation: "a list of no bytes", db: strings.Repeat("\x00", 40), err: "a signature list of 0 bytes"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			lists, err := signatureLists([]byte(test.db))
			if got := fmt.Sprint(err); test.err == "" && err != nil || !strings.Contains(got, test.err) {
				t.Errorf("got %v, want %q", err, test.err)
			}
			if len(lists) != test.n {
				t.Errorf("%d lists, want %d", len(lists), test.n)
			}
		})
	}
}

func checkTrust(t *testing.T, vars []byte) {
	t.Helper()
	k := newKey(t)
	out, err := k.Trust(vars)
	if err != nil {
		t.Fatal(err)
	}
	db := string(imageSecurityDatabase[:]) + "db"
	before, after := contents(t, vars), contents(t, out)
	if len(before) != len(after) {
		t.Errorf("of %d variables, %d are left", len(before), len(after))
	}
	for key, value := range before {
		if key != db && after[key] != value {
			t.Errorf("%q was changed", key)
		}
	}
	added, ok := strings.CutPrefix(after[db], before[db])
	if !ok || before[db] == "" {
		t.Fatal("db lacks what it held before")
	}
	// The list's own size, and the certificate at its end.
	if int(binary.LittleEndian.Uint32([]byte(added)[16:])) != len(added) || !strings.HasSuffix(added, string(k.cert)) {
		t.Errorf("added to db: %x", added)
	}
}
