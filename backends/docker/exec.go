package docker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/kurtosis-go/kurtosis/backends"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Exec runs a command in a service.
func (b *Backend) Exec(ctx context.Context, enclave, service string, e backends.Exec) (int, error) {
	if len(e.Command) == 0 {
		return 0, backends.Errorf(backends.Invalid, "no command to execute in service %q", service)
	}
	c, err := b.find(ctx, enclave, service)
	if err != nil {
		return 0, err
	}
	if !isRunning(c.State) {
		return 0, b.exited(ctx, c)
	}
	code, err := b.exec(ctx, c.ID, e)
	if err == nil {
		return code, nil
	}
	doing := fmt.Sprintf("executing a command in service %q", service)
	var typed *backends.Error
	if errors.As(err, &typed) {
		return 0, &backends.Error{Kind: typed.Kind, Message: doing + ": " + typed.Message}
	}
	err = b.wrap(ctx, err, doing)
	if backends.KindOf(err) == backends.Exited {
		return 0, b.exited(ctx, c)
	}
	return 0, err
}

func (b *Backend) exec(ctx context.Context, id string, e backends.Exec) (int, error) {
	options := container.ExecOptions{
		User: e.User, Cmd: e.Command, WorkingDir: e.Dir, Tty: e.TTY,
		AttachStdin: e.Stdin != nil, AttachStdout: true, AttachStderr: true,
	}
	for _, name := range sortedKeys(e.Env) {
		options.Env = append(options.Env, name+"="+e.Env[name])
	}
	created, err := b.client.ContainerExecCreate(ctx, id, options)
	if err != nil {
		return 0, err
	}
	stream, err := b.client.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{Tty: e.TTY})
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, stream.Close)
	defer stop()
	if e.TTY && e.Resize != nil {
		resizes, cancel := context.WithCancel(ctx)
		defer cancel()
		go b.resize(resizes, created.ID, e.Resize)
	}
	if e.Stdin != nil {
		go feed(stream, e.Stdin)
	}
	stdout, stderr := &startFailure{out: cmp.Or(e.Stdout, io.Discard)}, &startFailure{out: cmp.Or(e.Stderr, io.Discard)}
	if e.TTY {
		_, err = io.Copy(stdout, stream.Reader)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, stream.Reader)
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		return 0, err
	}
	result, err := b.client.ContainerExecInspect(ctx, created.ID)
	if err != nil {
		return 0, err
	}
	if code, err := stderr.settle(e, stderr.out, result.ExitCode); err != nil || code != result.ExitCode {
		return code, err
	}
	return stdout.settle(e, stderr.out, result.ExitCode)
}

// What shells answer for commands that cannot be run, and for those that are not there.
const cannotRun, notThere = 126, 127

var (
	engineWords   = compiled(`^(OCI runtime exec failed|runc exec failed|unable to find (user|group) |Error: (runc|crun): )`)
	noUser        = compiled(`unable to find (user|group) ([^:]+): no matching`)
	commandAbsent = compiled(`executable file .*not found|no such file or directory`)
)

// startFailure keeps back the engine's words about a command that could not be started: it writes them as if they
// were the command's output.
type startFailure struct {
	out   io.Writer
	begun bool
	held  []byte
}

func (f *startFailure) Write(b []byte) (int, error) {
	if !f.begun {
		f.begun = true
		if engineWords().Match(b) {
			f.held = bytes.Clone(b)
			return len(b), nil
		}
	} else if f.held != nil {
		f.held = append(f.held, b...)
		return len(b), nil
	}
	return f.out.Write(b)
}

// release gives out what was kept back: it was the command's own after all.
func (f *startFailure) release() error {
	if f.held == nil {
		return nil
	}
	_, err := f.out.Write(f.held)
	f.held = nil
	return err
}

// settle translates what was kept back, now that the exit code tells whose words it is.
func (f *startFailure) settle(e backends.Exec, stderr io.Writer, code int) (int, error) {
	if f.held == nil || code != cannotRun && code != notThere {
		return code, f.release()
	}
	text := strings.TrimSpace(string(f.held))
	if m := noUser().FindStringSubmatch(text); m != nil {
		return 0, backends.Errorf(backends.Invalid, "there is no %s %q", m[1], m[2])
	}
	why := "cannot be executed: " + strings.TrimSuffix(text, ": unknown")
	code = cannotRun
	if commandAbsent().MatchString(text) {
		why, code = "not found", notThere
	}
	f.held = nil
	_, err := fmt.Fprintf(stderr, "%s: %s\n", e.Command[0], why)
	return code, err
}

// feed ends with the command's standard input, which may be long after the command itself: a terminal is read until the
// next key.
func feed(stream types.HijackedResponse, stdin io.Reader) {
	io.Copy(stream.Conn, stdin)
	stream.CloseWrite()
}

func (b *Backend) resize(ctx context.Context, id string, sizes <-chan backends.Size) {
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-sizes:
			if !ok {
				return
			}
			// A size that comes too late, or before the command runs, is of no consequence.
			b.client.ContainerExecResize(ctx, id, container.ResizeOptions{Height: uint(s.Rows), Width: uint(s.Columns)})
		}
	}
}

// lastLines is how much of a log goes into errors.
const lastLines = 20

// exited explains that a service does not run: with its exit code and last words.
func (b *Backend) exited(ctx context.Context, c container.Summary) error {
	service := c.Labels[backends.LabelID]
	info, err := b.client.ContainerInspect(ctx, c.ID)
	if err != nil {
		return b.wrap(ctx, err, fmt.Sprintf("inspecting service %q", service))
	}
	s := b.inspected(info)
	e := backends.NotRunning(s, info.HostConfig.Memory)
	for line, err := range b.logs(ctx, c.ID, info.Config.Tty, backends.LogOptions{Tail: lastLines}) {
		if err != nil {
			break // the state is what matters; the log may be unreadable with this engine's driver
		}
		e.Log = append(e.Log, line.Text)
	}
	return e
}
