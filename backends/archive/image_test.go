package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends/archive"
)

func tarOf(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}))
		_, err := io.WriteString(w, files[i+1])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func packed(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// TestImage: an OCI layout gets the manifest that older engines read, and nothing else changes.
func TestImage(t *testing.T) {
	const (
		manifest = `{"config": {"digest": "sha256:c"}, "layers": [{"digest": "sha256:l1"}, {"digest": "sha256:l2"}]}`
		wanted   = `[{"Config":"blobs/sha256/c","RepoTags":null,"Layers":["blobs/sha256/l1","blobs/sha256/l2"]}]`
	)
	of := func(index string, more ...string) []byte {
		return tarOf(t, append([]string{"blobs/sha256/m", manifest, "./index.json", index, "oci-layout", "{}", "blobs/sha256/l1", "layer"}, more...)...)
	}
	tests := []struct {
		name string
		in   []byte
		want string // manifest.json that is added
		err  string
	}{
		{"one", of(`{"manifests": [{"digest": "sha256:m"}]}`), wanted, ""},
		{"packed", packed(t, of(`{"manifests": [{"digest": "sha256:m"}]}`)), wanted, ""},
		{"platforms", of(`{"manifests": [{"digest": "sha256:x", "platform": {"os": "linux", "architecture": "arm64"}}, {"digest": "sha256:m", "platform": {"os": "linux", "architecture": "amd64"}}]}`), wanted, ""},
		{"another platform alone", of(`{"manifests": [{"digest": "sha256:m", "platform": {"os": "linux", "architecture": "arm64"}}]}`), wanted, ""},
		{"index in an index", of(`{"manifests": [{"digest": "sha256:i"}]}`, "blobs/sha256/i", `{"manifests": [{"digest": "sha256:a", "platform": {"os": "unknown", "architecture": "unknown"}}, {"digest": "sha256:m", "platform": {"os": "linux", "architecture": "amd64"}}]}`), wanted, ""},
		{"as docker save", tarOf(t, "index.json", `{"manifests": []}`, "manifest.json", "[]"), "", ""},
		{"no image archive", tarOf(t, "a", "b"), "", ""},
		{"no archive", []byte("text"), "", ""},
		{"empty", nil, "", ""},
		{"no manifest", of(`{"manifests": [{"digest": "sha256:x"}]}`), "", "the image archive has no blobs/sha256/x"},
		{"no image", of(`{"manifests": []}`), "", "the image archive has no image in it"},
		{"several", of(`{"manifests": [{"digest": "sha256:m"}, {"digest": "sha256:n"}]}`), "", "the image archive has 2 images"},
		{"other platforms", of(`{"manifests": [{"digest": "sha256:m", "platform": {"os": "linux", "architecture": "arm64"}}, {"digest": "sha256:n", "platform": {"os": "linux", "architecture": "s390x"}}]}`), "", "the image archive has no image for linux/amd64, but for linux/arm64, linux/s390x"},
		{"no JSON", of(`{`), "", "index.json of the image archive: unexpected end of JSON input"},
		{"in circles", of(`{"manifests": [{"digest": "sha256:i"}]}`, "blobs/sha256/i", `{"manifests": [{"digest": "sha256:i"}]}`), "", "the image archive has indexes of indexes without end"},
		{"cut off", of(`{"manifests": [{"digest": "sha256:m"}]}`)[:1100], "", "reading the archive: unexpected EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			err := archive.Image(&out, bytes.NewReader(test.in), "linux/amd64")
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			if test.want == "" {
				require.Equal(t, string(test.in), out.String())
				return
			}
			files := map[string]string{}
			for r := tar.NewReader(&out); ; {
				h, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				text, err := io.ReadAll(r)
				require.NoError(t, err)
				files[h.Name] = string(text)
			}
			require.Equal(t, test.want, files["manifest.json"])
			require.Equal(t, manifest, files["blobs/sha256/m"])
			require.Equal(t, "layer", files["blobs/sha256/l1"])
		})
	}
}
