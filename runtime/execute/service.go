package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// cleanupTime bounds what is taken back after the run's own context has ended.
const cleanupTime = 30 * time.Second

func (r *runner) addService(ctx context.Context, about event.Step, in *plan.AddService) (done, error) {
	service, out, err := r.startOne(ctx, about, in.Name, &in.Config)
	if err != nil {
		return out, err
	}
	out.text = fmt.Sprintf("Service '%s' added with service UUID '%s'", service.Name, service.UUID)
	return out, nil
}

// startOne makes the service that config describes and waits for it to be ready. A service that never becomes
// ready stays, for people to look at; it does not count as done.
func (r *runner) startOne(ctx context.Context, about event.Step, name string, config *plan.ServiceConfig) (backends.Service, done, error) {
	started := r.Now()
	service, out, err := r.create(ctx, about, name, config)
	if err == nil {
		err = r.ready(ctx, about, name, config)
	}
	if err == nil {
		r.announce(service, started)
	}
	return service, out, err
}

// create makes a service, or replaces the one of its name.
func (r *runner) create(ctx context.Context, about event.Step, name string, config *plan.ServiceConfig) (backends.Service, done, error) {
	image, err := r.Images.Need(ctx, config.Image)
	if err != nil {
		return backends.Service{}, done{}, err
	}
	spec, err := r.spec(name, config, image)
	if err != nil {
		return backends.Service{}, done{}, err
	}
	r.mu.Lock()
	_, exists := r.services[name]
	r.mu.Unlock()
	var service backends.Service
	if exists {
		r.Sink.Emit(event.StepProgress{Step: about, Message: fmt.Sprintf("replacing service %s", name)})
		service, err = r.Backend.UpdateService(ctx, r.Enclave.UUID, spec)
	} else {
		r.Sink.Emit(event.StepProgress{Step: about, Message: fmt.Sprintf("starting service %s", name)})
		service, err = r.Backend.AddService(ctx, r.Enclave.UUID, spec)
	}
	if err != nil {
		return backends.Service{}, done{}, err
	}
	r.mu.Lock()
	r.services[name] = service
	r.mu.Unlock()
	return service, done{services: []state.Service{remember(service, config)}}, nil
}

func remember(s backends.Service, config *plan.ServiceConfig) state.Service {
	kept := *config
	if kept.Image.Spec != nil {
		spec := *kept.Image.Spec
		spec.Password = "" // not for the disk
		kept.Image.Spec = &spec
	}
	text, err := json.Marshal(kept)
	if err != nil {
		text = nil // a target value that JSON cannot express: nobody updates the service from here
	}
	return state.Service{Name: s.Name, UUID: s.UUID, Hostname: s.Hostname, Address: s.Address, Image: s.Image, Digest: s.ImageID, Config: text}
}

func (r *runner) announce(s backends.Service, started time.Time) {
	r.Sink.Emit(event.ServiceReady{
		Service: s.Name, UUID: s.UUID, Address: s.Address, Ports: Ports(s), Duration: event.Seconds(r.Now().Sub(started)),
	})
}

// Ports lists the ports of a service by id, as events and listings show them.
func Ports(s backends.Service) []event.Port {
	ports := []event.Port{}
	for _, id := range sortedKeys(s.Ports) {
		p := s.Ports[id]
		port := event.Port{ID: id, Number: int(p.Number), Transport: string(p.Protocol()), Application: p.Application}
		if public, ok := s.Published[id]; ok {
			port.Public = fmt.Sprintf("%s:%d", public.Address, public.Number)
		}
		ports = append(ports, port)
	}
	return ports
}

// addServices makes a batch, some at once. If one of them fails those that are new are removed again; those that
// replaced a running service stay as they are, as what they replaced is gone.
func (r *runner) addServices(ctx context.Context, about event.Step, in *plan.AddServices) (done, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type result struct {
		service backends.Service
		out     done
		err     error
		existed bool
	}
	var (
		results = make([]result, len(in.Configs))
		slots   = make(chan struct{}, r.Parallelism)
		running sync.WaitGroup
	)
	for i := range in.Configs {
		name, config := in.Configs[i].Key, &in.Configs[i].Value
		r.mu.Lock()
		_, results[i].existed = r.services[name]
		r.mu.Unlock()
		running.Go(func() {
			res := &results[i]
			started := r.Now()
			select {
			case slots <- struct{}{}: // only creating is limited: waiting costs nothing
				res.service, res.out, res.err = r.create(ctx, about, name, config)
				<-slots
			case <-ctx.Done():
				res.err = ctx.Err()
			}
			if res.err == nil {
				res.err = r.ready(ctx, about, name, config)
			}
			if res.err != nil {
				stop()
				return
			}
			r.announce(res.service, started)
		})
	}
	running.Wait()
	var (
		out    done
		failed []error
		lines  []string
	)
	for i, res := range results {
		name := in.Configs[i].Key
		out.services = append(out.services, res.out.services...)
		if res.err != nil && !errors.Is(res.err, context.Canceled) {
			failed = append(failed, fmt.Errorf("service %q: %w", name, res.err))
		}
		lines = append(lines, fmt.Sprintf("  Service '%s' added with UUID '%s'", name, res.service.UUID))
	}
	if len(failed) == 0 {
		if err := ctx.Err(); err != nil && slices.ContainsFunc(results, func(res result) bool { return res.err != nil }) {
			failed = append(failed, err)
		}
	}
	if len(failed) == 0 {
		out.text = fmt.Sprintf("Successfully added the following %d services:\n%s", len(lines), strings.Join(lines, "\n"))
		return out, nil
	}
	var back []string
	for i, res := range results {
		if res.service.Name != "" && !res.existed {
			back = append(back, in.Configs[i].Key)
		}
	}
	undone, err := r.takeBack(ctx, back)
	out.removed = undone
	out.services = slices.DeleteFunc(out.services, func(s state.Service) bool { return slices.Contains(undone, s.Name) })
	return out, batchError(failed, len(in.Configs), err)
}

// batchError is the first failure of a batch with all the others named.
func batchError(failed []error, of int, cleanup error) error {
	first := explain(failed[0])
	first.Message = failed[0].Error()
	for _, other := range failed[1:] {
		first.Message += "; " + other.Error()
	}
	if of > 1 && !errors.Is(failed[0], context.Canceled) {
		first.Message += fmt.Sprintf(" (all %d services of the batch were taken back)", of)
	}
	return &failure{first, errors.Join(append(slices.Clone(failed), cleanup)...)}
}

// takeBack removes services that a failed step has made, also when the run is being interrupted.
func (r *runner) takeBack(ctx context.Context, names []string) (removed []string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	for _, name := range names {
		if e := r.Backend.RemoveService(ctx, r.Enclave.UUID, name); e != nil && backends.KindOf(e) != backends.NotFound {
			err = errors.Join(err, fmt.Errorf("taking back service %q: %w", name, e))
			continue
		}
		r.mu.Lock()
		delete(r.services, name)
		r.mu.Unlock()
		removed = append(removed, name)
		r.Sink.Emit(event.ServiceRemoved{Service: name, Cause: "its batch failed"})
	}
	return removed, err
}

// spec is the service in the backend's terms.
func (r *runner) spec(name string, c *plan.ServiceConfig, image backends.Image) (backends.ServiceSpec, error) {
	files, directories, err := r.files(c.Files)
	if err != nil {
		return backends.ServiceSpec{}, err
	}
	spec := backends.ServiceSpec{
		Name: name, Image: r.Images.reference(c.Image, image), ImageAuth: imagebuild.Login(c.Image),
		Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: toMap(c.EnvVars), AddressPlaceholder: c.IPPlaceholder,
		Ports: ports(c.Ports), PublicPorts: ports(c.PublicPorts), PublishUDP: c.PublishUDP, Unpublished: r.NoConnect,
		Files: files, Directories: directories, BindMounts: toMap(c.BindMounts),
		Init: c.TiniEnabled, TTY: c.TTYEnabled,
		MinCPU: int64(c.MinCPU), MaxCPU: int64(c.MaxCPU), MinMemory: int64(c.MinMemory) << 20, MaxMemory: int64(c.MaxMemory) << 20,
		Labels: r.labels(c.Labels), Capabilities: c.Capabilities, Devices: c.Devices,
		Privileged: c.Privileged, HostPIDNamespace: c.HostPIDNamespace,
		NodeSelectors: toMap(c.NodeSelectors), Tolerations: tolerations(c.Tolerations),
	}
	if r.Enclave.Production {
		spec.Restart = backends.RestartAlways
	}
	if c.User != nil {
		spec.User = &backends.User{UID: c.User.UID, GID: c.User.GID}
	}
	if g := c.GPU; g != nil {
		spec.ShmSize, spec.Ulimits = g.ShmSize<<20, toMap(g.Ulimits)
		if g.Count != 0 || len(g.DeviceIDs) > 0 {
			spec.GPU = &backends.GPU{Count: int(g.Count), DeviceIDs: g.DeviceIDs, Driver: g.Driver.Docker, Resource: g.Driver.Kubernetes}
		}
	}
	if len(c.FilesToBeMoved) > 0 {
		moveFirst(&spec, c.FilesToBeMoved, image)
	}
	return spec, nil
}

// files opens what is mounted: files artifacts, each known by now, and persistent directories.
func (r *runner) files(mounts plan.Map[plan.Directory]) ([]backends.Files, []backends.Directory, error) {
	var (
		files       []backends.Files
		directories []backends.Directory
	)
	artifacts := r.Store.Enclave().Artifacts
	for mount, d := range mounts.All() {
		if d.PersistentKey != "" {
			directories = append(directories, backends.Directory{Path: mount, Key: d.PersistentKey, Size: d.Size})
			continue
		}
		f := backends.Files{Path: mount}
		for _, name := range d.ArtifactNames {
			artifact, ok := artifacts[name]
			if !ok {
				return nil, nil, noArtifact(name)
			}
			f.Archives = append(f.Archives, func(context.Context) (io.ReadCloser, error) { return r.Store.Content(artifact.Digest) })
		}
		files = append(files, f)
	}
	return files, directories, nil
}

func noArtifact(name string) error {
	return &failure{event.Failure{
		Message: fmt.Sprintf("there is no files artifact %q in the enclave", name),
		Hint:    "upload_files, render_templates and store_service_files make them; `kurtosis enclave inspect` lists them",
	}, nil}
}

// moveFirst makes the service move files into place before its own command starts: what a compose file mounts
// at a single file comes in a directory of its own.
func moveFirst(spec *backends.ServiceSpec, moves plan.Map[string], image backends.Image) {
	entrypoint, cmd := spec.Entrypoint, spec.Cmd
	if entrypoint == nil {
		entrypoint = image.Entrypoint
		if cmd == nil {
			cmd = image.Cmd
		}
	}
	script, args := "", []string{"sh"}
	for from, to := range moves.All() {
		script += fmt.Sprintf(`mkdir -p "$%d" && mv -f "$%d" "$%d" && `, len(args), len(args)+1, len(args)+2)
		args = append(args, path.Dir(to), from, to)
	}
	script += fmt.Sprintf(`shift %d && exec "$@"`, len(args)-1)
	spec.Entrypoint = append([]string{"/bin/sh", "-c", script}, args...)
	spec.Cmd = append(slices.Clone(entrypoint), cmd...)
}

// labels are those of a service, which everybody sees. What stands for a secret there has to be a label, too.
func (r *runner) labels(m plan.Map[string]) map[string]string {
	labels := toMap(m)
	for name, value := range labels {
		if hidden := r.Secrets.Hide(value); hidden != value {
			labels[name] = strings.ReplaceAll(hidden, plan.Mask, "hidden")
		}
	}
	return labels
}

func toMap[V any](m plan.Map[V]) map[string]V {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]V, len(m))
	for k, v := range m.All() {
		out[k] = v
	}
	return out
}

func ports(m plan.Map[plan.PortSpec]) map[string]backends.Port {
	out := make(map[string]backends.Port, len(m))
	for id, p := range m.All() {
		out[id] = port(p)
	}
	return out
}

func port(p plan.PortSpec) backends.Port {
	return backends.Port{Number: p.Number, Transport: backends.Transport(p.TransportProtocol), Application: p.ApplicationProtocol}
}

func tolerations(list []plan.Toleration) []backends.Toleration {
	var out []backends.Toleration
	for _, t := range list {
		out = append(out, backends.Toleration{Key: t.Key, Operator: t.Operator, Value: t.Value, Effect: t.Effect, Seconds: t.Seconds})
	}
	return out
}

// inspect asks for the present state of a service and remembers it.
func (r *runner) inspect(ctx context.Context, name string) (backends.Service, error) {
	service, err := r.Backend.InspectService(ctx, r.Enclave.UUID, name)
	if err != nil {
		return service, err
	}
	r.mu.Lock()
	r.services[name] = service
	r.mu.Unlock()
	return service, nil
}

func (r *runner) getServices(ctx context.Context, s *plan.Step) (done, error) {
	list, err := r.Backend.ListServices(ctx, r.Enclave.UUID)
	if err != nil {
		return done{}, err
	}
	names := make([]string, len(list))
	r.mu.Lock()
	for i, service := range list {
		names[i] = service.Name
		r.services[service.Name] = service
	}
	r.mu.Unlock()
	return done{text: fmt.Sprintf("Fetched %d services: %s", len(names), strings.Join(names, ", "))}, nil
}

func (r *runner) removeService(ctx context.Context, in *plan.RemoveService) (done, error) {
	service, err := r.inspect(ctx, in.Name)
	if err != nil {
		return done{}, err
	}
	if err := r.Backend.RemoveService(ctx, r.Enclave.UUID, in.Name); err != nil {
		return done{}, err
	}
	r.mu.Lock()
	delete(r.services, in.Name)
	r.mu.Unlock()
	r.Sink.Emit(event.ServiceRemoved{Service: in.Name, Cause: "the script removes it"})
	return done{
		text:    fmt.Sprintf("Service '%s' with service UUID '%s' removed", in.Name, service.UUID),
		removed: []string{in.Name},
	}, nil
}

func (r *runner) startService(ctx context.Context, in *plan.StartService) (done, error) {
	service, err := r.Backend.StartService(ctx, r.Enclave.UUID, in.Name)
	if err != nil {
		return done{}, err
	}
	r.mu.Lock()
	r.services[in.Name] = service
	r.mu.Unlock()
	return done{text: fmt.Sprintf("Service '%s' started", in.Name)}, nil
}

func (r *runner) stopService(ctx context.Context, in *plan.StopService) (done, error) {
	if err := r.Backend.StopService(ctx, r.Enclave.UUID, in.Name); err != nil {
		return done{}, err
	}
	return done{text: fmt.Sprintf("Service '%s' stopped", in.Name)}, nil
}
