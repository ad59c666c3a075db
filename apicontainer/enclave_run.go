package apicontainer

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/api/wire"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/packages/compose"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// The project's own service is EnclaveService. Its messages are spelled kurtosisv1, as pb is the reference's here.

// job is a run of the project's own API.
type job struct {
	options runtime.RunOptions
	backend backends.Backend
	paths   wire.Paths
	done    func() // with what was opened
}

// job opens what is to be run and words the options.
func (s *Server) job(ctx context.Context, m *kurtosisv1.RunRequest) (*job, error) {
	args, err := arguments(m.Args)
	if err != nil {
		return nil, err
	}
	args, secrets, err := s.secrets(args, m.Secrets)
	if err != nil {
		return nil, err
	}
	j := &job{backend: s.Backend, paths: func(path string) string { return path }, done: func() {}}
	pkg, identity, err := s.source(ctx, m, j)
	if err != nil {
		return nil, err
	}
	o := &j.options
	o.Options = runtime.Options{
		Package: pkg, Identity: identity, Nameless: identity == "", Function: m.Function, Args: args, Secrets: secrets, Privileged: m.Privileged, Strict: m.Strict, Cache: s.cache, Interp: s.interp,
	}
	if s.Checker != nil && !m.NoCheck {
		o.Checker = s.Checker(pkg)
	}
	o.State, o.Enclave, o.Sink, o.Now, o.HTTP = s.enclaves.State, s.enclave.UUID, event.Discard, s.Now, s.HTTP
	o.Host = s.about(ctx)
	o.ArgsText, o.Parallelism, o.Parallel = m.ArgsText, int(m.Parallelism), m.Parallel
	o.NonBlockingTasks, o.NoConnect, o.Prune = m.NonBlockingTasks, m.NoConnect, m.Prune
	o.ResourceCheck, o.Fresh, o.NoWait = m.ResourceCheck, m.Fresh, m.NoWait
	if m.ImageDownload == kurtosisv1.ImageDownload_IMAGE_DOWNLOAD_ALWAYS {
		o.ImageDownload = execute.DownloadAlways
	}
	var logins []backends.RegistryAuth
	for _, l := range m.Logins {
		auth := backends.RegistryAuth{Registry: l.Registry, Username: l.Username, Password: l.Password}
		if l.IdentityToken != "" {
			auth.Username, auth.Password = backends.TokenUser, l.IdentityToken
		}
		logins = append(logins, auth)
	}
	j.backend = withLogins(s.Backend, logins)
	o.Built = map[string]imagebuild.Built{}
	for _, b := range m.BuiltImages {
		o.Built[b.Key] = imagebuild.Built{Reference: b.Reference, Image: backends.Image{ID: b.Id, Platform: b.Platform, Entrypoint: b.Entrypoint, Cmd: b.Cmd}}
	}
	return j, nil
}

// secrets gives the arguments with the secrets that the enclave knows already, and the paths of the others.
func (s *Server) secrets(args plan.Value, list []*kurtosisv1.Secret) (plan.Value, []string, error) {
	var paths []string
	for _, secret := range list {
		dict, ok := args.(*plan.Dict)
		if secret.Kept == "" || !ok {
			paths = append(paths, secret.Path)
			continue
		}
		store, err := s.remembered()
		if err != nil {
			return nil, nil, err
		}
		if args, err = plan.PutArgument(dict, secret.Path, store.Resolve(secret.Kept)); err != nil {
			return nil, nil, err
		}
	}
	return args, paths, nil
}

// source opens what a request names, and says what it is known by in the enclave.
func (s *Server) source(ctx context.Context, m *kurtosisv1.RunRequest, j *job) (pkg *packages.Package, identity string, err error) {
	switch from := m.Source.(type) {
	case *kurtosisv1.RunRequest_Bundle:
		dir, release, err := s.bundles.open(from.Bundle)
		if err != nil {
			return nil, "", err
		}
		j.done = release
		j.paths = func(path string) string { return packages.BundledPath(dir, path) }
		pkg, err := packages.OpenBundle(ctx, dir, packages.Options{Fetcher: s.fetcher(m.GithubToken), Converted: compose.FileNames})
		if err != nil {
			release()
			return nil, "", err
		}
		return pkg, pkg.Identity(), nil
	case *kurtosisv1.RunRequest_Locator:
		if !strings.HasPrefix(from.Locator, "github.com/") { // else a path of this container
			return nil, "", backends.Errorf(backends.Invalid, "'%s' is not a locator of a package", from.Locator).WithHint("it is github.com/<owner>/<repository>[/<path>][@<version>]")
		}
		pkg, err := packages.Open(ctx, from.Locator, packages.Options{Fetcher: s.fetcher(m.GithubToken), Main: m.MainFile, Converted: compose.FileNames})
		if err != nil {
			return nil, "", err
		}
		return pkg, pkg.Identity(), nil
	case *kurtosisv1.RunRequest_Script:
		name := cmp.Or(from.Script.Name, scriptName)
		if filepath.Base(name) != name || filepath.Ext(name) != ".star" {
			return nil, "", backends.Errorf(backends.Invalid, "'%s' can't be the name of a script", name).WithHint("it is a file's name that ends in .star")
		}
		pkg, err := s.script(ctx, name, from.Script.Text, m.GithubToken)
		if err != nil {
			return nil, "", err
		}
		dir := filepath.Dir(pkg.Main.Path)
		j.paths = func(path string) string {
			return strings.ReplaceAll(path, dir+string(filepath.Separator), "")
		}
		return pkg, from.Script.Identity, nil
	}
	return nil, "", backends.Errorf(backends.Invalid, "the request does not say what to run")
}

// runSink sends events as JSON.
type runSink struct {
	send  func(*kurtosisv1.RunResponse)
	paths wire.Paths
}

// Emit is event.Sink's.
func (s runSink) Emit(e event.Event) {
	text, err := event.Encode(e)
	if err != nil { // none of ours; the outcome tells what matters
		return
	}
	s.send(&kurtosisv1.RunResponse{Message: &kurtosisv1.RunResponse_Event{Event: []byte(s.paths(string(text)))}})
}

// Run executes a package. Who stops listening does not stop the run.
func (s *service) Run(ctx context.Context, req *connect.Request[kurtosisv1.RunRequest], stream *connect.ServerStream[kurtosisv1.RunResponse]) error {
	return outlive(ctx, s.Server, func(life context.Context, send func(*kurtosisv1.RunResponse)) { s.do(life, req.Msg, send) }, stream.Send)
}

func (s *service) do(life context.Context, m *kurtosisv1.RunRequest, send func(*kurtosisv1.RunResponse)) {
	ctx, id, ended := s.active.begin(life)
	defer ended()
	send(&kurtosisv1.RunResponse{Message: &kurtosisv1.RunResponse_Run{Run: id}})
	result, paths, err := s.execution(ctx, m, send)
	s.note(context.WithoutCancel(ctx))
	out := outcome(result, err, ctx.Err() != nil, paths)
	if out.Enclave == nil {
		out.Enclave = wire.Enclave(s.enclave)
	}
	ended() // who has been told the outcome finds no run under way
	send(&kurtosisv1.RunResponse{Message: &kurtosisv1.RunResponse_Outcome{Outcome: out}})
}

func (s *service) execution(ctx context.Context, m *kurtosisv1.RunRequest, send func(*kurtosisv1.RunResponse)) (runtime.Result, wire.Paths, error) {
	j, err := s.job(ctx, m)
	if err != nil {
		return runtime.Result{}, func(path string) string { return path }, err
	}
	defer j.done()
	marked, err := plan.MarkSecrets(j.options.Args, j.options.Secrets)
	if err != nil {
		return runtime.Result{}, j.paths, err
	}
	if err := s.last.save(recordOf(m, j.options.Package.Name, marked)); err != nil {
		return runtime.Result{}, j.paths, err
	}
	o := &j.options
	o.Sink = runSink{send, j.paths}
	o.Checked = func(found []diag.Diagnostic) {
		if len(found) > 0 {
			send(&kurtosisv1.RunResponse{Message: &kurtosisv1.RunResponse_Checked{Checked: &kurtosisv1.Diagnostics{Diagnostics: wire.Diagnostics(found, j.paths)}}})
		}
	}
	if m.WantPlan {
		o.Planned = func(p *plan.Plan) {
			if text, err := wire.Plan(p, j.paths); err == nil { // a plan has nothing that JSON could refuse
				send(&kurtosisv1.RunResponse{Message: &kurtosisv1.RunResponse_Plan{Plan: text}})
			}
		}
	}
	s.tellLost(o.Sink)
	result, err := runtime.Run(ctx, j.backend, *o)
	return result, j.paths, err
}

// recordOf is a run as the reference's GetStarlarkRun tells it.
func recordOf(m *kurtosisv1.RunRequest, name string, secrets *plan.Secrets) *pb.GetStarlarkRunResponse {
	args := secrets.Hide(m.Args)
	r := &pb.GetStarlarkRunResponse{
		PackageId: cmp.Or(m.GetLocator(), name, scriptPackage), SerializedScript: secrets.Hide(m.GetScript().GetText()), SerializedParams: args,
		InitialSerializedParams: proto.String(args), Parallelism: m.Parallelism, RelativePathToMainFile: m.MainFile, MainFunctionName: m.Function,
	}
	if m.Fresh {
		r.ExperimentalFeatures = append(r.ExperimentalFeatures, pb.KurtosisFeatureFlag_NO_INSTRUCTIONS_CACHING)
	}
	return r
}

// Compare says what Run would do.
func (s *service) Compare(ctx context.Context, req *connect.Request[kurtosisv1.RunRequest]) (*connect.Response[kurtosisv1.CompareResponse], error) {
	j, err := s.job(ctx, req.Msg)
	if err != nil {
		return nil, rpc.Error(err)
	}
	defer j.done()
	result, err := runtime.Compare(ctx, j.backend, j.options)
	if ctx.Err() != nil {
		return nil, rpc.Error(ctx.Err())
	}
	out := &kurtosisv1.CompareResponse{Outcome: outcome(result, err, false, j.paths), Problems: wire.Problems(result.Problems, j.paths)}
	if p := result.Plan; p != nil {
		if out.Plan, err = wire.Plan(p, j.paths); err != nil {
			return nil, rpc.Error(err)
		}
		for _, step := range p.Steps {
			d := result.Delta.Of(step)
			out.Decisions = append(out.Decisions, &kurtosisv1.Decision{Step: step.ID, Skip: d.Skip, Cause: d.Cause})
		}
	}
	return connect.NewResponse(out), nil
}

func outcome(r runtime.Result, err error, interrupted bool, paths wire.Paths) *kurtosisv1.Outcome {
	out := &kurtosisv1.Outcome{
		Executed: int32(r.Executed), Skipped: int32(r.Skipped), Output: r.Output, Removed: r.Delta.Removed, Main: paths(r.Target.Path),
		Diagnostics: wire.Diagnostics(r.Diagnostics, paths), Causes: wire.Diagnostics(r.Causes, paths), Failure: wire.Failure(err, interrupted, paths),
	}
	if r.Enclave.UUID != "" {
		out.Enclave = wire.Enclave(r.Enclave)
	}
	return out
}

// Interrupt ends a run early, or all.
func (s *service) Interrupt(_ context.Context, req *connect.Request[kurtosisv1.InterruptRequest]) (*connect.Response[kurtosisv1.InterruptResponse], error) {
	n := s.active.interrupt(req.Msg.Run)
	if n == 0 && req.Msg.Run != "" {
		return nil, rpc.Error(backends.Errorf(backends.NotFound, "there is no run '%s' under way", req.Msg.Run))
	}
	return connect.NewResponse(&kurtosisv1.InterruptResponse{Runs: int32(n)}), nil
}
