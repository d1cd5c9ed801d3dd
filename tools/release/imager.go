package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// imagerOS is an entry of Raspberry Pi Imager's list (os-list-schema.json in its
// doc/json-schema; its documentation is there, too).
type imagerOS struct {
	Name                string   `json:"name"`
	Description         string   `json:"description"`
	Icon                string   `json:"icon"`
	URL                 string   `json:"url"`
	ExtractSize         int64    `json:"extract_size"`
	ExtractSHA256       string   `json:"extract_sha256"`
	ImageDownloadSize   int64    `json:"image_download_size"`
	ImageDownloadSHA256 string   `json:"image_download_sha256"`
	ReleaseDate         string   `json:"release_date"`
	InitFormat          string   `json:"init_format"`
	Devices             []string `json:"devices"`
	Website             string   `json:"website"`
	Architecture        string   `json:"architecture"`
}

type imagerList struct {
	OSList []imagerOS `json:"os_list"`
}

// file describes a file of a release.
type file struct {
	size   int64
	sha256 string
}

func measure(name string) (file, error) {
	f, err := os.Open(name)
	if err != nil {
		return file{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return file{n, hex.EncodeToString(sum.Sum(nil))}, err
}

// imager returns the list: one entry, for the Raspberry Pi's image.
func imager(version string, at time.Time, url string, raw, compressed file) imagerList {
	return imagerList{OSList: []imagerOS{{
		Name:        "pxebox " + version,
		Description: "Network boot server with one menu for BIOS, UEFI and WDS",
		// Imager brings this icon.
		Icon:                "icons/cat_misc_utility_images.png",
		URL:                 url,
		ExtractSize:         raw.size,
		ExtractSHA256:       raw.sha256,
		ImageDownloadSize:   compressed.size,
		ImageDownloadSHA256: compressed.sha256,
		ReleaseDate:         at.UTC().Format(time.DateOnly),
		// Imager's dialog for users and Wi-Fi has no use here.
		InitFormat: "none",
		// Imager's names; it counts the Zero 2 W with the Raspberry Pi 3.
		Devices:      []string{"pi5-64bit", "pi4-64bit", "pi3-64bit"},
		Website:      "https://github.com/pxebox/pxebox",
		Architecture: "armv8",
	}}}
}

// writeImager prints the list for an image and its compressed file, which is to be
// downloaded from the folder that the URL names.
func writeImager(w io.Writer, version, at, url, image, compressed string) error {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return fmt.Errorf("RELEASE_URL is %q; it has to begin with https:// or http://", url)
	}
	raw, err := measure(image)
	if err != nil {
		return err
	}
	download, err := measure(compressed)
	if err != nil {
		return err
	}
	url = strings.TrimSuffix(url, "/") + "/" + filepath.Base(compressed)
	return writeJSON(w, imager(version, t, url, raw, download))
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
