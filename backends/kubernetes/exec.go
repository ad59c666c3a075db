package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes/pod"
)

// lastLines is how much of a log explains the end of a service.
const lastLines = 20

// Exec runs a command by the cluster's own exec, which knows no user, environment or directory; where these are given, by way of the
// program that the Pod carries.
func (b *Backend) Exec(ctx context.Context, enclave, service string, exec backends.Exec) (int, error) {
	if len(exec.Command) == 0 {
		return 0, backends.Errorf(backends.Invalid, "no command to execute in service %q", service)
	}
	_, p, err := b.running(ctx, enclave, service)
	if err != nil {
		return 0, err
	}
	doing := fmt.Sprintf("executing a command in service %q", service)
	if exec.User == "" && exec.Dir == "" && len(exec.Env) == 0 {
		code, err := b.stream(ctx, p, exec.Command, exec)
		if code, why := notExecuted(err, exec.Command[0]); code != 0 {
			_, err := io.WriteString(discard(exec.Stderr), why)
			return code, err
		}
		return code, b.wrap(ctx, err, doing)
	}
	if err := b.equip(ctx, enclave, p); err != nil {
		return 0, err
	}
	token := backends.NewUUID()
	errOut := &tokenWriter{token: token + pod.NoUser, to: discard(exec.Stderr)}
	out := &tokenWriter{token: token + pod.NoUser, to: discard(exec.Stdout)} // with a terminal both arrive here
	exec.Stdout, exec.Stderr = out, errOut
	code, err := b.stream(ctx, p, carried(pod.RunArgs(token, exec)...), exec)
	if errOut.found || out.found {
		return 0, backends.Errorf(backends.Invalid, "executing a command in service %q: there is no user %q", service, exec.User)
	}
	errOut.flush()
	out.flush()
	return code, b.wrap(ctx, err, doing)
}

// carried is a command of the program that the Pod carries.
func carried(args ...string) []string { return append([]string{pod.Program}, args...) }

// notExecuted says as shells do that a command could not be started; code is 0 if it could.
func notExecuted(err error, name string) (code int, why string) {
	if err == nil {
		return 0, ""
	}
	m := noCommand.FindStringSubmatch(err.Error())
	switch {
	case m == nil:
		return 0, ""
	case strings.Contains(m[2], "permission"):
		return pod.ExitNotExecutable, name + ": permission denied\n"
	}
	return pod.ExitNoCommand, name + ": not found\n"
}

func discard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// tokenWriter holds back what could be a token until it is none.
type tokenWriter struct {
	token  string
	to     io.Writer
	held   []byte
	found  bool
	passed bool
}

func (w *tokenWriter) Write(b []byte) (int, error) {
	if w.passed {
		return w.to.Write(b)
	}
	w.held = append(w.held, b...)
	n := min(len(w.held), len(w.token))
	if string(w.held[:n]) != w.token[:n] {
		return len(b), w.flush()
	}
	w.found = n == len(w.token)
	return len(b), nil
}

func (w *tokenWriter) flush() error {
	w.passed = true
	_, err := w.to.Write(w.held)
	w.held = nil
	return err
}

// running finds the Pod of a service that runs, or says how it ended.
func (b *Backend) running(ctx context.Context, enclave, service string) (*controller, *core.Pod, error) {
	e, c, err := b.find(ctx, enclave, service)
	if err != nil {
		return nil, nil, err
	}
	p, err := b.podOf(ctx, e, c)
	if err != nil {
		return nil, nil, err
	}
	if isRunning(p) {
		return c, p, nil
	}
	s, err := b.describeService(ctx, c, nil, nil, p)
	if err != nil {
		return nil, nil, err
	}
	failure := backends.NotRunning(s, c.template.Spec.Containers[0].Resources.Limits.Memory().Value())
	if p != nil {
		for line, err := range b.podLog(ctx, p, backends.LogOptions{Tail: lastLines}) {
			if err != nil {
				break // how it ended is what matters
			}
			failure.Log = append(failure.Log, line.Text)
		}
	}
	return nil, nil, failure
}

// stream executes a command over the API server.
func (b *Backend) stream(ctx context.Context, p *core.Pod, command []string, exec backends.Exec) (int, error) {
	request := b.client.core.Post().Resource("pods").Namespace(p.Namespace).Name(p.Name).SubResource("exec").
		VersionedParams(&core.PodExecOptions{
			Container: container, Command: command,
			Stdin: exec.Stdin != nil, Stdout: true, Stderr: !exec.TTY, TTY: exec.TTY,
		}, b.client.parameters)
	socket, err := remotecommand.NewWebSocketExecutor(b.config, http.MethodGet, request.URL().String())
	if err != nil {
		return 0, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(b.config, http.MethodPost, request.URL())
	if err != nil {
		return 0, err
	}
	either, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return 0, err
	}
	options := remotecommand.StreamOptions{Stdin: exec.Stdin, Stdout: discard(exec.Stdout), Tty: exec.TTY}
	if !exec.TTY {
		options.Stderr = discard(exec.Stderr)
	} else if exec.Resize != nil {
		options.TerminalSizeQueue = sizes{ctx, exec.Resize}
	}
	err = either.StreamWithContext(ctx, options)
	var exit utilexec.CodeExitError
	if errors.As(err, &exit) {
		return exit.Code, nil
	}
	if apierrors.IsNotFound(err) {
		return 0, backends.Errorf(backends.Exited, "pod %s has gone meanwhile", p.Name)
	}
	return 0, err
}

// sizes hands a terminal's sizes on.
type sizes struct {
	ctx  context.Context
	from <-chan backends.Size
}

func (s sizes) Next() *remotecommand.TerminalSize {
	select {
	case size, ok := <-s.from:
		if ok {
			return &remotecommand.TerminalSize{Width: size.Columns, Height: size.Rows}
		}
	case <-s.ctx.Done():
	}
	return nil
}

// CopyTo unpacks an archive with the Pod's own program.
func (b *Backend) CopyTo(ctx context.Context, enclave, service, dir string, from io.Reader) error {
	if !absolute(dir) {
		return backends.Errorf(backends.Invalid, "copying to service %q: path %q is not absolute", service, dir)
	}
	_, p, err := b.running(ctx, enclave, service)
	if err != nil {
		return err
	}
	if err := b.equip(ctx, enclave, p); err != nil {
		return err
	}
	doing := fmt.Sprintf("copying to %s of service %q", dir, service)
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := rebased(w, from)
		w.CloseWithError(err)
		written <- err
	}()
	var errOut bytes.Buffer
	code, err := b.stream(ctx, p, carried(pod.Extract, dir), backends.Exec{Stdin: r, Stderr: &errOut})
	r.Close()
	if cause := <-written; cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		return b.wrap(ctx, cause, doing)
	}
	switch {
	case err != nil:
		return b.wrap(ctx, err, doing)
	case code == pod.ExitNotDirectory:
		return backends.Errorf(backends.Invalid, "%s: it is not a directory", doing)
	case code != 0:
		return backends.Errorf(backends.Unknown, "%s: %s", doing, oneLine(errOut.String()))
	}
	return nil
}

// CopyFrom streams an archive out of the Pod.
func (b *Backend) CopyFrom(ctx context.Context, enclave, service, source string) (io.ReadCloser, error) {
	if !absolute(source) {
		return nil, backends.Errorf(backends.Invalid, "copying from service %q: path %q is not absolute", service, source)
	}
	_, p, err := b.running(ctx, enclave, service)
	if err != nil {
		return nil, err
	}
	if err := b.equip(ctx, enclave, p); err != nil {
		return nil, err
	}
	doing := fmt.Sprintf("copying %s from service %q", source, service)
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	type end struct {
		code int
		err  error
		text string
	}
	ended := make(chan end, 1)
	begun := make(chan struct{})
	go func() {
		var errOut bytes.Buffer
		code, err := b.stream(ctx, p, carried(pod.Archive, source), backends.Exec{Stdout: &firstWrite{to: w, begun: begun}, Stderr: &errOut})
		ended <- end{code, err, oneLine(errOut.String())}
		if err == nil && code != 0 {
			err = backends.Errorf(backends.Unknown, "%s: %s", doing, oneLine(errOut.String()))
		}
		w.CloseWithError(err)
	}()
	select {
	case <-begun:
	case end := <-ended:
		cancel()
		switch {
		case end.err != nil:
			return nil, b.wrap(ctx, end.err, doing)
		case end.code == pod.ExitNotFound:
			return nil, backends.Errorf(backends.NotFound, "service %q has no file or directory %s", service, source)
		}
		return nil, backends.Errorf(backends.Unknown, "%s: %s", doing, end.text)
	}
	return reader{r, cancel}, nil
}

// firstWrite tells that there is something to read.
type firstWrite struct {
	to    io.Writer
	begun chan struct{}
	once  bool
}

func (w *firstWrite) Write(b []byte) (int, error) {
	if !w.once {
		w.once = true
		close(w.begun)
	}
	return w.to.Write(b)
}

// reader ends the stream when it is closed.
type reader struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (r reader) Close() error {
	r.cancel()
	return r.PipeReader.Close()
}
