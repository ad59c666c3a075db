package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect"

	pb "github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/api/wire"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// RunOptions say what is run in an enclave, and how. One of Bundle, Locator and Script is required.
type RunOptions struct {
	Bundle  *packages.Bundle // a package, or a script, of this machine
	Locator string           // a package that the API container fetches: github.com/owner/repository[/path][@version]
	Script  *Script          // a text

	MainFile   string // with Locator: the file to run, relative to the package; "" is main.star
	Function   string // the entry point; "" is run
	Args       plan.Value
	Privileged bool // services may ask for privileges on the machine
	Strict     bool // what the checker finds ends the run
	NoCheck    bool // the checker does not run

	ArgsText         string // the arguments as the history shows them: values may be secrets
	Parallelism      int    // 0 is execute.DefaultParallelism
	Parallel         bool
	ImageDownload    execute.ImageDownload
	NonBlockingTasks bool
	NoConnect        bool // publish no port on the host
	Prune            bool
	ResourceCheck    bool // services that need more than the engine has are problems of the plan
	Fresh            bool // run every step, whatever was done before
	NoWait           bool // be refused, instead of waiting, when another run is in the enclave

	// Secrets are arguments that nothing shows: the enclave remembers their texts, apart from all else.
	Secrets []Secret
	// Logins are for this run's images, and for what images are built on. The API container does not keep them.
	Logins []Login
	// Built are, by imagebuild.Key, the images of the package that were built for a cluster, which builds none.
	Built map[string]imagebuild.Built
	// GitHubToken is for what the API container fetches. It is not kept either.
	GitHubToken string

	Sink    event.Sink              // nil is event.Discard
	Planned func(*plan.Plan)        // where not nil, is given the plan before its first step runs
	Checked func([]diag.Diagnostic) // where not nil, is given what the checker found before anything is made
	Started func(run string)        // where not nil, is given the id that Interrupt takes
}

// Script is a script that is in no package.
type Script struct {
	// Identity is what it is known by in the enclave: services that a script no longer adds are those that one of the
	// same identity made. Where it is "", none is.
	Identity string
	Name     string // of its file, for positions; "" is script.star
	Text     string
}

// Secret is an argument that nothing shows.
type Secret struct {
	Path string // of the argument, see plan.MarkSecrets
	Kept string // where not "", the text to put there, with the references that a Service's KeptConfig has
}

// Login opens a registry.
type Login struct {
	backends.RegistryAuth
	IdentityToken string // instead of a password: what `docker login` got from the registry's token server
}

// Run executes a package in the enclave. It is runtime.Run on the other side of the wire: the events, the result and
// the errors are the same, with the paths of this machine. The enclave exists, so Result.Created is never set; who
// wants a run that fails before it begins to leave nothing behind asks runtime.Plan before making the enclave.
//
// When ctx ends, the run is interrupted and Run returns once it has ended. When the connection breaks the run goes on.
func (e *Enclave) Run(ctx context.Context, o RunOptions) (runtime.Result, error) {
	m, err := e.request(ctx, o)
	if err != nil {
		return runtime.Result{}, err
	}
	m.WantPlan = o.Planned != nil
	// The stream outlives ctx: what an interrupted run came to is told at its end.
	life, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	begun := make(chan string, 1)
	defer context.AfterFunc(ctx, func() { e.interrupt(life, begun, leave) })()
	stream, err := e.calls.Run(life, connect.NewRequest(m))
	if err != nil {
		return runtime.Result{}, fail(ctx, err)
	}
	defer stream.Close()
	sink := o.Sink
	if sink == nil {
		sink = event.Discard
	}
	var known *plan.Plan
	for stream.Receive() {
		switch m := stream.Msg().Message.(type) {
		case *pb.RunResponse_Run:
			if o.Started != nil {
				o.Started(m.Run)
			}
			begun <- m.Run
		case *pb.RunResponse_Event:
			text := m.Event
			if o.Bundle != nil {
				text = o.Bundle.LocalJSON(text)
			}
			got, err := event.Decode(text)
			if err != nil {
				return runtime.Result{}, err
			}
			sink.Emit(got)
		case *pb.RunResponse_Checked:
			if o.Checked != nil {
				o.Checked(wire.GoDiagnostics(m.Checked.Diagnostics, o.local()))
			}
		case *pb.RunResponse_Plan:
			if known, err = wire.GoPlan(m.Plan, o.local()); err != nil {
				return runtime.Result{}, err
			}
			if o.Planned != nil {
				o.Planned(known)
			}
		case *pb.RunResponse_Outcome:
			result, err := outcome(m.Outcome, o.local())
			result.Plan = known
			if err != nil && m.Outcome.Failure.Interrupted && ctx.Err() != nil {
				err = errors.Join(err, ctx.Err())
			}
			return result, err
		}
	}
	if err := stream.Err(); err != nil {
		return runtime.Result{}, fail(ctx, err)
	}
	return runtime.Result{}, backends.Errorf(backends.EngineUnreachable, "the API container ended the connection before the run was over").
		WithHint("the run goes on; 'kurtosis enclave inspect' shows how it ends")
}

// interrupt ends a run as soon as its id is known, or leaves it alone where nobody is there to end it.
func (e *Enclave) interrupt(life context.Context, begun <-chan string, leave func()) {
	deadline, cancel := context.WithTimeout(life, e.patience)
	defer cancel()
	select {
	case run := <-begun:
		if _, err := e.Interrupt(deadline, run); err == nil {
			return
		}
	case <-deadline.Done():
	}
	leave()
}

// Compare says what Run would do, and changes nothing. Result.Delta has the decision on each step of Result.Plan.
func (e *Enclave) Compare(ctx context.Context, o RunOptions) (runtime.Result, error) {
	m, err := e.request(ctx, o)
	if err != nil {
		return runtime.Result{}, err
	}
	resp, err := e.calls.Compare(ctx, connect.NewRequest(m))
	if err != nil {
		return runtime.Result{}, err
	}
	result, err := outcome(resp.Msg.Outcome, o.local())
	if len(resp.Msg.Plan) > 0 {
		var planErr error
		if result.Plan, planErr = wire.GoPlan(resp.Msg.Plan, o.local()); planErr != nil {
			return runtime.Result{}, planErr
		}
	}
	result.Problems = wire.GoProblems(resp.Msg.Problems, o.local())
	decisions := make(map[string]plan.Decision, len(resp.Msg.Decisions))
	for _, d := range resp.Msg.Decisions {
		decisions[d.Step] = plan.Decision{Skip: d.Skip, Cause: d.Cause}
	}
	result.Delta = plan.Decided(decisions, result.Delta.Removed)
	return result, err
}

// request uploads the bundle, unless the API container has it, and words the request.
func (e *Enclave) request(ctx context.Context, o RunOptions) (*pb.RunRequest, error) {
	m := &pb.RunRequest{
		MainFile: o.MainFile, Function: o.Function, ArgsText: o.ArgsText, Parallelism: int32(o.Parallelism), Parallel: o.Parallel,
		NonBlockingTasks: o.NonBlockingTasks, NoConnect: o.NoConnect, Prune: o.Prune, ResourceCheck: o.ResourceCheck, Fresh: o.Fresh,
		Privileged: o.Privileged, Strict: o.Strict, NoCheck: o.NoCheck, NoWait: o.NoWait, GithubToken: o.GitHubToken,
	}
	if o.ImageDownload == execute.DownloadAlways {
		m.ImageDownload = pb.ImageDownload_IMAGE_DOWNLOAD_ALWAYS
	}
	if o.Args != nil {
		text, err := plan.EncodeJSON(o.Args)
		if err != nil {
			return nil, fmt.Errorf("the package's arguments have no JSON form: %w", err)
		}
		m.Args = string(text)
	}
	for _, s := range o.Secrets {
		m.Secrets = append(m.Secrets, &pb.Secret{Path: s.Path, Kept: s.Kept})
	}
	for _, l := range o.Logins {
		m.Logins = append(m.Logins, &pb.RegistryLogin{Registry: l.Registry, Username: l.Username, Password: l.Password, IdentityToken: l.IdentityToken})
	}
	for key, b := range o.Built {
		m.BuiltImages = append(m.BuiltImages, &pb.BuiltImage{
			Key: key, Reference: b.Reference, Id: b.Image.ID, Platform: b.Image.Platform, Entrypoint: b.Image.Entrypoint, Cmd: b.Image.Cmd,
		})
	}
	switch {
	case o.Bundle != nil:
		m.Source = &pb.RunRequest_Bundle{Bundle: o.Bundle.Digest}
		sink := o.Sink
		if sink == nil {
			sink = event.Discard
		}
		return m, e.upload(ctx, o.Bundle, sink)
	case o.Script != nil:
		m.Source = &pb.RunRequest_Script{Script: &pb.Script{Identity: o.Script.Identity, Name: o.Script.Name, Text: o.Script.Text}}
	default:
		m.Source = &pb.RunRequest_Locator{Locator: o.Locator}
	}
	return m, nil
}

// upload sends a bundle that the API container does not have.
func (e *Enclave) upload(ctx context.Context, b *packages.Bundle, sink event.Sink) error {
	has, err := e.calls.HasBundle(ctx, connect.NewRequest(&pb.HasBundleRequest{Digest: b.Digest}))
	if err != nil || has.Msg.Present {
		return err
	}
	stream := e.calls.UploadBundle(ctx)
	progress := &progress{sink: sink, total: b.Size}
	out := &sender{send: func(data []byte) error {
		progress.add(len(data))
		return stream.Send(&pb.UploadBundleRequest{Data: data})
	}}
	err = stream.Send(&pb.UploadBundleRequest{Digest: b.Digest})
	if err == nil {
		err = b.Write(ctx, out)
	}
	if err == nil {
		err = out.flush()
	}
	if err != nil && !errors.Is(err, io.EOF) { // that is the server's refusal, which it words below
		_, _ = stream.CloseAndReceive()
		return fail(ctx, err)
	}
	if _, err = stream.CloseAndReceive(); err == nil {
		progress.end()
	}
	return fail(ctx, err)
}

// local translates paths of a bundle.
func (o RunOptions) local() wire.Paths {
	if o.Bundle == nil {
		return func(path string) string { return path }
	}
	return o.Bundle.Local
}

func outcome(m *pb.Outcome, paths wire.Paths) (runtime.Result, error) {
	result := runtime.Result{
		Enclave: enclaveOf(m.Enclave).Enclave,
		Outcome: execute.Outcome{Executed: int(m.Executed), Skipped: int(m.Skipped), Output: m.Output},
		Preview: runtime.Preview{
			Target:      workspace.Target{Path: paths(m.Main)},
			Diagnostics: wire.GoDiagnostics(m.Diagnostics, paths), Causes: wire.GoDiagnostics(m.Causes, paths),
		},
		Delta: plan.Decided(nil, m.Removed),
	}
	err := wire.GoFailure(m.Failure, paths)
	var problems *runtime.ProblemsError
	if errors.As(err, &problems) {
		result.Problems = problems.Problems
	}
	return result, err
}

// chunkSize is how much data a message carries.
const chunkSize = 256 << 10

// sender gathers what is written into messages of a good size.
type sender struct {
	send   func([]byte) error
	buffer []byte
}

func (s *sender) Write(p []byte) (int, error) {
	s.buffer = append(s.buffer, p...)
	if len(s.buffer) < chunkSize {
		return len(p), nil
	}
	if err := s.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *sender) flush() error {
	if len(s.buffer) == 0 {
		return nil
	}
	err := s.send(s.buffer)
	s.buffer = s.buffer[:0] // a message is on its way, encoded, when send returns
	return err
}
