package main

import (
	"bytes"
	"encoding/json"
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
		"url":                   {got.URL, "https://example.org/v1.2.0/pxebox-1.2.0-rpi.img.xz"},
		"extract_size":          {got.ExtractSize, int64(1000)},
		"extract_sha256":        {got.ExtractSHA256, "44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f"},
		"image_download_size":   {got.ImageDownloadSize, int64(5)},
		"image_download_sha256": {got.ImageDownloadSHA256, "81db8ebbbbc69c6c6ad4a6aa92b76e0c08af547da236b9e2c9dbe1d8285a8130"},
		"release_date":          {got.ReleaseDate, "2026-11-30"},
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
