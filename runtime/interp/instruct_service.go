package interp

import (
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

func (r *run) addService(thread *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	name, config := c.text("name"), c.get("config").(*object)
	if err := r.checkConfig(thread, config, step); err != nil {
		return nil, err
	}
	step.Description = fmt.Sprintf("Adding service with name '%s' and image '%s'", name, imageName(config.get("image")))
	return r.newService(step, name, config), nil
}

func (r *run) addServices(thread *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	configs := c.get("configs").(*starlark.Dict)
	if configs.Len() == 0 {
		return nil, cannotConstruct(c.row, `the following argument(s) could not be parsed or did not pass validation: {"configs":"The 'configs' argument should be a non-empty dictionary"}`, "")
	}
	names := make([]string, 0, configs.Len())
	returned := starlark.NewDict(configs.Len())
	for key, value := range configs.Entries() {
		if err := r.checkConfig(thread, value.(*object), step); err != nil {
			return nil, err
		}
		name := textOf(key)
		names = append(names, name)
		if err := returned.SetKey(key, r.newService(step, name, value.(*object))); err != nil {
			return nil, err
		}
	}
	step.Description = fmt.Sprintf("Adding '%d' services with names '%s'", len(names), strings.Join(names, ","))
	return returned, nil
}

// newService makes the Service that the script gets: its addresses are futures of the step.
func (r *run) newService(step *plan.Step, name string, config *object) *object {
	id := r.newFuture()
	step.Futures = append(step.Futures, plan.Source{ID: id, Service: name})
	ports := starlark.NewDict(0)
	if given, ok := config.get("ports").(*starlark.Dict); ok {
		for key, value := range given.Entries() {
			_ = ports.SetKey(key, returnedPort(name, value.(*object))) // the key was hashable before
		}
	}
	return r.know(name, id, ports)
}

// know makes the Service object of a service and remembers it.
func (r *run) know(name, id string, ports *starlark.Dict) *object {
	service := newObject("Service", map[string]starlark.Value{
		"name": starlark.String(name), "hostname": future(id, "hostname"), "ip_address": future(id, "ip_address"), "ports": ports,
	})
	if r.services[name] == nil {
		r.forget(name)
		r.order = append(r.order, name)
	}
	r.services[name] = service
	return service
}

func (r *run) forget(name string) {
	for i, known := range r.order {
		if known == name {
			r.order = append(r.order[:i:i], r.order[i+1:]...)
			break
		}
	}
	delete(r.services, name)
}

func newObject(name string, fields map[string]starlark.Value) *object {
	row := builtins.Lookup("", name)
	o := &object{row: row, args: make([]starlark.Value, len(row.Params))}
	for i := range row.Params {
		o.args[i] = fields[row.Params[i].Name]
	}
	return o
}

// returnedPort is a port as a Service shows it: with the defaults filled in, and a url where something is known
// about what is spoken on it.
func returnedPort(service string, port *object) *object {
	fields := map[string]starlark.Value{}
	for i := range port.row.Params {
		if v := port.args[i]; v != nil && v != starlark.None {
			fields[port.row.Params[i].Name] = v
		}
	}
	if textOf(fields["transport_protocol"]) == "" {
		fields["transport_protocol"] = starlark.String("TCP")
	}
	application := textOf(fields["application_protocol"])
	if application == "" {
		delete(fields, "application_protocol")
	} else if textOf(fields["url"]) == "" {
		fields["url"] = starlark.String(fmt.Sprintf("%s://%s:%s", application, service, fields["number"]))
	}
	if wait := port.args[port.index("wait")]; wait != starlark.None {
		text := textOf(wait)
		if wait == nil {
			text = "2m"
		}
		if d, err := time.ParseDuration(text); err == nil {
			fields["wait"] = starlark.String(d.String())
		}
	}
	return newObject(port.row.Name, fields)
}

// checkConfig makes the checks on a ServiceConfig that need more than its arguments, and resolves the locators
// in it.
func (r *run) checkConfig(thread *starlark.Thread, config *object, step *plan.Step) error {
	if err := r.gate(config.row.Name, config.get); err != nil {
		return err
	}
	if mounts, ok := config.get("files").(*starlark.Dict); ok {
		for key, value := range mounts.Entries() {
			if directory, ok := value.(*object); ok {
				if err := directory.inspect(); err != nil {
					return fmt.Errorf("files[%q]: %w", textOf(key), err)
				}
			}
		}
	}
	return r.resolveImage(thread, config.get("image"), step)
}

// The only path of the host that may be mounted.
const dockerSocket = "/var/run/docker.sock"

// gate refuses what would give a container power over the host, unless the run opted in.
func (r *run) gate(what string, get func(string) starlark.Value) error {
	asked := get("privileged") == starlark.True || get("host_pid_namespace") == starlark.True
	mounts, _ := get("bind_mounts").(*starlark.Dict)
	if mounts != nil && mounts.Len() > 0 {
		asked = true
	}
	if !asked {
		return nil
	}
	if r.in.Cluster != dockerCluster {
		return &fault{code: "privileged", message: what + " requested privileged=true, bind_mounts, or host_pid_namespace=true, which are only supported on the Docker backend", hint: "leave them out when get_cluster_type() is not \"docker\""}
	}
	if !r.in.Privileged {
		return &fault{
			code:    "privileged",
			message: what + " requested privileged=true, bind_mounts, or host_pid_namespace=true, but this run did not opt in. Pass --privileged on the CLI, or set allow-privileged-mode: true in kurtosis-config.yml",
			hint:    "pass --privileged when you trust this package with your machine",
		}
	}
	if mounts != nil {
		for key := range mounts.Entries() {
			if textOf(key) != dockerSocket {
				return &fault{code: "privileged", message: fmt.Sprintf("%s requested a bind mount of the host path '%s', and only '%s' is allowed", what, textOf(key), dockerSocket)}
			}
		}
	}
	return nil
}

// imageName is how descriptions call an image.
func imageName(v starlark.Value) string {
	o, ok := v.(*object)
	if !ok {
		return textOf(v)
	}
	if s := textOf(o.get("image")); s != "" {
		return s
	}
	return textOf(o.get("image_name"))
}

// resolveImage finds the build context of an image that is built.
func (r *run) resolveImage(thread *starlark.Thread, v starlark.Value, step *plan.Step) error {
	o, ok := v.(*object)
	if !ok {
		return nil
	}
	locator := textOf(o.get("build_context_dir"))
	if locator == "" {
		return nil
	}
	target, err := r.resolve(thread, locator)
	if err != nil {
		return err
	}
	step.Locators = append(step.Locators, plan.Resolved{Locator: locator, Path: target.Path})
	return nil
}

func (r *run) getService(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	name := c.text("name")
	step.Description = fmt.Sprintf("Fetching service '%s'", name)
	return r.lookup(step, name), nil
}

// lookup gives the Service object of a name. One that the plan did not add is looked for when the plan runs.
func (r *run) lookup(step *plan.Step, name string) *object {
	if known := r.services[name]; known != nil {
		return known
	}
	id := r.newFuture()
	step.Futures = append(step.Futures, plan.Source{ID: id, Service: name})
	ports := starlark.NewDict(0)
	if existing, ok := r.in.Environment.Service(name); ok {
		for port, spec := range existing.Ports.All() {
			_ = ports.SetKey(starlark.String(port), existingPort(name, spec)) // strings are hashable
		}
	}
	return r.know(name, id, ports)
}

func existingPort(service string, spec plan.PortSpec) *object {
	fields := map[string]starlark.Value{"number": starlark.MakeInt(int(spec.Number)), "transport_protocol": starlark.String(spec.TransportProtocol)}
	if spec.ApplicationProtocol != "" {
		fields["application_protocol"] = starlark.String(spec.ApplicationProtocol)
	}
	fields["wait"] = starlark.None
	if spec.Wait != nil {
		fields["wait"] = starlark.String(spec.Wait.String())
	}
	if spec.URL != "" {
		fields["url"] = starlark.String(spec.URL)
	}
	return returnedPort(service, newObject("PortSpec", fields))
}

func (r *run) getServices(_ *starlark.Thread, _ *call, step *plan.Step) (starlark.Value, error) {
	step.Description = "Fetching services"
	services := make([]starlark.Value, 0, len(r.order))
	for _, name := range append([]string(nil), r.order...) {
		services = append(services, r.lookup(step, name))
	}
	return starlark.NewList(services), nil
}

// fixed are the parts of a ServiceConfig that set_service cannot override.
var fixed = []string{"env_vars", "entrypoint", "cmd", "ports", "public_ports", "files"}

func (r *run) setService(thread *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	config := c.get("config").(*object)
	for _, part := range fixed {
		if config.get(part) != nil {
			return nil, &fault{
				code:    "not-overridable",
				message: fmt.Sprintf("set_service cannot override '%s' of service '%s'", part, c.text("name")),
				hint:    "image, CPU and memory, labels, user, tolerations and node selectors can be overridden",
			}
		}
	}
	if err := r.checkConfig(thread, config, step); err != nil {
		return nil, err
	}
	step.Description = fmt.Sprintf("Setting service config for service '%s'", c.text("name"))
	return starlark.None, nil
}

func (r *run) removeService(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	r.forget(c.text("name"))
	step.Description = fmt.Sprintf("Removing service '%s'", c.text("name"))
	return starlark.None, nil
}

func (r *run) startService(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	step.Description = fmt.Sprintf("Starting service '%s'", c.text("name"))
	return starlark.None, nil
}

func (r *run) stopService(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	step.Description = fmt.Sprintf("Stopping service '%s'", c.text("name"))
	return starlark.None, nil
}

func (r *run) getClusterType(_ *starlark.Thread, _ *call, step *plan.Step) (starlark.Value, error) {
	step.Description = fmt.Sprintf("Fetching cluster type '%s'", r.in.Cluster)
	return starlark.String(r.in.Cluster), nil
}
