package apicontainer

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// make makes a files artifact; a name that is empty is made up.
func (s *Server) make(ctx context.Context, name string, from func(execute.Files, string) (state.Artifact, error)) (state.Artifact, error) {
	var made state.Artifact
	err := s.enclaves.EditFiles(ctx, s.enclave, "an upload of files", func(f execute.Files) (err error) {
		f.HTTP = s.HTTP
		if name == "" {
			name = runtime.FreeArtifactName(f.Store.Enclave().Artifacts)
		}
		made, err = from(f, name)
		return err
	})
	var refused *state.ArchiveError
	if errors.As(err, &refused) {
		return made, invalid("files artifact %q: %s", name, refused)
	}
	return made, rpc.Error(err)
}

// UploadFilesArtifact takes a compressed archive.
func (s *Server) UploadFilesArtifact(ctx context.Context, stream *connect.ClientStream[chunk]) (*connect.Response[pb.UploadFilesArtifactResponse], error) {
	chunks, err := openChunks(stream)
	if err != nil {
		return nil, rpc.Error(err)
	}
	made, err := s.make(ctx, chunks.name, func(f execute.Files, name string) (state.Artifact, error) { return f.Upload(ctx, name, chunks) })
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&pb.UploadFilesArtifactResponse{Uuid: made.UUID, Name: made.Name}), nil
}

// StoreWebFilesArtifact downloads an archive or a file.
func (s *Server) StoreWebFilesArtifact(ctx context.Context, req *connect.Request[pb.StoreWebFilesArtifactArgs]) (*connect.Response[pb.StoreWebFilesArtifactResponse], error) {
	made, err := s.make(ctx, req.Msg.Name, func(f execute.Files, name string) (state.Artifact, error) { return f.Download(ctx, name, req.Msg.Url) })
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&pb.StoreWebFilesArtifactResponse{Uuid: made.UUID}), nil
}

// StoreFilesArtifactFromService copies files of a service.
func (s *Server) StoreFilesArtifactFromService(ctx context.Context, req *connect.Request[pb.StoreFilesArtifactFromServiceArgs]) (*connect.Response[pb.StoreFilesArtifactFromServiceResponse], error) {
	service, err := s.service(ctx, req.Msg.ServiceIdentifier)
	if err != nil {
		return nil, err
	}
	made, err := s.make(ctx, req.Msg.Name, func(f execute.Files, name string) (state.Artifact, error) {
		return f.FromService(ctx, name, service.Name, req.Msg.SourcePath)
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&pb.StoreFilesArtifactFromServiceResponse{Uuid: made.UUID}), nil
}

// remembered is what the enclave remembers. A state that could not be read is an empty one; the next run tells.
func (s *Server) remembered() (*state.Store, error) {
	store, err := s.enclaves.Store(s.enclave.UUID)
	var corrupt *state.CorruptError
	if errors.As(err, &corrupt) {
		s.lost.add(corrupt)
		return store, nil
	}
	return store, err
}

// lost are states that were found to be unreadable, and set aside, by who could not tell anybody.
type lost struct {
	mu   sync.Mutex
	list []*state.CorruptError
}

func (l *lost) add(e *state.CorruptError) {
	l.mu.Lock()
	l.list = append(l.list, e)
	l.mu.Unlock()
}

// take gives them once.
func (l *lost) take() []*state.CorruptError {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

// tellLost says what was lost to the next who runs something.
func (s *Server) tellLost(sink event.Sink) {
	for _, e := range s.lost.take() {
		sink.Emit(event.Warning{Message: e.Error(), Hint: e.Hint()})
	}
}

// artifact opens a files artifact.
func (s *Server) artifact(identifier string) (state.Artifact, io.ReadCloser, error) {
	store, err := s.remembered()
	if err != nil {
		return state.Artifact{}, nil, rpc.Error(err)
	}
	found, content, err := store.Artifact(identifier)
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil, rpc.Error(backends.Errorf(backends.NotFound, "enclave %q has no files artifact %q", s.enclave.Name, identifier))
	}
	return found, content, rpc.Error(err)
}

// DownloadFilesArtifact sends a compressed archive.
func (s *Server) DownloadFilesArtifact(_ context.Context, req *connect.Request[pb.DownloadFilesArtifactArgs], stream *connect.ServerStream[chunk]) error {
	found, content, err := s.artifact(req.Msg.Identifier)
	if err != nil {
		return err
	}
	defer content.Close()
	r, w := io.Pipe()
	defer r.Close()
	go func() { // ends when r is closed
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that there is; who waits is on this machine
		_, err := io.Copy(z, content)
		w.CloseWithError(errors.Join(err, z.Close()))
	}()
	return rpc.Error(sendChunks(stream, found.Name, r))
}

// ListFilesArtifactNamesAndUuids lists by name.
func (s *Server) ListFilesArtifactNamesAndUuids(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[pb.ListFilesArtifactNamesAndUuidsResponse], error) {
	store, err := s.remembered()
	if err != nil {
		return nil, rpc.Error(err)
	}
	out := &pb.ListFilesArtifactNamesAndUuidsResponse{}
	for name, a := range store.Enclave().Artifacts {
		out.FileNamesAndUuids = append(out.FileNamesAndUuids, &pb.FilesArtifactNameAndUuid{FileName: name, FileUuid: a.UUID})
	}
	slices.SortFunc(out.FileNamesAndUuids, func(a, b *pb.FilesArtifactNameAndUuid) int { return strings.Compare(a.FileName, b.FileName) })
	return connect.NewResponse(out), nil
}

// maxPreview is how much of a text file InspectFilesArtifactContents shows.
const maxPreview = 100

// InspectFilesArtifactContents lists the files of an artifact.
func (s *Server) InspectFilesArtifactContents(_ context.Context, req *connect.Request[pb.InspectFilesArtifactContentsRequest]) (*connect.Response[pb.InspectFilesArtifactContentsResponse], error) {
	which := req.Msg.GetFileNamesAndUuid()
	identifier := which.GetFileName()
	if identifier == "" {
		identifier = which.GetFileUuid()
	}
	_, content, err := s.artifact(identifier)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	out := &pb.InspectFilesArtifactContentsResponse{}
	for member, err := range state.Members(content) {
		if err != nil {
			return nil, rpc.Error(err)
		}
		file := &pb.FileArtifactContentsFileDescription{Path: member.Name, Size: uint64(member.Size)}
		if member.Mode.IsRegular() {
			head, err := io.ReadAll(io.LimitReader(member.Body, maxPreview+utf8.UTFMax))
			if err != nil {
				return nil, rpc.Error(err)
			}
			if text, ok := preview(head); ok {
				file.TextPreview = proto.String(text)
			}
		}
		out.FileDescriptions = append(out.FileDescriptions, file)
	}
	return connect.NewResponse(out), nil
}

// preview is the beginning of a file that is text.
func preview(head []byte) (string, bool) {
	if len(head) > maxPreview {
		cut := maxPreview
		for cut > 0 && !utf8.RuneStart(head[cut]) {
			cut--
		}
		head = head[:cut]
	}
	if !utf8.Valid(head) || slices.Contains(head, 0) {
		return "", false
	}
	return string(head), true
}
