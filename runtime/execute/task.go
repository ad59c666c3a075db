package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// taskPrefix begins the names of the services that run_sh and run_python run in.
const taskPrefix = "task-"

// IsLostTask tells whether a service is the container of a task whose run was killed before it could remove it. The
// next run does.
func IsLostTask(service string, remembered *state.Enclave) bool {
	_, known := remembered.Services[service]
	return strings.HasPrefix(service, taskPrefix) && !known
}

// keepAlive is what a task's container runs while commands are executed in it. The file is there for scripts to
// write to: its lines become the service's log.
var keepAlive = []string{"/bin/sh", "-c", "touch /tmp/kurtosis-task.log; exec tail -f /tmp/kurtosis-task.log"}

// task is what run_sh and run_python have in common.
type task struct {
	instruction     string
	config          plan.ServiceConfig
	commands        [][]string // all but the last prepare
	store           []plan.StoreSpec
	wait            *time.Duration
	acceptableCodes []int64
	skipCodeCheck   bool
}

func mounts(files plan.Map[string]) plan.Map[plan.Directory] {
	var out plan.Map[plan.Directory]
	for path, name := range files.All() {
		out = append(out, plan.Entry[plan.Directory]{Key: path, Value: plan.Directory{ArtifactNames: []string{name}}})
	}
	return out
}

func (r *runner) runSh(ctx context.Context, about event.Step, in *plan.RunSh) (done, error) {
	return r.runTask(ctx, about, task{
		instruction: "run_sh",
		config: plan.ServiceConfig{
			Image: in.Image, Files: mounts(in.Files), EnvVars: in.EnvVars, TiniEnabled: true,
			NodeSelectors: in.NodeSelectors, Tolerations: in.Tolerations,
			Privileged: in.Privileged, HostPIDNamespace: in.HostPIDNamespace, BindMounts: in.BindMounts,
		},
		commands: [][]string{{"/bin/sh", "-c", in.Run}},
		store:    in.Store, wait: in.Wait, acceptableCodes: in.AcceptableCodes, skipCodeCheck: in.SkipCodeCheck,
	})
}

func (r *runner) runPython(ctx context.Context, about event.Step, in *plan.RunPython) (done, error) {
	t := task{
		instruction: "run_python",
		config: plan.ServiceConfig{
			Image: in.Image, Files: mounts(in.Files), TiniEnabled: true, NodeSelectors: in.NodeSelectors, Tolerations: in.Tolerations,
		},
		store: in.Store, wait: in.Wait, acceptableCodes: in.AcceptableCodes, skipCodeCheck: in.SkipCodeCheck,
	}
	if len(in.Packages) > 0 {
		t.commands = append(t.commands, append([]string{"pip", "install", "--no-input", "--disable-pip-version-check", "--"}, in.Packages...))
	}
	t.commands = append(t.commands, append([]string{"python", "-u", "-c", in.Run}, in.Args...))
	return r.runTask(ctx, about, t)
}

// runTask runs commands in a service of their own, keeps the files they leave, and removes the service.
func (r *runner) runTask(ctx context.Context, about event.Step, t task) (out done, err error) {
	name := taskPrefix + backends.NewUUID()
	image, err := r.Images.Need(ctx, t.config.Image)
	if err != nil {
		return done{}, err
	}
	spec, err := r.spec(name, &t.config, image)
	if err != nil {
		return done{}, err
	}
	spec.Entrypoint, spec.Cmd = keepAlive, nil
	service, err := r.Backend.AddService(ctx, r.Enclave.UUID, spec)
	if err != nil {
		return done{}, err
	}
	if r.NonBlockingTasks {
		out.services = []state.Service{remember(service, &t.config)}
	} else {
		defer func() {
			clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
			defer cancel()
			if e := r.Backend.RemoveService(clean, r.Enclave.UUID, name); e != nil && backends.KindOf(e) != backends.NotFound {
				err = errors.Join(err, fmt.Errorf("removing the container of %s: %w", t.instruction, e))
			}
		}()
	}
	a, err := r.runCommands(ctx, about, name, t)
	if err != nil {
		return out, err
	}
	out.text, out.values = execText(a), a.values
	for _, s := range t.store {
		artifact, err := r.storeFrom(ctx, name, s.Src, s.Name)
		if err != nil {
			return out, err
		}
		out.artifacts = append(out.artifacts, artifact)
	}
	return out, nil
}

// runCommands runs a task's commands one after the other, all within the task's time.
func (r *runner) runCommands(ctx context.Context, about event.Step, name string, t task) (answer, error) {
	limited, started := ctx, r.Now()
	if t.wait != nil {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, *t.wait)
		defer cancel()
	}
	var a answer
	for i, command := range t.commands {
		last := i == len(t.commands)-1
		if !last {
			r.Sink.Emit(event.StepProgress{Step: about, Message: strings.Join(command, " ")})
		}
		var err error
		a, err = r.runCommand(limited, name, command)
		switch {
		case err != nil && ctx.Err() == nil && limited.Err() != nil:
			f := event.Failure{
				Message: fmt.Sprintf("the command did not end within %s", *t.wait),
				Hint:    "wait= gives it more time, wait=None all it needs",
				Tried:   fmt.Sprintf("running %q", command), Attempts: 1, Elapsed: event.Seconds(r.Now().Sub(started)),
				Log: tail(a.body),
			}
			return a, &failure{f, err}
		case backends.KindOf(err) == backends.Exited:
			return a, r.ended(ctx, name, "the task was to run in it (its image needs /bin/sh and tail)", 0, 1, err)
		case err != nil:
			return a, err
		case !last && a.code != 0:
			return a, r.unacceptable(ctx, name, command, a, []int64{0})
		case last && !t.skipCodeCheck && !slices.Contains(t.acceptableCodes, a.code):
			return a, r.unacceptable(ctx, name, command, a, t.acceptableCodes)
		}
	}
	return a, nil
}

func tail(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return lines[max(0, len(lines)-logTail):]
}
