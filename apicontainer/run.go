package apicontainer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// request is what both ways of asking for a run have in common.
type request struct {
	open     func(ctx context.Context) (*packages.Package, error)
	function string
	params   string // JSON, "" for none
	dryRun   bool
	options  runtime.RunOptions

	resourceCheck bool
	record        *pb.GetStarlarkRunResponse
}

// common are the getters of both messages.
type common interface {
	GetSerializedParams() string
	GetDryRun() bool
	GetParallelism() int32
	GetMainFunctionName() string
	GetExperimentalFeatures() []pb.KurtosisFeatureFlag
	GetNonBlockingMode() bool
	GetParallel() bool
	GetAllowPrivilegedMode() bool
}

func (s *Server) request(m common, download *pb.ImageDownloadMode, resourceCheck *bool) request {
	r := request{function: m.GetMainFunctionName(), params: m.GetSerializedParams(), dryRun: m.GetDryRun(), resourceCheck: resourceCheck == nil || *resourceCheck}
	r.options = runtime.RunOptions{
		Parallelism: int(m.GetParallelism()), Parallel: m.GetParallel(), NonBlockingTasks: m.GetNonBlockingMode(),
		Fresh: slices.Contains(m.GetExperimentalFeatures(), pb.KurtosisFeatureFlag_NO_INSTRUCTIONS_CACHING),
	}
	r.options.Privileged = m.GetAllowPrivilegedMode()
	if download != nil && *download == pb.ImageDownloadMode_always {
		r.options.ImageDownload = execute.DownloadAlways
	}
	restart := pb.RestartPolicy_NEVER
	if s.enclave.Production {
		restart = pb.RestartPolicy_ALWAYS
	}
	r.record = &pb.GetStarlarkRunResponse{
		SerializedParams: r.params, Parallelism: m.GetParallelism(), MainFunctionName: r.function,
		ExperimentalFeatures: m.GetExperimentalFeatures(), RestartPolicy: restart, InitialSerializedParams: proto.String(r.params),
	}
	return r
}

// RunStarlarkScript runs a script that stands alone.
func (s *Server) RunStarlarkScript(ctx context.Context, req *connect.Request[pb.RunStarlarkScriptArgs], stream *connect.ServerStream[line]) error {
	m := req.Msg
	r := s.request(m, m.ImageDownloadMode, m.ResourceCheck)
	r.open = func(ctx context.Context) (*packages.Package, error) {
		return s.script(ctx, scriptName, m.SerializedScript, "")
	}
	r.options.Nameless = true
	r.record.PackageId, r.record.SerializedScript = scriptPackage, m.SerializedScript
	return s.run(ctx, r, stream.Send)
}

// scriptPackage is what the record of a run calls a script that is in no package.
const scriptPackage = "DEFAULT_PACKAGE_ID_FOR_SCRIPT"

// RunStarlarkPackage runs a package that was uploaded, that comes along, or that is fetched.
func (s *Server) RunStarlarkPackage(ctx context.Context, req *connect.Request[pb.RunStarlarkPackageArgs], stream *connect.ServerStream[line]) error {
	m := req.Msg
	if local := m.GetLocal(); len(local) > 0 {
		if err := s.uploads.put(ctx, m.PackageId, strings.NewReader(string(local))); err != nil {
			return rpc.Error(err)
		}
	}
	r := s.request(m, m.ImageDownloadMode, m.ResourceCheck)
	r.open = func(ctx context.Context) (*packages.Package, error) {
		return s.open(ctx, m.PackageId, m.GetRemote() || m.GetClonePackage(), m.GetRelativePathToMainFile(), m.GetGithubAuthToken())
	}
	r.record.PackageId, r.record.RelativePathToMainFile = m.PackageId, m.GetRelativePathToMainFile()
	return s.run(ctx, r, stream.Send)
}

// UploadStarlarkPackage takes a package.
func (s *Server) UploadStarlarkPackage(ctx context.Context, stream *connect.ClientStream[chunk]) (*connect.Response[emptypb.Empty], error) {
	chunks, err := openChunks(stream)
	if err != nil {
		return nil, rpc.Error(err)
	}
	if chunks.name == "" {
		return nil, invalid("the upload does not say which package it is")
	}
	if err := s.uploads.put(ctx, chunks.name, chunks); err != nil {
		return nil, rpc.Error(fmt.Errorf("uploading package %q: %w", chunks.name, err))
	}
	return empty(), nil
}

func (s *Server) fetcher(token string) packages.Fetcher {
	if s.Fetcher == nil {
		return nil
	}
	return s.Fetcher(token)
}

func (s *Server) open(ctx context.Context, name string, remote bool, main, token string) (*packages.Package, error) {
	o := packages.Options{Fetcher: s.fetcher(token), Main: main}
	if remote {
		return packages.Open(ctx, name, o)
	}
	return s.uploads.open(ctx, name, o)
}

// scriptName is what a script that comes without a name is called.
const scriptName = "script.star"

// script keeps a script as a file, as what is interpreted has to have a place.
func (s *Server) script(ctx context.Context, name, text, token string) (*packages.Package, error) {
	sum := sha256.Sum256([]byte(text))
	dir := filepath.Join(s.Dir, "scripts", hex.EncodeToString(sum[:8]))
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := writeFile(file, []byte(text)); err != nil {
		return nil, err
	}
	return packages.Open(ctx, file, packages.Options{Fetcher: s.fetcher(token)})
}

func arguments(text string) (plan.Value, error) {
	if strings.TrimSpace(text) == "" {
		return &plan.Dict{}, nil
	}
	v, err := plan.DecodeJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("the package's arguments are no JSON: %w", err)
	}
	return v, nil
}

// run does what r asks for and sends what happens. Who stops listening does not stop the run.
func (s *Server) run(ctx context.Context, r request, send func(*line) error) error {
	return outlive(ctx, s, func(life context.Context, emit func(*line)) {
		ctx, _, ended := s.active.begin(life)
		defer ended()
		s.execute(ctx, r, emit)
	}, send)
}

func (s *Server) execute(ctx context.Context, r request, emit func(*line)) {
	started := s.Now()
	w := &writer{emit: emit, steps: map[string]*plan.Step{}}
	fail := func(err error) {
		emit(errorLine(err))
		emit(finished(false, "", s.Now().Sub(started)))
	}
	args, err := arguments(r.params)
	if err != nil {
		fail(err)
		return
	}
	pkg, err := r.open(ctx)
	if err != nil {
		fail(err)
		return
	}
	o := r.options
	o.Options.Package, o.Options.Function, o.Options.Args = pkg, r.function, args
	o.Options.Cache, o.Options.Interp = s.cache, s.interp
	o.State, o.Enclave, o.Sink, o.Now, o.HTTP = s.enclaves.State, s.enclave.UUID, w, s.Now, s.HTTP
	o.Host = s.about(ctx)
	o.ArgsText = argumentNames(args)
	o.NoConnect, o.ResourceCheck, o.ImagesFirst = s.unconnected.Load(), r.resourceCheck, true
	if r.dryRun {
		result, err := runtime.Compare(ctx, s.Backend, o)
		if err == nil && len(result.Problems) > 0 {
			err = &runtime.ProblemsError{Problems: result.Problems}
		}
		if err != nil {
			fail(err)
			return
		}
		for _, step := range result.Plan.Steps {
			emit(instruction(step, step.Description, result.Delta.Of(step).Skip))
		}
		return
	}
	if err := s.last.save(r.record); err != nil {
		fail(err)
		return
	}
	o.Planned = w.planned
	s.tellLost(w)
	result, err := runtime.Run(ctx, s.Backend, o)
	s.note(context.WithoutCancel(ctx))
	if err != nil {
		fail(err)
		return
	}
	emit(finished(true, result.Output, s.Now().Sub(started)))
}

// argumentNames is what the history keeps of arguments: values may be secrets.
func argumentNames(args plan.Value) string {
	dict, ok := args.(*plan.Dict)
	if !ok {
		return ""
	}
	names := make([]string, len(dict.Items))
	for i, item := range dict.Items {
		names[i] = plan.StringOf(item.Key)
	}
	return strings.Join(names, ", ")
}

// GetStarlarkScriptPlanYaml plans a script.
func (s *Server) GetStarlarkScriptPlanYaml(ctx context.Context, req *connect.Request[pb.StarlarkScriptPlanYamlArgs]) (*connect.Response[pb.PlanYaml], error) {
	m := req.Msg
	pkg, err := s.script(ctx, scriptName, m.SerializedScript, "")
	return s.planYAML(ctx, pkg, err, m.GetMainFunctionName(), m.GetSerializedParams(), m.GetAllowPrivilegedMode())
}

// GetStarlarkPackagePlanYaml plans a package.
func (s *Server) GetStarlarkPackagePlanYaml(ctx context.Context, req *connect.Request[pb.StarlarkPackagePlanYamlArgs]) (*connect.Response[pb.PlanYaml], error) {
	m := req.Msg
	pkg, err := s.open(ctx, m.PackageId, m.IsRemote, m.GetRelativePathToMainFile(), "")
	return s.planYAML(ctx, pkg, err, m.GetMainFunctionName(), m.GetSerializedParams(), m.GetAllowPrivilegedMode())
}

func (s *Server) planYAML(ctx context.Context, pkg *packages.Package, err error, function, params string, privileged bool) (*connect.Response[pb.PlanYaml], error) {
	if err != nil {
		return nil, refused(err)
	}
	args, err := arguments(params)
	if err != nil {
		return nil, refused(err)
	}
	result, err := runtime.Compare(ctx, s.Backend, runtime.RunOptions{
		Options: runtime.Options{Package: pkg, Function: function, Args: args, Privileged: privileged, Cache: s.cache, Interp: s.interp},
		State:   s.enclaves.State, Enclave: s.enclave.UUID, Sink: event.Discard, Now: s.Now, Host: s.about(ctx),
	})
	if err != nil {
		return nil, refused(err)
	}
	text, err := result.Plan.YAML()
	if err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&pb.PlanYaml{PlanYaml: string(text)}), nil
}

// refused is the error of a package that gives no plan.
func refused(err error) error {
	wire := rpc.Error(err)
	if connect.CodeOf(wire) == connect.CodeUnknown {
		return connect.NewError(connect.CodeInvalidArgument, errors.Unwrap(wire))
	}
	return wire
}

// GetStarlarkRun tells what was run last, so that it can be run again; what is a secret has to be given again then.
func (s *Server) GetStarlarkRun(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[pb.GetStarlarkRunResponse], error) {
	record, err := s.last.read()
	if err != nil {
		return nil, rpc.Error(err)
	}
	store, err := s.remembered()
	if err != nil {
		return nil, rpc.Error(err)
	}
	secrets := store.Secrets()
	record.SerializedParams, record.SerializedScript = secrets.Hide(record.SerializedParams), secrets.Hide(record.SerializedScript)
	if record.InitialSerializedParams != nil {
		record.InitialSerializedParams = proto.String(secrets.Hide(*record.InitialSerializedParams))
	}
	return connect.NewResponse(record), nil
}

// lastRun keeps what was run last. It may hold secrets among the arguments, so nobody else may read it.
type lastRun struct {
	path string
	mu   sync.Mutex
}

func (l *lastRun) save(m *pb.GetStarlarkRunResponse) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	return writeFile(l.path, data)
}

func (l *lastRun) read() (*pb.GetStarlarkRunResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := &pb.GetStarlarkRunResponse{}
	data, err := os.ReadFile(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	} else if err != nil {
		return nil, err
	}
	return m, proto.Unmarshal(data, m)
}

func finished(ok bool, output string, took time.Duration) *line {
	e := &pb.StarlarkRunFinishedEvent{IsRunSuccessful: ok, TotalExecutionDuration: duration(took)}
	if output != "" {
		e.SerializedOutput = &output
	}
	return &line{RunResponseLine: &pb.StarlarkRunResponseLine_RunFinishedEvent{RunFinishedEvent: e}}
}
