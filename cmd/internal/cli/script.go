package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// script is Starlark that a command has put together.
type script struct {
	text       string
	args       *plan.Dict
	secrets    []client.Secret
	images     []string
	login      *client.Login // nil for none but those that are stored
	privileged bool
}

// runScript runs Starlark that a command has put together, in which the user sees no line: errors say what is wrong,
// not where.
func (a *app) runScript(ctx context.Context, e *client.Enclave, s script) (runtime.Result, error) {
	o := client.RunOptions{Script: &client.Script{Text: s.text}, Secrets: s.secrets, ResourceCheck: true, Fresh: true, NoCheck: true, Privileged: s.privileged}
	if s.args != nil {
		o.Args = s.args
	}
	if !s.privileged {
		config, err := readSettings()
		if err != nil {
			return runtime.Result{}, err
		}
		o.Privileged = config.AllowPrivileged
	}
	logins, err := a.engines.logins()
	if err != nil {
		return runtime.Result{}, err
	}
	if logins.Any() {
		if o.Logins, err = loginsFor(ctx, logins, s.images); err != nil {
			return runtime.Result{}, err
		}
	}
	if s.login != nil {
		o.Logins = append(o.Logins, *s.login)
	}
	o.Sink = event.Func(func(e event.Event) {
		switch e := e.(type) {
		case event.Warning:
			a.warn(e.Message, e.Hint)
		case event.Info:
			a.progress(e.Message)
		}
	})
	result, err := e.Run(ctx, o)
	return result, withoutPlace(err)
}

// withoutPlace is an error of a run without the line of the script.
func withoutPlace(err error) error {
	var (
		step     *execute.StepError
		refused  *interp.Error
		problems *runtime.ProblemsError
	)
	switch {
	case errors.As(err, &step):
		message := step.Failure.Message
		if len(step.Failure.Log) > 0 {
			message += "\nthe last lines of its log:\n  " + strings.Join(step.Failure.Log, "\n  ")
		}
		return &faultError{message, step.Failure.Hint}
	case errors.As(err, &refused):
		return &faultError{plainly(refused), refused.Hint}
	case errors.As(err, &problems):
		p := problems.Problems[0]
		return &faultError{p.Message, p.Hint}
	}
	return err
}

// loginsFor finds the logins for the registries of images, as they are sent.
func loginsFor(ctx context.Context, logins Logins, images []string) ([]client.Login, error) {
	found, err := logins.For(ctx, images)
	out := make([]client.Login, len(found))
	for i, auth := range found {
		out[i].RegistryAuth = auth
		if auth.Username == backends.TokenUser {
			out[i].Username, out[i].Password, out[i].IdentityToken = "", "", auth.Password
		}
	}
	return out, err
}
