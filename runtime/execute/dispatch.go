package execute

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// execute does what one step says. What it returns beside an error is what changed nevertheless.
func (r *runner) execute(ctx context.Context, s *plan.Step, about event.Step) (done, error) {
	in, err := r.overridden(s).Instruction()
	if err != nil {
		return done{}, err
	}
	if err := plan.Resolve(in, r.lookup); err != nil {
		return done{}, err
	}
	switch in := in.(type) {
	case *plan.AddService:
		return r.addService(ctx, about, in)
	case *plan.AddServices:
		return r.addServices(ctx, about, in)
	case *plan.GetService:
		service, err := r.inspect(ctx, in.Name)
		return done{text: fmt.Sprintf("Fetched service '%s'", service.Name)}, err
	case *plan.GetServices:
		return r.getServices(ctx, s)
	case *plan.SetService:
		return r.setService(s, in)
	case *plan.RemoveService:
		return r.removeService(ctx, in)
	case *plan.StartService:
		return r.startService(ctx, in)
	case *plan.StopService:
		return r.stopService(ctx, in)
	case *plan.Exec:
		return r.exec(ctx, in)
	case *plan.Request:
		return r.request(ctx, in)
	case *plan.Wait:
		return r.wait(ctx, about, in)
	case *plan.Verify:
		return verify(in)
	case *plan.Print:
		return done{text: plan.StringOf(in.Msg)}, nil
	case *plan.RenderTemplates:
		return r.renderTemplates(ctx, in)
	case *plan.UploadFiles:
		return r.uploadFiles(ctx, about, in)
	case *plan.StoreServiceFiles:
		return r.storeServiceFiles(ctx, in)
	case *plan.GetFilesArtifact:
		if _, ok := r.Store.Enclave().Artifacts[in.Name]; !ok {
			return done{}, noArtifact(in.Name)
		}
		return done{text: fmt.Sprintf("Fetched artifact name '%s'", in.Name)}, nil
	case *plan.GetClusterType:
		return done{text: fmt.Sprintf("Cluster type is '%s'", r.Host.ClusterType)}, nil
	case *plan.RunSh:
		return r.runSh(ctx, about, in)
	case *plan.RunPython:
		return r.runPython(ctx, about, in)
	}
	return done{}, fmt.Errorf("instruction %q cannot be executed", s.Name)
}

func verify(in *plan.Verify) (done, error) {
	if err := assert(in.Value, in.Assertion, in.TargetValue); err != nil {
		return done{}, fmt.Errorf("verification failed: %w", err)
	}
	return done{text: fmt.Sprintf("Verification succeeded. Value is '%s'.", in.Value)}, nil
}

// setService keeps the configuration for the next time that the service is added.
func (r *runner) setService(s *plan.Step, in *plan.SetService) (done, error) {
	v, _ := s.Arg("config")
	v, err := plan.Replace(v, r.lookup)
	if err != nil {
		return done{}, err
	}
	config, ok := v.(*plan.Object)
	if !ok {
		return done{}, fmt.Errorf("set_service wants a ServiceConfig, not %s", v.Type())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.overrides[in.Name]; before != nil {
		config = overlay(before, config)
	}
	text, err := plan.MarshalValue(config)
	if err != nil {
		return done{}, err
	}
	r.overrides[in.Name] = config
	return done{
		text:      fmt.Sprintf("Set service config on service '%s'.", in.Name),
		overrides: map[string]json.RawMessage{in.Name: text},
	}, nil
}

// overridden is the step with what set_service said about the services that it adds.
func (r *runner) overridden(s *plan.Step) *plan.Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.overrides) == 0 || s.Name != "add_service" && s.Name != "add_services" {
		return s
	}
	name := func(text plan.Value) string {
		out, err := plan.ReplaceText(plan.StringOf(text), r.lookupLocked)
		if err != nil {
			return "" // executing the step reports it
		}
		return out
	}
	changed := *s
	changed.Args = slices.Clone(s.Args)
	for i, arg := range changed.Args {
		switch v := arg.Value.(type) {
		case *plan.Object: // config of add_service
			given, _ := s.Arg("name")
			if over := r.overrides[name(given)]; over != nil && arg.Name == "config" {
				changed.Args[i].Value = overlay(v, over)
			}
		case *plan.Dict: // configs of add_services
			items := slices.Clone(v.Items)
			for j, item := range items {
				config, ok := item.Value.(*plan.Object)
				if over := r.overrides[name(item.Key)]; ok && over != nil {
					items[j].Value = overlay(config, over)
				}
			}
			changed.Args[i].Value = &plan.Dict{Items: items}
		}
	}
	return &changed
}

// overlay is base with the fields that over gives.
func overlay(base, over *plan.Object) *plan.Object {
	out := &plan.Object{Constructor: base.Constructor, Fields: slices.Clone(base.Fields)}
	for _, f := range over.Fields {
		if i := slices.IndexFunc(out.Fields, func(b plan.Field) bool { return b.Name == f.Name }); i >= 0 {
			out.Fields[i] = f
		} else {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
