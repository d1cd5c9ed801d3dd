package secureboot

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/secureboot/certtable"
)

// Debian's programs, as make assets fetches them.
const (
	shimPath = "../../assets/grub/usr/lib/shim/shimx64.efi.signed"
	grubPath = "../../assets/grub/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v: run make assets", err)
	}
	return b
}

func parse(t *testing.T, b []byte) *Image {
	t.Helper()
	i, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// sbverify is an independent reader of the same table: it finds the same number
// of signatures, by the same signers.
func TestSignaturesAreThoseThatSbverifyLists(t *testing.T) {
	subject := regexp.MustCompile(`(?m)^ - subject: (.*)$`)
	for _, name := range []string{shimPath, grubPath} {
		said, err := exec.Command("sbverify", "--list", name).Output()
		if errors.Is(err, exec.ErrNotFound) {
			t.Fatal("sbverify is missing: run make deps")
		}
		var want []string
		for part := range strings.SplitSeq(string(said), "image signature issuers:") {
			if m := subject.FindStringSubmatch(part); m != nil {
				want = append(want, m[1][strings.LastIndex(m[1], "CN=")+len("CN="):])
			}
		}
		signatures, err := parse(t, file(t, name)).Signatures()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range signatures {
			got = append(got, s.Signer.Subject.CommonName)
		}
		if len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: signers %q, sbverify lists %q", filepath.Base(name), got, want)
		}
	}
}

// An embedded authority that did not issue the signer's certificate is not the
// authority of the signature: anyone can embed Microsoft's certificate.
func TestAuthority(t *testing.T) {
	shim, err := parse(t, file(t, shimPath)).Signatures()
	if err != nil || len(shim) == 0 {
		t.Fatalf("%d signatures, %v", len(shim), err)
	}
	grub, err := parse(t, file(t, grubPath)).Signatures()
	if err != nil || len(grub) == 0 {
		t.Fatalf("%d signatures, %v", len(grub), err)
	}
	authority := shim[0].Certificates[slices.IndexFunc(shim[0].Certificates,
		func(c *x509.Certificate) bool { return c.IsCA })]
	known := map[Fingerprint]string{FingerprintOf(authority): "Microsoft's"}
	if got := shim[0].Authority(known); got != authority {
		t.Errorf("shim's authority is %v, want %v", got, authority.Subject)
	}
	if got := shim[0].Authority(nil); got != nil {
		t.Errorf("with no known authority: %v", got.Subject)
	}
	forged := grub[0]
	forged.Certificates = append(slices.Clone(forged.Certificates), authority)
	if got := forged.Authority(known); got != nil {
		t.Errorf("Debian's signature with Microsoft's certificate put in: %v", got.Subject)
	}
	// Two certificates that issued each other end the search.
	loop := Signature{Signer: grub[0].Signer, Certificates: []*x509.Certificate{authority, authority}}
	if loop.IssuedBy(shim[0].Signer) {
		t.Error("a signer that issued nothing counts as the issuer")
	}
}

func TestShimRevokes(t *testing.T) {
	shim, grub := parse(t, file(t, shimPath)), parse(t, file(t, grubPath))
	level, err := shim.Latest()
	if err != nil || level.Date == "" || len(level.Min) == 0 {
		t.Fatalf("level %+v, %v", level, err)
	}
	for name, i := range map[string]*Image{"shim": shim, "grub": grub} {
		components, err := i.SBAT()
		if err != nil || len(components) < 2 || components[1].Name != name {
			t.Errorf("%s: %v, %v", name, components, err)
		}
		if c, want, revoked := level.Revokes(components); revoked {
			t.Errorf("%s: %v is below %v", name, c, want)
		}
	}
	for _, test := range []struct {
		situation string
		program   []Component
		revoked   bool
	}{
		{situation: "older", program: []Component{{"sbat", 1}, {"grub", 4}}, revoked: true},
		{situation: "equal", program: []Component{{"sbat", 1}, {"grub", 5}}},
		{situation: "newer", program: []Component{{"sbat", 1}, {"grub", 6}}},
		{situation: "not named by the level", program: []Component{{"sbat", 1}, {"other", 1}}},
		{situation: "one of two", program: []Component{{"grub", 5}, {"grub.proxmox", 1}}, revoked: true},
	} {
		l := Level{Min: []Component{{"shim", 4}, {"grub", 5}, {"grub.proxmox", 2}}}
		if _, _, revoked := l.Revokes(test.program); revoked != test.revoked {
			t.Errorf("%s: revoked is %v", test.situation, revoked)
		}
	}
}

// refusedList returns the refusal list of a shim's vendor: a signature list with
// one entry.
func refusedList(kind [16]byte, data []byte) []byte {
	b := slices.Clone(kind[:])
	b = binary.LittleEndian.AppendUint32(b, uint32(28+16+len(data)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(16+len(data)))
	return append(append(b, make([]byte, 16)...), data...)
}

func TestVendorRefuses(t *testing.T) {
	shim, grub := parse(t, file(t, shimPath)), parse(t, file(t, grubPath))
	debian, err := shim.Vendor()
	if err != nil {
		t.Fatal(err)
	}
	signatures, err := grub.Signatures()
	if err != nil || len(signatures) != 1 || !signatures[0].IssuedBy(debian.Authority) {
		t.Fatalf("Debian's GRUB is not signed by Debian: %v", err)
	}
	s := signatures[0]
	tbs := crypto.SHA256.New()
	tbs.Write(s.Signer.RawTBSCertificate)
	cut := refusedList(listSHA256, make([]byte, 32))
	other := refusedList(listSHA256, make([]byte, 32))
	for _, test := range []struct {
		situation string
		lists     []byte
		refused   bool
		fails     bool
	}{
		{situation: "nothing"},
		{situation: "Debian's own lists", lists: debian.refused},
		{situation: "the image", lists: append(other, refusedList(listSHA256, grub.Digest(crypto.SHA256))...),
			refused: true},
		{situation: "the signer's certificate", lists: refusedList(listX509, s.Signer.Raw), refused: true},
		{situation: "its hash, with a time", lists: refusedList(listX509SHA256,
			append(tbs.Sum(nil), make([]byte, 16)...)), refused: true},
		{situation: "another", lists: other},
		{situation: "a list that is cut off", lists: cut[:len(cut)-1], fails: true},
		{situation: "half a header", lists: cut[:20], fails: true},
		{situation: "entries without data", lists: refusedList(listSHA256, nil), fails: true},
	} {
		refused, err := Vendor{debian.Authority, test.lists}.Refuses(grub, s)
		if refused != test.refused || (err != nil) != test.fails {
			t.Errorf("%s: %v, %v", test.situation, refused, err)
		}
	}
}

// tableAt returns a program with another certificate table: its offset and size,
// and content that replaces what follows the sections.
func tableAt(t *testing.T, b []byte, start, size uint32, content []byte) []byte {
	t.Helper()
	i := parse(t, b)
	out := append(slices.Clone(b[:i.Table]), content...)
	binary.LittleEndian.PutUint32(out[i.Entry:], start)
	binary.LittleEndian.PutUint32(out[i.Entry+4:], size)
	return out
}

func TestDamagedCertificateTables(t *testing.T) {
	grub := file(t, grubPath)
	end := uint32(parse(t, grub).Table)
	entry := func(size uint32, revision, kind uint16, rest int) []byte {
		b := binary.LittleEndian.AppendUint32(nil, size)
		b = binary.LittleEndian.AppendUint16(b, revision)
		return append(binary.LittleEndian.AppendUint16(b, kind), make([]byte, rest)...)
	}
	for _, test := range []struct {
		situation   string
		start, size uint32
		table       []byte
		want        string
	}{
		{situation: "past the end of the file", start: end, size: 4096, want: "spans the bytes"},
		{situation: "far past it", start: 0xfffffff0, size: 0xfffffff0, want: "spans the bytes"},
		{situation: "inside the headers", start: 8, size: end - 8, want: "spans the bytes"},
		{situation: "before the end", start: end, size: 8, table: make([]byte, 16), want: "spans the bytes"},
		{situation: "stray bytes", start: end, size: 4, table: make([]byte, 4), want: "4 stray bytes"},
		{situation: "an entry of no length", start: end, size: 8, table: entry(0, 0x0200, 2, 0),
			want: "an entry of 0 bytes"},
		{situation: "an entry beyond the table", start: end, size: 16, table: entry(4096, 0x0200, 2, 8),
			want: "an entry of 4096 bytes, but only 16 bytes are left"},
		{situation: "an old revision", start: end, size: 16, table: entry(16, 0x0100, 2, 8),
			want: "revision 0x100"},
		{situation: "another type", start: end, size: 16, table: entry(16, 0x0200, 1, 8), want: "type 0x1"},
		{situation: "an entry too large", start: end, size: certtable.MaxSignature + 8,
			table: entry(certtable.MaxSignature+8, 0x0200, 2, certtable.MaxSignature), want: "the limit is 65536"},
		{situation: "no PKCS#7", start: end, size: 16, table: entry(16, 0x0200, 2, 8),
			want: "signature 1 of 1"},
	} {
		i, err := Parse(tableAt(t, grub, test.start, test.size, test.table))
		if err == nil {
			_, err = i.Signatures()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.situation, err, test.want)
		}
	}
}

// A file with thousands of signatures is not worth the time that checking them
// takes.
func TestTooManySignatures(t *testing.T) {
	grub := file(t, grubPath)
	i := parse(t, grub)
	table := i.File[i.Table:]
	many := func(n int) (*Image, error) {
		all := bytes.Repeat(table, n)
		return Parse(tableAt(t, grub, uint32(i.Table), uint32(len(all)), all))
	}
	for n, fails := range map[int]bool{1: false, certtable.MaxSignatures: false, certtable.MaxSignatures + 1: true} {
		i, err := many(n)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := i.Signatures(); (err != nil) != fails || !fails && len(s) != n {
			t.Errorf("%d signatures: %d, %v", n, len(s), err)
		}
	}
}

// Each authority is known by one fingerprint.
func TestMicrosoft(t *testing.T) {
	all := Microsoft()
	names := slices.Sorted(maps.Values(all))
	if want := []string{UEFICA2011, UEFICA2023, WindowsPCA2011, WindowsCA2023}; !slices.Equal(names, want) {
		t.Errorf("the authorities are %q, want %q", names, want)
	}
	for f, name := range ThirdParty() {
		if all[f] != name || name != UEFICA2011 && name != UEFICA2023 {
			t.Errorf("%s is an authority for third parties", name)
		}
	}
	clear(all)
	if len(Microsoft()) != 4 {
		t.Error("a caller has changed the table")
	}
}

// The fields that Authenticode leaves out may change; no other byte may.
func TestDigestCoversTheImage(t *testing.T) {
	grub := file(t, grubPath)
	i := parse(t, grub)
	want := i.Digest(crypto.SHA256)
	for _, test := range []struct {
		situation string
		at        int
		same      bool
	}{
		{situation: "the checksum", at: i.Checksum, same: true},
		{situation: "its last byte", at: i.Checksum + 3, same: true},
		{situation: "before the checksum", at: i.Checksum - 1},
		{situation: "behind the checksum", at: i.Checksum + 4},
		{situation: "before the directory's entry", at: i.Entry - 1},
		{situation: "behind the directory's entry", at: i.Entry + 8},
		{situation: "the first byte", at: 2},
		{situation: "the last byte", at: i.Table - 1},
	} {
		changed := slices.Clone(grub)
		changed[test.at] ^= 1
		// The headers of a changed file may be unreadable; only the bytes count.
		j := *i
		j.File = changed
		if same := bytes.Equal(j.Digest(crypto.SHA256), want); same != test.same {
			t.Errorf("%s: the digest is the same: %v", test.situation, same)
		}
	}
}

func TestSBATLines(t *testing.T) {
	for _, test := range []struct {
		situation, section string
		want               []Component
		fails              bool
	}{
		{situation: "as shim writes it", section: "sbat,1,SBAT Version,sbat,1,https://x\ngrub,7,FSF\n\x00\x00",
			want: []Component{{"sbat", 1}, {"grub", 7}}},
		{situation: "no end of line", section: "sbat,1\ngrub,7", want: []Component{{"sbat", 1}, {"grub", 7}}},
		{situation: "no generation", section: "sbat,1\ngrub\n", fails: true},
		{situation: "a word for one", section: "sbat,1\ngrub,seven\n", fails: true},
		{situation: "a generation below 1", section: "sbat,1\ngrub,0\n", fails: true},
		{situation: "another file", section: "grub,7\n", fails: true},
		{situation: "empty", section: "", fails: true},
	} {
		got, err := parseSBAT([]byte(test.section))
		if !slices.Equal(got, test.want) || (err != nil) != test.fails {
			t.Errorf("%s: %v, %v", test.situation, got, err)
		}
	}
}

// FuzzImage reads arbitrary bytes as a boot program.
func FuzzImage(f *testing.F) {
	for _, name := range []string{shimPath, grubPath} {
		b := file(f, name)
		i, err := Parse(b)
		if err != nil {
			f.Fatal(err)
		}
		// A small input for the fuzzer: the headers and the certificate table,
		// with nothing between.
		small := slices.Concat(b[:4096], b[i.Table:])
		binary.LittleEndian.PutUint32(small[i.Entry:], 4096)
		f.Add(small)
		for _, section := range []string{".sbat", ".sbatlevel", ".vendor_cert", "mods"} {
			if s := i.PE.Section(section); s != nil {
				content := i.Section(section)
				f.Add(slices.Concat(b[:4096], content[:min(len(content), 8192)]))
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Parse(b)
		if err != nil {
			return
		}
		signatures, _ := i.Signatures()
		for _, s := range signatures {
			s.IssuedBy(s.Signer)
			s.Authority(map[Fingerprint]string{})
		}
		i.SBAT()
		i.Latest()
		i.GRUBModules()
		if v, err := i.Vendor(); err == nil {
			for _, s := range signatures {
				v.Refuses(i, s)
			}
		}
	})
}
