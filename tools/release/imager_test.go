package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The list has the sizes and sums of the files, and is valid by the schema. The
// environment variable IMAGER_SCHEMA names Imager's own os-list-schema.json, which
// is not part of this project.
func TestImagerList(t *testing.T) {
	dir := t.TempDir()
	image, compressed := filepath.Join(dir, "pxebox-1.2.0-rpi.img"), filepath.Join(dir, "pxebox-1.2.0-rpi.img.xz")
	for name, content := range map[string]string{image: strings.Repeat("x", 1000), compressed: "small"} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	err := writeImager(&out, "1.2.0", "2026-11-30T23:59:59Z", "https://example.org/v1.2.0/", image, compressed)
	if err != nil {
		t.Fatal(err)
	}
	var list imagerList
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || len(list.OSList) != 1 {
		t.Fatalf("%v, %s", err, out.Bytes())
	}
	got := list.OSList[0]
	for key, c := range map[string][2]any{
		"url":                 {got.URL, "https://example.org/v1.2.0/pxebox-1.2.0-rpi.img.xz"},
		"extract_size":        {got.ExtractSize, int64(1000)},
		"extract_sha256":      {got.ExtractSHA256, "44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f"},
		"image_download_size": {got.ImageDownloadSize, int64(5)},
		"image_download_sha256": {got.ImageDownloadSHA256,
			"81db8ebbbbc69c6c6ad4a6aa92b76e0c08af547da236b9e2c9dbe1d8285a8130"},
		"release_date": {got.ReleaseDate, "2026-11-30"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s is %v, not %v", key, c[0], c[1])
		}
	}
	schemas := []string{"testdata/imager.schema.json"}
	if theirs := os.Getenv("IMAGER_SCHEMA"); theirs != "" {
		schemas = append(schemas, theirs)
	}
	for _, schema := range schemas {
		if err := validate(t, map[string]string{"schema.json": schema}, out.Bytes()); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
		broken := bytes.Replace(out.Bytes(), []byte(`"extract_size": 1000`), []byte(`"extract_size": "1000"`), 1)
		if err := validate(t, map[string]string{"schema.json": schema}, broken); err == nil {
			t.Errorf("%s takes a size that is a string", schema)
		}
	}
}

// What is not a file of a release makes no list.
func TestImagerRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const at, url = "2026-11-30T01:00:00Z", "http://example.org"
	for situation, tt := range map[string]struct{ at, url, image, compressed, err string }{
		"right":                 {at, url, file, file, ""},
		"a date without a time": {"2026-11-30", url, file, file, "parsing time"},
		"a host":                {at, "example.org", file, file, `RELEASE_URL is "example.org"; it has to begin with`},
		"no image":              {at, url, file + "x", file, "filex: no such file"},
		"no compressed image":   {at, url, file, file + "y", "filey: no such file"},
		"a folder":              {at, url, filepath.Dir(file), file, "is a directory"},
	} {
		err := writeImager(io.Discard, "1.2.0", tt.at, tt.url, tt.image, tt.compressed)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", situation, err)
		}
	}
}

// Each command is found by its name and the number of its arguments.
func TestCommands(t *testing.T) {
	const usage = "usage:"
	missing := filepath.Join(t.TempDir(), "none")
	const at = "2026-11-30T01:00:00Z"
	for situation, tt := range map[string]struct {
		args []string
		err  string
	}{
		"none":              {nil, usage},
		"an unknown one":    {[]string{"publish", missing}, usage},
		"an argument less":  {[]string{"sign", missing, missing}, usage},
		"an argument more":  {[]string{"public", missing, missing}, usage},
		"the public key":    {[]string{"public", missing}, "none: no such file"},
		"a signature":       {[]string{"sign", missing, missing, "comment"}, "none: no such file"},
		"a disk":            {[]string{"identify", "1.2.0", missing + ".vmdk"}, "none.vmdk: no such file"},
		"an OVA":            {[]string{"ova", "1.2.0", at, missing, missing}, "none: no such file"},
		"the Imager's list": {[]string{"imager", "1.2.0", at, "https://x", missing, missing}, "no such file"},
		"the SBOM":          {[]string{"sbom", "1.2.0", "now"}, "parsing time"},
	} {
		err := run(tt.args)
		if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), usage) != (tt.err == usage) {
			t.Errorf("%s: %v", situation, err)
		}
	}
	if err := run(nil); !strings.Contains(err.Error(), "\n  release sign KEY FILE COMMENT\n") {
		t.Errorf("it says %v", err)
	}
}

// validate checks a JSON document against the schema whose name is first in the
// order of the alphabet. The others are what it refers to.
func validate(t *testing.T, schemas map[string]string, document []byte) error {
	t.Helper()
	const base = "http://cyclonedx.org/schema/"
	c := jsonschema.NewCompiler()
	first := ""
	for name, file := range schemas {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := c.AddResource(base+name, doc); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if first == "" || name < first {
			first = name
		}
	}
	schema, err := c.Compile(base + first)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance)
}
