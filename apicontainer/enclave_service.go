package apicontainer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/api/kurtosisv1/kurtosisv1connect"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/api/wire"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// service is the server as the project's own API has it.
type service struct{ *Server }

var _ kurtosisv1connect.EnclaveServiceHandler = (*service)(nil)

// Inspect describes the enclave.
func (s *service) Inspect(ctx context.Context, _ *connect.Request[kurtosisv1.InspectRequest]) (*connect.Response[kurtosisv1.InspectResponse], error) {
	enclave, err := s.Backend.InspectEnclave(ctx, s.enclave.UUID)
	if err != nil {
		return nil, rpc.Error(err)
	}
	services, err := s.list(ctx)
	if err != nil {
		return nil, rpc.Error(err)
	}
	store, err := s.remembered()
	if err != nil {
		return nil, rpc.Error(err)
	}
	known := store.Enclave()
	secrets := store.Secrets()
	out := &kurtosisv1.InspectResponse{Enclave: wire.Enclave(enclave), LastRun: wire.LastRun(plan.HideIn(secrets, known.LastRun())), Runs: s.active.ids(), SetAside: store.SetAside()}
	for _, service := range services {
		out.Services = append(out.Services, described(store, known, service))
	}
	for _, name := range slices.Sorted(maps.Keys(known.Artifacts)) {
		out.Artifacts = append(out.Artifacts, wire.Artifact(known.Artifacts[name]))
	}
	if holder, held := store.Held(); held {
		out.Holder = wire.Holder(&holder)
	}
	return connect.NewResponse(out), nil
}

// described is a service with what it was made from, as far as that is remembered.
func described(store *state.Store, known *state.Enclave, s backends.Service) *kurtosisv1.Service {
	made, ok := known.Services[s.Name]
	if !ok || made.UUID != s.UUID {
		return wire.Service(s, nil, nil)
	}
	secrets := store.Secrets()
	config := withTexts(made.Config, secrets.Hide)
	if bytes.Equal(config, made.Config) {
		return wire.Service(s, config, nil)
	}
	return wire.Service(s, config, withTexts(made.Config, store.Refer))
}

// withTexts is JSON with every text replaced by what f makes of it; the same bytes where that changes nothing.
func withTexts(document []byte, f func(string) string) []byte {
	changed := false
	var each func(v any) any
	each = func(v any) any {
		switch v := v.(type) {
		case string:
			text := f(v)
			changed = changed || text != v
			return text
		case []any:
			for i := range v {
				v[i] = each(v[i])
			}
		case map[string]any:
			for key := range v {
				v[key] = each(v[key])
			}
		}
		return v
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil // what is not known is not shown
	}
	if v = each(v); !changed {
		return document
	}
	out, err := json.Marshal(v)
	if err != nil { // what was decoded encodes
		return nil
	}
	return out
}

func (s *service) described(ctx context.Context, made backends.Service, err error) (*connect.Response[kurtosisv1.ServiceResponse], error) {
	if err != nil {
		return nil, rpc.Error(err)
	}
	store, err := s.remembered()
	if err != nil { // it is no more than an addition
		return connect.NewResponse(&kurtosisv1.ServiceResponse{Service: wire.Service(made, nil, nil)}), nil
	}
	return connect.NewResponse(&kurtosisv1.ServiceResponse{Service: described(store, store.Enclave(), made)}), nil
}

// StartService starts a stopped service.
func (s *service) StartService(ctx context.Context, req *connect.Request[kurtosisv1.ServiceRequest]) (*connect.Response[kurtosisv1.ServiceResponse], error) {
	found, err := s.service(ctx, req.Msg.Service)
	if err != nil {
		return nil, err
	}
	started, err := s.Backend.StartService(ctx, s.enclave.UUID, found.Name)
	return s.described(ctx, started, err)
}

// StopService stops one.
func (s *service) StopService(ctx context.Context, req *connect.Request[kurtosisv1.ServiceRequest]) (*connect.Response[kurtosisv1.ServiceResponse], error) {
	found, err := s.service(ctx, req.Msg.Service)
	if err != nil {
		return nil, err
	}
	if err := s.Backend.StopService(ctx, s.enclave.UUID, found.Name); err != nil {
		return nil, rpc.Error(err)
	}
	stopped, err := s.Backend.InspectService(ctx, s.enclave.UUID, found.Name)
	return s.described(ctx, stopped, err)
}

// RemoveService removes one. What is remembered of it the next run finds out.
func (s *service) RemoveService(ctx context.Context, req *connect.Request[kurtosisv1.ServiceRequest]) (*connect.Response[kurtosisv1.RemoveServiceResponse], error) {
	found, err := s.service(ctx, req.Msg.Service)
	if err != nil {
		return nil, err
	}
	if err := s.Backend.RemoveService(ctx, s.enclave.UUID, found.Name); err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.RemoveServiceResponse{}), nil
}

// ListFiles lists what is in a files artifact.
func (s *service) ListFiles(_ context.Context, req *connect.Request[kurtosisv1.ListFilesRequest]) (*connect.Response[kurtosisv1.ListFilesResponse], error) {
	found, content, err := s.artifact(req.Msg.Artifact)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	out := &kurtosisv1.ListFilesResponse{Artifact: wire.Artifact(found)}
	for m, err := range state.Members(content) {
		if err != nil {
			return nil, rpc.Error(err)
		}
		file := &kurtosisv1.File{Path: m.Name, Type: "file", Size: m.Size, Mode: uint32(m.Mode.Perm()), Link: m.Link}
		switch {
		case m.Mode.IsDir():
			file.Type = "directory"
		case m.Link != "":
			file.Type = "link"
		}
		out.Files = append(out.Files, file)
	}
	slices.SortFunc(out.Files, func(a, b *kurtosisv1.File) int { return cmp.Compare(a.Path, b.Path) })
	return connect.NewResponse(out), nil
}

// dataSize is how much data a message carries.
const dataSize = 256 << 10

// sendData sends what r holds.
func sendData(r io.Reader, send func([]byte) error) error {
	buffer := make([]byte, dataSize)
	for {
		n, err := io.ReadFull(r, buffer)
		if n > 0 {
			if err := send(buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// Download sends a files artifact, or one file of it.
func (s *service) Download(_ context.Context, req *connect.Request[kurtosisv1.DownloadRequest], stream *connect.ServerStream[kurtosisv1.DownloadResponse]) error {
	found, content, err := s.artifact(req.Msg.Artifact)
	if err != nil {
		return err
	}
	defer content.Close()
	body := io.Reader(content)
	if name := req.Msg.File; name != "" {
		if body, err = fileIn(content, found.Name, name); err != nil {
			return rpc.Error(err)
		}
	}
	if err := stream.Send(&kurtosisv1.DownloadResponse{Artifact: wire.Artifact(found)}); err != nil {
		return err
	}
	return rpc.Error(sendData(body, func(data []byte) error { return stream.Send(&kurtosisv1.DownloadResponse{Data: data}) }))
}

// fileIn finds a regular file of an archive.
func fileIn(archive io.Reader, artifact, name string) (io.Reader, error) {
	want := strings.TrimPrefix(path.Clean("/"+name), "/")
	for m, err := range state.Members(archive) {
		if err != nil {
			return nil, err
		}
		if m.Name == want && m.Mode.IsRegular() {
			return m.Body, nil
		}
	}
	return nil, backends.Errorf(backends.NotFound, "files artifact '%s' has no file '%s'", artifact, name)
}

// Store makes a files artifact.
func (s *service) Store(ctx context.Context, stream *connect.ClientStream[kurtosisv1.StoreRequest]) (*connect.Response[kurtosisv1.StoreResponse], error) {
	if !stream.Receive() || stream.Msg().GetStart() == nil {
		return nil, cmp.Or(stream.Err(), invalid("the first message does not say what to store"))
	}
	start := stream.Msg().GetStart()
	from := func(f execute.Files, name string) (state.Artifact, error) {
		return f.Upload(ctx, name, &received{next: func() ([]byte, error) {
			if !stream.Receive() {
				return nil, io.EOF
			}
			return stream.Msg().GetData(), nil
		}, failure: stream.Err})
	}
	switch {
	case start.Url != "":
		from = func(f execute.Files, name string) (state.Artifact, error) { return f.Download(ctx, name, start.Url) }
	case start.Service != "":
		found, err := s.service(ctx, start.Service)
		if err != nil {
			return nil, err
		}
		from = func(f execute.Files, name string) (state.Artifact, error) {
			return f.FromService(ctx, name, found.Name, start.Path)
		}
	}
	made, err := s.make(ctx, start.Name, from)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&kurtosisv1.StoreResponse{Artifact: wire.Artifact(made)}), nil
}

// CopyTo unpacks an archive in a service.
func (s *service) CopyTo(ctx context.Context, stream *connect.ClientStream[kurtosisv1.CopyToRequest]) (*connect.Response[kurtosisv1.CopyToResponse], error) {
	if !stream.Receive() {
		return nil, cmp.Or(stream.Err(), invalid("the first message does not say where to copy to"))
	}
	first := stream.Msg()
	found, err := s.service(ctx, first.Service)
	if err != nil {
		return nil, err
	}
	data := &received{rest: first.Data, next: func() ([]byte, error) {
		if !stream.Receive() {
			return nil, io.EOF
		}
		return stream.Msg().Data, nil
	}, failure: stream.Err}
	if err := s.Backend.CopyTo(ctx, s.enclave.UUID, found.Name, first.Dir, data); err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.CopyToResponse{}), nil
}

// CopyFrom sends a path of a service.
func (s *service) CopyFrom(ctx context.Context, req *connect.Request[kurtosisv1.CopyFromRequest], stream *connect.ServerStream[kurtosisv1.CopyFromResponse]) error {
	found, err := s.service(ctx, req.Msg.Service)
	if err != nil {
		return err
	}
	content, err := s.Backend.CopyFrom(ctx, s.enclave.UUID, found.Name, req.Msg.Path)
	if err != nil {
		return rpc.Error(err)
	}
	defer content.Close()
	return rpc.Error(sendData(content, func(data []byte) error { return stream.Send(&kurtosisv1.CopyFromResponse{Data: data}) }))
}

// Exec runs a command in a service.
func (s *service) Exec(ctx context.Context, stream *connect.BidiStream[kurtosisv1.ExecRequest, kurtosisv1.ExecResponse]) error {
	first, err := stream.Receive()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil || len(start.Command) == 0 {
		return invalid("there is no command to execute")
	}
	found, err := s.service(ctx, start.Service)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	x := backends.Exec{Command: start.Command, User: start.User, Env: start.Env, Dir: start.Dir, TTY: start.Tty}
	out := &execOutput{send: stream.Send}
	x.Stdout = out.to(func(data []byte) *kurtosisv1.ExecResponse {
		return &kurtosisv1.ExecResponse{Message: &kurtosisv1.ExecResponse_Stdout{Stdout: data}}
	})
	x.Stderr = out.to(func(data []byte) *kurtosisv1.ExecResponse {
		return &kurtosisv1.ExecResponse{Message: &kurtosisv1.ExecResponse_Stderr{Stderr: data}}
	})
	input, give := io.Pipe()
	defer input.Close() // whoever still gives is told
	if start.Stdin {
		x.Stdin = input
	}
	sizes := make(chan backends.Size, 1)
	if start.Tty {
		x.Resize = sizes
	}
	if size := start.Size; size != nil {
		sizes <- backends.Size{Columns: uint16(size.Columns), Rows: uint16(size.Rows)}
	}
	go func() {
		defer give.Close()
		for {
			m, err := stream.Receive()
			if err != nil {
				return
			}
			switch m := m.Message.(type) {
			case *kurtosisv1.ExecRequest_Stdin:
				if _, err := give.Write(m.Stdin); err != nil && !start.Tty {
					return // the command has ended, or reads no more
				}
			case *kurtosisv1.ExecRequest_StdinEnd:
				give.Close()
			case *kurtosisv1.ExecRequest_Resize:
				select {
				case sizes <- backends.Size{Columns: uint16(m.Resize.Columns), Rows: uint16(m.Resize.Rows)}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	code, err := s.Backend.Exec(ctx, s.enclave.UUID, found.Name, x)
	if err != nil {
		return rpc.Error(err)
	}
	return stream.Send(&kurtosisv1.ExecResponse{Message: &kurtosisv1.ExecResponse_ExitCode{ExitCode: int32(code)}})
}
