package kubernetes

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/archive"
)

const (
	// pieceSize is what an object of the cluster can hold, with room for the rest of it.
	pieceSize = 900 << 10
	pieceKey  = "piece"
	// maxFiles bounds the compressed files of one service: they lie in the cluster's own store, where a restored Pod finds
	// them again without anybody's help.
	maxFiles = 64 << 20
)

// pack makes one gzip tar of all files; nil if there are none.
func pack(ctx context.Context, files []backends.Files) ([]byte, error) {
	if len(files) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i, f := range files {
		for _, open := range f.Archives {
			if err := packOne(ctx, w, fmt.Sprint(i), open); err != nil {
				return nil, fmt.Errorf("files for %s: %w", f.Path, err)
			}
			if b.Len() > maxFiles {
				return nil, (&backends.Error{Kind: backends.Unsupported, Message: fmt.Sprintf("files for %s: more than %d MB, compressed", f.Path, maxFiles>>20)}).
					WithHint("put them into the image, or let the service download them into a persistent directory")
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func packOne(ctx context.Context, w *tar.Writer, dir string, open backends.Archive) error {
	from, err := open(ctx)
	if err != nil {
		return err
	}
	defer from.Close()
	return archive.Rebase(w, from, func(name string) string { return path.Join(dir, name) })
}

// storeFiles puts files into ConfigMaps and returns their names.
func (b *Backend) storeFiles(ctx context.Context, e *enclave, spec *backends.ServiceSpec, launch string, packed []byte) (names []string, err error) {
	immutable := true
	labels := serviceLabels(e.info.UUID, spec.Name, spec.UUID)
	labels[labelResource], labels[labelLaunch] = resourceFiles, launch
	for i := 0; len(packed) > 0; i++ {
		piece := packed[:min(pieceSize, len(packed))]
		packed = packed[len(piece):]
		name := fmt.Sprintf("files-%s-%d", launch, i)
		_, err := b.client.configMaps(e.namespace).Create(ctx, &core.ConfigMap{
			ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels}, Immutable: &immutable, BinaryData: map[string][]byte{pieceKey: piece}}, meta.CreateOptions{})
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:8]
}

func absolute(p string) bool { return path.IsAbs(p) }

// rebased writes an archive as the Pod's program takes it: with names that stay below a directory.
func rebased(to io.Writer, from io.Reader) error {
	w := tar.NewWriter(to)
	if err := archive.Rebase(w, from, func(name string) string { return name }); err != nil {
		return err
	}
	return w.Close()
}
