package client

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect"

	pb "github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/api/wire"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// File is what is in a files artifact.
type File struct {
	Path string
	Type string // file, directory, link
	Size int64
	Mode uint32 // permission bits
	Link string // where a link leads
}

// ListFiles lists what is in a files artifact, named by name or UUID, by path.
func (e *Enclave) ListFiles(ctx context.Context, artifact string) (state.Artifact, []File, error) {
	resp, err := e.calls.ListFiles(ctx, connect.NewRequest(&pb.ListFilesRequest{Artifact: artifact}))
	if err != nil {
		return state.Artifact{}, nil, err
	}
	files := make([]File, len(resp.Msg.Files))
	for i, f := range resp.Msg.Files {
		files[i] = File{f.Path, f.Type, f.Size, f.Mode, f.Link}
	}
	return wire.GoArtifact(resp.Msg.Artifact), files, nil
}

// Download opens a files artifact as a plain tar stream, or one file of it as it is; "" is all. The caller closes it.
func (e *Enclave) Download(ctx context.Context, artifact, file string) (state.Artifact, io.ReadCloser, error) {
	ctx, leave := context.WithCancel(ctx)
	stream, err := e.calls.Download(ctx, connect.NewRequest(&pb.DownloadRequest{Artifact: artifact, File: file}))
	if err == nil && !stream.Receive() {
		err = cmpError(stream.Err(), io.ErrUnexpectedEOF)
	}
	if err != nil {
		err = fail(ctx, err)
		leave()
		return state.Artifact{}, nil, err
	}
	first := stream.Msg()
	r := &receiver{
		ctx: ctx, rest: first.Data,
		next: func() ([]byte, bool) {
			more := stream.Receive()
			return stream.Msg().GetData(), more
		},
		failure: stream.Err,
		close:   func() error { leave(); return stream.Close() },
	}
	return wire.GoArtifact(first.Artifact), r, nil
}

// Store makes a files artifact of a tar stream, plain or gzip. A name that is empty is made up.
func (e *Enclave) Store(ctx context.Context, name string, archive io.Reader) (state.Artifact, error) {
	return e.store(ctx, &pb.StoreStart{Name: name}, archive)
}

// StoreURL makes one of an archive, or a file, that the API container downloads.
func (e *Enclave) StoreURL(ctx context.Context, name, url string) (state.Artifact, error) {
	return e.store(ctx, &pb.StoreStart{Name: name, Url: url}, nil)
}

// StoreService makes one of a path in a service.
func (e *Enclave) StoreService(ctx context.Context, name, service, path string) (state.Artifact, error) {
	return e.store(ctx, &pb.StoreStart{Name: name, Service: service, Path: path}, nil)
}

func (e *Enclave) store(ctx context.Context, start *pb.StoreStart, archive io.Reader) (state.Artifact, error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	stream := e.calls.Store(ctx)
	err := stream.Send(&pb.StoreRequest{Message: &pb.StoreRequest_Start{Start: start}})
	if err == nil && archive != nil {
		err = sendAll(archive, func(data []byte) error {
			return stream.Send(&pb.StoreRequest{Message: &pb.StoreRequest_Data{Data: data}})
		})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return state.Artifact{}, fail(ctx, err)
	}
	resp, err := stream.CloseAndReceive()
	if err != nil {
		return state.Artifact{}, fail(ctx, err)
	}
	return wire.GoArtifact(resp.Msg.Artifact), nil
}

// CopyTo unpacks a tar stream, plain or gzip, into a directory of a service, which is made if missing.
func (e *Enclave) CopyTo(ctx context.Context, service, dir string, archive io.Reader) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	stream := e.calls.CopyTo(ctx)
	err := stream.Send(&pb.CopyToRequest{Service: service, Dir: dir})
	if err == nil {
		err = sendAll(archive, func(data []byte) error { return stream.Send(&pb.CopyToRequest{Data: data}) })
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fail(ctx, err)
	}
	_, err = stream.CloseAndReceive()
	return fail(ctx, err)
}

// CopyFrom opens a path of a service, a file or a directory, as a plain tar stream whose members start with the path's
// base name. The caller closes it.
func (e *Enclave) CopyFrom(ctx context.Context, service, path string) (io.ReadCloser, error) {
	ctx, leave := context.WithCancel(ctx)
	stream, err := e.calls.CopyFrom(ctx, connect.NewRequest(&pb.CopyFromRequest{Service: service, Path: path}))
	if err == nil && !stream.Receive() {
		err = cmpError(stream.Err(), io.ErrUnexpectedEOF)
	}
	if err != nil {
		err = fail(ctx, err)
		leave()
		return nil, err
	}
	return &receiver{
		ctx: ctx, rest: stream.Msg().Data,
		next: func() ([]byte, bool) {
			more := stream.Receive()
			return stream.Msg().GetData(), more
		},
		failure: stream.Err,
		close:   func() error { leave(); return stream.Close() },
	}, nil
}

// Exec runs a command in a service, named by name or UUID, and returns its exit code; see backends.Services. With
// TTY, what the command writes comes on Stdout. When ctx ends, Exec returns. Input that is still to come when the
// command ends is not waited for: a Stdin that blocks stays behind in its Read.
func (e *Enclave) Exec(ctx context.Context, service string, x backends.Exec) (exitCode int, err error) {
	return e.exec(ctx, service, x)
}

// sendAll sends what archive holds. The error is io.EOF where the server has ended the call, and why is still to be
// received.
func sendAll(archive io.Reader, send func([]byte) error) error {
	buffer := make([]byte, chunkSize)
	for {
		n, err := archive.Read(buffer)
		if n > 0 {
			if err := send(buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func cmpError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// receiver reads the data of a stream of messages.
type receiver struct {
	ctx     context.Context
	rest    []byte
	next    func() ([]byte, bool)
	failure func() error
	close   func() error
}

func (r *receiver) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		data, more := r.next()
		if !more {
			if err := r.failure(); err != nil {
				return 0, fail(r.ctx, err)
			}
			return 0, io.EOF
		}
		r.rest = data
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *receiver) Close() error { return r.close() }
