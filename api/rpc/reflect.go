package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"connectrpc.com/connect"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Reflection is served here, and not by connectrpc.com/grpcreflect, because that package parses descriptors of its
// own when a program starts: every command would pay for what only servers need.

// reflectionPaths are the methods that clients ask; both versions have the same messages.
var reflectionPaths = []string{
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
}

// reflector answers what a client may ask of the services it is named.
type reflector struct{ services []string }

func (r reflector) mount(mux *http.ServeMux) {
	for _, path := range reflectionPaths {
		mux.Handle(path, connect.NewBidiStreamHandler(path, r.info))
	}
}

func (r reflector) info(_ context.Context, stream *connect.BidiStream[reflection.ServerReflectionRequest, reflection.ServerReflectionResponse]) error {
	sent := map[string]bool{} // files that this client has
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		response, err := r.answer(request, sent)
		if err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

func (r reflector) answer(request *reflection.ServerReflectionRequest, sent map[string]bool) (*reflection.ServerReflectionResponse, error) {
	response := &reflection.ServerReflectionResponse{ValidHost: request.GetHost(), OriginalRequest: request}
	var file protoreflect.FileDescriptor
	var err error
	switch asked := request.GetMessageRequest().(type) {
	case *reflection.ServerReflectionRequest_ListServices:
		list := &reflection.ListServiceResponse{}
		for _, name := range r.services {
			list.Service = append(list.Service, &reflection.ServiceResponse{Name: name})
		}
		response.MessageResponse = &reflection.ServerReflectionResponse_ListServicesResponse{ListServicesResponse: list}
		return response, nil
	case *reflection.ServerReflectionRequest_AllExtensionNumbersOfType:
		if _, err = protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(asked.AllExtensionNumbersOfType)); err == nil {
			response.MessageResponse = &reflection.ServerReflectionResponse_AllExtensionNumbersResponse{
				AllExtensionNumbersResponse: extensions(asked.AllExtensionNumbersOfType),
			}
			return response, nil
		}
	case *reflection.ServerReflectionRequest_FileByFilename:
		file, err = protoregistry.GlobalFiles.FindFileByPath(asked.FileByFilename)
	case *reflection.ServerReflectionRequest_FileContainingSymbol:
		var found protoreflect.Descriptor
		if found, err = protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(asked.FileContainingSymbol)); err == nil {
			file = found.ParentFile()
		}
	case *reflection.ServerReflectionRequest_FileContainingExtension:
		var found protoreflect.ExtensionType
		of, number := asked.FileContainingExtension.GetContainingType(), asked.FileContainingExtension.GetExtensionNumber()
		if found, err = protoregistry.GlobalTypes.FindExtensionByNumber(protoreflect.FullName(of), protoreflect.FieldNumber(number)); err == nil {
			file = found.TypeDescriptor().ParentFile()
		}
	default:
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("a reflection request that asks for nothing known: %v", request))
	}
	var files [][]byte
	if err == nil {
		files, err = withImports(file, sent)
	}
	if err != nil {
		response.MessageResponse = &reflection.ServerReflectionResponse_ErrorResponse{
			ErrorResponse: &reflection.ErrorResponse{ErrorCode: int32(connect.CodeNotFound), ErrorMessage: err.Error()},
		}
		return response, nil
	}
	response.MessageResponse = &reflection.ServerReflectionResponse_FileDescriptorResponse{
		FileDescriptorResponse: &reflection.FileDescriptorResponse{FileDescriptorProto: files},
	}
	return response, nil
}

func extensions(of string) *reflection.ExtensionNumberResponse {
	out := &reflection.ExtensionNumberResponse{BaseTypeName: of}
	protoregistry.GlobalTypes.RangeExtensionsByMessage(protoreflect.FullName(of), func(e protoreflect.ExtensionType) bool {
		out.ExtensionNumber = append(out.ExtensionNumber, int32(e.TypeDescriptor().Number()))
		return true
	})
	slices.Sort(out.ExtensionNumber)
	return out
}

// withImports is a file and those it needs that the client does not have yet.
func withImports(file protoreflect.FileDescriptor, sent map[string]bool) ([][]byte, error) {
	var out [][]byte
	queue := []protoreflect.FileDescriptor{file}
	for first := true; len(queue) > 0; first = false {
		next := queue[0]
		queue = queue[1:]
		if next.IsPlaceholder() || sent[next.Path()] && !first {
			continue
		}
		sent[next.Path()] = true
		text, err := proto.Marshal(protodesc.ToFileDescriptorProto(next))
		if err != nil {
			return nil, err
		}
		out = append(out, text)
		for i := range next.Imports().Len() {
			queue = append(queue, next.Imports().Get(i).FileDescriptor)
		}
	}
	return out, nil
}
