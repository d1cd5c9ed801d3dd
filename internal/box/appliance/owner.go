package appliance

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/box/owner"
	"github.com/pxebox/pxebox/internal/box/updatetrial"
	"github.com/pxebox/pxebox/internal/box/volume"
)

// passingKeys is where the first password and the certificate are while the box
// cannot save anything: until its next start.
const passingKeys = runDir + "/keys"

// owned is how the owner reaches the box. Without a gate, the owner does not.
type owned struct {
	gate            *access.Gate
	certificate     tls.Certificate
	certificateFile string
	access          owner.Access
}

// own decides how the owner reaches the box, before any port is open that the
// owner uses: it reads what the owner has put on the medium's volume, and
// generates what is missing. An error is for the log: a restart would not help,
// and machines can still boot.
func (s *site) own() (o owned, err error) {
	log := s.log.With("part", "access")
	files := owner.On(s.perm)
	o.certificateFile = s.key(access.CertificateFile)
	if err := s.writable(); err != nil {
		log.Error("the box cannot save anything: what it generates now lasts until its next start", "err", err)
		files.First, o.certificateFile = passing(files.First), passing(o.certificateFile)
	} else {
		if v, err := settingsVolume(); err == nil {
			o.access.Problems = files.Take(v, log)
			if err := v.Close(); err != nil {
				log.Error("the settings volume cannot be unmounted", "err", err)
			}
		} else if !errors.Is(err, volume.ErrNoLabel) {
			log.Error("the settings volume cannot be read for a password", "err", err)
		}
		if !files.Chosen() && s.updated() {
			if err := inherit(files, s); err != nil {
				log.Warn("the root of the version before cannot be read for its password", "err", err)
			}
		}
	}
	if !files.Chosen() {
		if err := files.Generate(); err != nil {
			return o, fmt.Errorf("generate a password: %w", err)
		}
	}
	if o.certificate, err = access.Certificate(o.certificateFile); err != nil {
		return o, fmt.Errorf("certificate: %w", err)
	}
	o.access.Fingerprint = credential.Fingerprint(o.certificate.Leaf)
	password, isFirst, err := access.Password(files.Password, files.First, log)
	if err != nil {
		return o, err
	}
	if isFirst && len(password) >= access.MinPassword { // a shorter one was inherited
		o.access.Password = password
	}
	o.gate = access.NewGate(password)
	return o, nil
}

// passing returns the file to use while /perm is read-only.
func passing(file string) string {
	if _, err := os.Stat(file); err == nil {
		return file
	}
	return filepath.Join(passingKeys, filepath.Base(file))
}

// updated reports whether the box may have been updated: a new one runs from the
// first root, and generates its password before its certificate. Its other root may
// be a leftover of someone else's box, if only the used part of the image was written
// to the disk.
func (s *site) updated() bool {
	if d, err := updatetrial.Find(); err == nil && d.Running != firstRoot {
		return true
	}
	_, err := os.Stat(s.key(access.CertificateFile))
	return err == nil
}

// firstRoot is the partition of the root in an image.
const firstRoot updatetrial.Slot = 2

// inherit adopts the password of the version before.
func inherit(files owner.Files, s *site) error {
	d, err := updatetrial.Find()
	if err != nil {
		return err
	}
	return d.OtherRoot(func(root fs.FS) error { return files.Inherit(root, s.log.With("part", "access")) })
}
