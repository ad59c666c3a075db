//go:build docker || faults

package live_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
)

type line = pb.StarlarkRunResponseLine

// upload sends a compressed archive as clients do, in chunks.
func (e *enclaveOf) upload(ctx context.Context, name string, archive io.Reader) error {
	stream := e.UploadFilesArtifact(ctx)
	buffer, previous := make([]byte, 3<<20), ""
	for {
		n, err := io.ReadFull(archive, buffer)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if n > 0 {
			if err := stream.Send(&pb.StreamedDataChunk{Data: buffer[:n], PreviousChunkHash: previous, Metadata: &pb.DataChunkMetadata{Name: name}}); err != nil {
				break // CloseAndReceive tells why
			}
		}
		sum := sha1.Sum(buffer[:n])
		previous = hex.EncodeToString(sum[:])
		if last {
			break
		}
	}
	_, err := stream.CloseAndReceive()
	return err
}

// archive is a compressed archive of one file, data.bin, that does not compress.
func archive(t testing.TB, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, writeArchive(&b, size))
	return b.Bytes()
}

func writeArchive(out io.Writer, size int64) error {
	z, err := gzip.NewWriterLevel(out, gzip.NoCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "data.bin", Mode: 0o644, Size: size, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	if _, err := io.CopyN(w, random(), size); err != nil {
		return err
	}
	return errors.Join(w.Close(), z.Close())
}

// random is the same bytes each time.
func random() io.Reader { return rand.NewChaCha8([32]byte{}) }
