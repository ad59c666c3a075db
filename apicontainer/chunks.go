package apicontainer

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"

	"connectrpc.com/connect"

	"github.com/kurtosis-go/kurtosis/api/apicontainerapi"
)

// chunkSize is how much data a chunk carries.
const chunkSize = 3 << 20

// chunkReader reads the data of a stream of chunks. Each chunk names the SHA-1 of the one before it: a stream that
// lost one is refused.
type chunkReader struct {
	stream   *connect.ClientStream[chunk]
	name     string // of what is sent, once a chunk has been read
	previous string
	rest     []byte
	ended    bool
}

// open reads the first chunk, so that the name is known.
func openChunks(stream *connect.ClientStream[chunk]) (*chunkReader, error) {
	r := &chunkReader{stream: stream}
	if err := r.next(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return r, nil
}

func (r *chunkReader) next() error {
	if !r.stream.Receive() {
		r.ended = true
		if err := r.stream.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	c := r.stream.Msg()
	if c.PreviousChunkHash != r.previous {
		return invalid("a chunk of the upload is missing or damaged: the hash of the one before is %q, and %q was announced", r.previous, c.PreviousChunkHash)
	}
	sum := sha1.Sum(c.Data)
	r.previous, r.rest = hex.EncodeToString(sum[:]), c.Data
	if name := c.GetMetadata().GetName(); name != "" {
		r.name = name
	}
	return nil
}

func (r *chunkReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// sendChunks sends what data holds, at least one chunk.
func sendChunks(stream *connect.ServerStream[chunk], name string, data io.Reader) error {
	previous := ""
	buffer := make([]byte, chunkSize)
	for first := true; ; first = false {
		n, err := io.ReadFull(data, buffer)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if n > 0 || first {
			if err := stream.Send(&chunk{Data: buffer[:n], PreviousChunkHash: previous, Metadata: &apicontainerapi.DataChunkMetadata{Name: name}}); err != nil {
				return err
			}
			sum := sha1.Sum(buffer[:n])
			previous = hex.EncodeToString(sum[:])
		}
		if last {
			return nil
		}
	}
}
