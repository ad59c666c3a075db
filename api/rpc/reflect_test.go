package rpc

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"connectrpc.com/grpcreflect"
	"google.golang.org/protobuf/reflect/protoreflect"

	_ "github.com/kurtosis-go/kurtosis/api/engineapi" // the files that are asked for
)

// What a client of gRPC reflection learns, in both versions of the protocol.
func TestReflection(t *testing.T) {
	server := httptest.NewUnstartedServer(Handler(Options{}, map[string]http.Handler{
		"/engine_api.EngineService/": http.NotFoundHandler(), "/another.Service/": http.NotFoundHandler(),
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	stream := grpcreflect.NewClient(server.Client(), server.URL).NewStream(t.Context())
	t.Cleanup(func() { stream.Close() })
	services, err := stream.ListServices()
	if want := []protoreflect.FullName{"another.Service", "engine_api.EngineService"}; err != nil || !slices.Equal(services, want) {
		t.Fatalf("services are %v, %v; want %v", services, err, want)
	}
	paths := func(symbol protoreflect.FullName) []string {
		files, err := stream.FileContainingSymbol(symbol)
		if err != nil {
			t.Fatalf("%s: %v", symbol, err)
		}
		var out []string
		for _, f := range files {
			out = append(out, f.GetName())
		}
		return out
	}
	want := []string{"engine_service.proto", "google/protobuf/empty.proto", "google/protobuf/timestamp.proto"}
	if got := paths("engine_api.EngineService"); !slices.Equal(got, want) {
		t.Errorf("files are %v, want %v", got, want)
	}
	if got := paths("engine_api.EngineService.GetEngineInfo"); !slices.Equal(got, want[:1]) {
		t.Errorf("a client that has the imports gets %v, want %v", got, want[:1])
	}
	if files, err := stream.FileByFilename("google/protobuf/timestamp.proto"); err != nil || len(files) != 1 {
		t.Errorf("a file by its name: %v, %v", files, err)
	}
	if numbers, err := stream.AllExtensionNumbers("google.protobuf.Empty"); err != nil || len(numbers) != 0 {
		t.Errorf("extensions of Empty: %v, %v", numbers, err)
	}
	for name, ask := range map[string]func() error{
		"symbol":    func() error { _, err := stream.FileContainingSymbol("no.Such"); return err },
		"file":      func() error { _, err := stream.FileByFilename("no/such.proto"); return err },
		"extension": func() error { _, err := stream.FileContainingExtension("google.protobuf.Empty", 7); return err },
		"type":      func() error { _, err := stream.AllExtensionNumbers("no.Such"); return err },
	} {
		if err := ask(); !grpcreflect.IsReflectionStreamBroken(err) && err != nil {
			continue
		}
		t.Errorf("a %s that is not there: no error of its own, but %v", name, ask())
	}
}
