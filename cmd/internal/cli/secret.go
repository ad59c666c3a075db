package cli

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// secretFlag is a value of --secret or --secret-env: what is a secret, and where its text comes from, if that isn't
// given otherwise. The text itself never stands on the command line, where every process of the machine can read it.
type secretFlag struct {
	flag, name string
	text       string
	given      bool // text is the secret
}

// readSecrets reads the values of a flag: NAME, NAME=env:VARIABLE or NAME=file:FILE.
func (a *app) readSecrets(flag, what string, values []string) ([]secretFlag, error) {
	var list []secretFlag
	for _, value := range values {
		name, source, given := strings.Cut(value, "=")
		form := fmt.Sprintf("it has the form %[1]s, %[1]s=env:VARIABLE or %[1]s=file:FILE", what)
		if name == "" {
			return nil, &usageError{fmt.Sprintf("%s names nothing in '=%s'", flag, source), form}
		}
		s := secretFlag{flag: flag, name: name, given: given}
		kind, from, _ := strings.Cut(source, ":")
		switch {
		case !given:
		case kind == "env" && from != "":
			var set bool
			if s.text, set = os.LookupEnv(from); !set {
				return nil, &usageError{fmt.Sprintf("%s '%s' is to come from the environment, which has no variable '%s'", flag, name, from), ""}
			}
		case kind == "file" && from != "":
			text, err := a.readInput(from)
			if err != nil {
				return nil, err
			}
			s.text = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		default: // what came after = may be the secret
			return nil, &usageError{fmt.Sprintf("%s '%s' does not say where the secret comes from", flag, name), form}
		}
		list = append(list, s)
	}
	return list, nil
}

// secretArguments puts the secrets of --secret into the arguments, and gives their paths.
func (a *app) secretArguments(args *plan.Dict, values []string) (*plan.Dict, []string, error) {
	list, err := a.readSecrets("--secret", "PATH", values)
	if err != nil {
		return nil, nil, err
	}
	var paths []string
	for _, s := range list {
		if s.given {
			if args, err = plan.PutArgument(args, s.name, s.text); err != nil {
				return nil, nil, err
			}
		}
		paths = append(paths, s.name)
	}
	_, err = plan.MarkSecrets(args, paths)
	return args, paths, err
}

// secretVariables puts the secrets of --secret-env into a configuration. Those that are given by their name alone are
// secret from now on.
func (a *app) secretVariables(config *plan.Object, values []string) (names []string, err error) {
	list, err := a.readSecrets("--secret-env", "NAME", values)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.given {
			merge(config, "env_vars", &plan.Dict{Items: []plan.Item{{Key: plan.String(s.name), Value: plan.String(s.text)}}})
		}
		value, _ := config.Field("env_vars")
		env, _ := value.(*plan.Dict)
		if env == nil {
			env = &plan.Dict{}
		}
		found, ok := env.Get(s.name)
		text, isText := found.(plan.String)
		if !ok || !isText {
			e := &usageError{fmt.Sprintf("--secret-env '%s': the service has no environment variable of that name", s.name), fmt.Sprintf("'--secret-env %[1]s=env:%[1]s' gives it the value that it has here", s.name)}
			var names []string
			for _, item := range env.Items {
				names = append(names, plan.StringOf(item.Key))
			}
			if near, ok := diag.Closest(s.name, names); ok {
				e.hint = fmt.Sprintf("did you mean '%s'?", near)
			}
			return nil, e
		}
		if err := plan.CheckSecret(s.name, string(text)); err != nil {
			return nil, err
		}
		names = append(names, s.name)
	}
	return names, nil
}

// apart takes the secrets out of a configuration: the values of environment variables that are, and texts with references
// to what the enclave keeps. The script that adds the service gets them as its argument, as no script may hold one.
func apart(config *plan.Object, variables []string) (without *plan.Object, args *plan.Dict, list []client.Secret) {
	held := &plan.Dict{}
	take := func(text plan.String, kept bool) plan.Value {
		key := strconv.Itoa(len(held.Items))
		s := client.Secret{Path: "secrets." + key}
		if kept {
			s.Kept, text = string(text), ""
		}
		held.Items, list = append(held.Items, plan.Item{Key: plan.String(key), Value: text}), append(list, s)
		return plan.Opaque{Kind: "string", Text: fmt.Sprintf("secrets[%q]", key)}
	}
	var each func(v plan.Value) plan.Value
	each = func(v plan.Value) plan.Value {
		switch v := v.(type) {
		case plan.String:
			if strings.Contains(string(v), state.SecretReference) {
				return take(v, true)
			}
		case *plan.List:
			out := &plan.List{Kind: v.Kind}
			for _, item := range v.Items {
				out.Items = append(out.Items, each(item))
			}
			return out
		case *plan.Dict:
			out := &plan.Dict{}
			for _, item := range v.Items {
				out.Items = append(out.Items, plan.Item{Key: each(item.Key), Value: each(item.Value)})
			}
			return out
		case *plan.Object:
			out := &plan.Object{Constructor: v.Constructor}
			for _, f := range v.Fields {
				out.Fields = append(out.Fields, plan.Field{Name: f.Name, Value: each(f.Value)})
			}
			return out
		}
		return v
	}
	without = &plan.Object{Constructor: config.Constructor}
	for _, f := range config.Fields {
		if env, ok := f.Value.(*plan.Dict); ok && f.Name == "env_vars" {
			marked := &plan.Dict{}
			for _, item := range env.Items {
				if text, ok := item.Value.(plan.String); ok && slices.Contains(variables, plan.StringOf(item.Key)) && !strings.Contains(string(text), state.SecretReference) {
					item.Value = take(text, false)
				}
				marked.Items = append(marked.Items, item)
			}
			f.Value = marked
		}
		without.Fields = append(without.Fields, plan.Field{Name: f.Name, Value: each(f.Value)})
	}
	return without, &plan.Dict{Items: []plan.Item{{Key: plan.String("secrets"), Value: held}}}, list
}
