package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/assets/manifest"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/secureboot"
)

// authorities are Microsoft's authorities for third-party programs. Firmware
// has their certificates in its database, and machines require one of them for
// shim. A certificate is identified by its SHA-256, because its name can be
// chosen freely.
var authorities = secureboot.ThirdParty()

// How to fix a refusal.
const (
	fetchAgain   = "fetch it again with make assets REFRESH=1; if it is refused again, the mirror serves a file that is not Debian's"
	takeAnother  = "name another release for it in assets/tested.txt"
	takeTogether = "name one release for shim-signed and grub-efi-amd64-signed in assets/tested.txt"
)

// check verifies the files of all packages, by their path below assets, and
// records the result. It names each property that does not hold.
func check(files map[string][]byte, from []manifest.Package) (manifest.Manifest, error) {
	m := manifest.Manifest{Packages: from}
	var problems []error
	refuse := func(name, problem, do string) {
		problems = append(problems, fmt.Errorf("%s: %s; %s", name, problem, do))
	}
	for _, p := range packages {
		for _, name := range p.files {
			sum := sha256.Sum256(files[p.path(name)])
			m.Files = append(m.Files, manifest.File{Name: p.path(name), Package: p.name,
				SHA256: hex.EncodeToString(sum[:])})
			if path.Base(name) == "copyright" && len(files[p.path(name)]) == 0 {
				refuse(name, "the licence text of "+p.name+" is empty", takeAnother)
			}
		}
	}
	record := func(name string) *manifest.File {
		return &m.Files[slices.IndexFunc(m.Files, func(f manifest.File) bool { return f.Name == name })]
	}
	shimPath, grubPath := path.Join("grub", shimFile), path.Join("grub", grubFile)
	shim := checkShim(files[shimPath], record(shimPath), func(problem, do string) { refuse(shimFile, problem, do) })
	if shim != nil {
		checkGRUB(files[grubPath], *shim, record(grubPath), func(problem, do string) { refuse(grubFile, problem, do) })
	}
	checkPXELINUX(files, m, refuse)
	return m, errors.Join(problems...)
}

// trust is what a shim requires of the programs that it starts.
type trust struct {
	vendor secureboot.Vendor
	level  secureboot.Level
}

// checkShim verifies that machines with Secure Boot on start a shim. It returns
// nil if the shim says nothing about other programs.
func checkShim(b []byte, f *manifest.File, refuse func(problem, do string)) *trust {
	image, signatures := signed(b, refuse)
	if image == nil {
		return nil
	}
	// One trusted signature is enough for firmware.
	for _, s := range signatures {
		if a := s.Authority(authorities); a != nil {
			f.Signers = append(f.Signers, signer(authorities[secureboot.FingerprintOf(a)], a, s))
		}
	}
	if len(f.Signers) == 0 {
		refuse(fmt.Sprintf("the certificate of its signer %q was not issued by a Microsoft authority (%s), so machines refuse it",
			signatures[0].Signer.Subject.CommonName, known()), takeAnother)
	}
	level, err := image.Latest()
	if err != nil {
		refuse(err.Error(), takeAnother)
		return nil
	}
	f.Revokes = level.String()
	f.SBAT = generations(image, level, takeAnother, refuse)
	vendor, err := image.Vendor()
	if err != nil {
		refuse(err.Error(), takeAnother)
		return nil
	}
	return &trust{vendor, level}
}

// checkGRUB verifies that a shim starts a GRUB, and that this GRUB can show our
// menus.
func checkGRUB(b []byte, shim trust, f *manifest.File, refuse func(problem, do string)) {
	image, signatures := signed(b, refuse)
	if image == nil {
		return
	}
	authority := shim.vendor.Authority
	for _, s := range signatures {
		if !s.IssuedBy(authority) {
			continue
		}
		f.Signers = append(f.Signers, signer(authority.Subject.CommonName, authority, s))
		if refused, err := shim.vendor.Refuses(image, s); err != nil {
			refuse("cannot read whether this shim refuses it: "+err.Error(), takeAnother)
		} else if refused {
			refuse(fmt.Sprintf("this shim refuses it or its signer %q: the vendor has withdrawn it",
				s.Signer.Subject.CommonName), fetchAgain)
		}
	}
	if len(f.Signers) == 0 {
		refuse(fmt.Sprintf("its signer %q has no certificate from %q, the authority that this shim trusts",
			signatures[0].Signer.Subject.CommonName, authority.Subject.CommonName), takeTogether)
	}
	f.SBAT = generations(image, shim.level, takeTogether, refuse)
	modules, err := image.GRUBModules()
	if err != nil {
		refuse(err.Error(), takeAnother)
		return
	}
	for _, name := range grub.Modules() {
		if !slices.Contains(modules, name) {
			refuse("it does not have the module "+name+
				", which the menus need and which it cannot load with Secure Boot", takeAnother)
		}
	}
}

// signed reads an image whose signatures all match it. It returns nil if the
// image has no such signatures.
func signed(b []byte, refuse func(problem, do string)) (*secureboot.Image, []secureboot.Signature) {
	image, err := secureboot.Parse(b)
	if err != nil {
		refuse(err.Error(), fetchAgain)
		return nil, nil
	}
	signatures, err := image.Signatures()
	if err != nil {
		refuse(err.Error(), fetchAgain)
		return nil, nil
	}
	if len(signatures) == 0 {
		refuse("it has no signature", fetchAgain)
		return nil, nil
	}
	return image, signatures
}

func signer(name string, authority *x509.Certificate, s secureboot.Signature) manifest.Signer {
	sum := secureboot.FingerprintOf(authority)
	return manifest.Signer{Authority: name, SHA256: hex.EncodeToString(sum[:]), Signer: s.Signer.Subject.CommonName}
}

// known lists the authorities for a message.
func known() string {
	var names []string
	for sum, name := range authorities {
		names = append(names, fmt.Sprintf("%s, SHA-256 %x…", name, sum[:4]))
	}
	slices.Sort(names)
	return strings.Join(names, "; ")
}

// generations verifies an image's SBAT generations, and returns them.
func generations(image *secureboot.Image, level secureboot.Level, do string, refuse func(problem, do string)) []string {
	components, err := image.SBAT()
	if err != nil {
		refuse(err.Error(), do)
		return nil
	}
	if c, want, revoked := level.Revokes(components); revoked {
		refuse(fmt.Sprintf("its SBAT generation is %v, and the level of this shim (%v) revokes generations below %v",
			c, level, want), do)
	}
	var all []string
	for _, c := range components {
		all = append(all, c.String())
	}
	return all
}

// version matches how PXELINUX and memdisk name their version and build:
// "PXELINUX 6.04 PXE 20200816", "MEMDISK 6.04 20200816".
var version = regexp.MustCompile(`(?:PXELINUX|MEMDISK) (\d+\.\d+\S*)(?: (?:PXE|lwIP))? (\d+)`)

// checkPXELINUX verifies that PXELINUX, its modules and memdisk are from the
// same build: PXELINUX does not load a module from another build. The modules
// name no build, so the check can only require that their package has the same
// version.
func checkPXELINUX(files map[string][]byte, m manifest.Manifest, refuse func(name, problem, do string)) {
	const do = "name one release for pxelinux and syslinux-common in assets/tested.txt"
	pxelinux, modules := m.Package("pxelinux"), m.Package("syslinux-common")
	if pxelinux.Version != modules.Version {
		refuse(pxelinuxFile, fmt.Sprintf("it is of version %s, and its modules are of version %s", pxelinux.Version,
			modules.Version), do)
	}
	first := ""
	for _, name := range []string{pxelinuxFile, lpxelinuxFile, memdiskFile} {
		found := version.FindSubmatch(files[path.Join("syslinux", name)])
		if found == nil {
			refuse(name, "it does not contain its version, so it is not that program", fetchAgain)
			continue
		}
		build := string(found[1]) + ", built " + string(found[2])
		if first == "" {
			first = build
		}
		if build != first {
			refuse(name, fmt.Sprintf("it is %s, and %s is %s", build, pxelinuxFile, first), do)
		}
	}
}
