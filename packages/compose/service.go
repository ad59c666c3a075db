package compose

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// service appends the statements that start s.
func (c *converter) service(project *types.Project, s types.ServiceConfig) error {
	name := c.names[s.Name]
	config := call{name: "ServiceConfig"}
	image, err := c.image(s)
	if err != nil {
		return err
	}
	config.add("image", image)
	ports, published, err := c.ports(s)
	if err != nil {
		return err
	}
	config.addDict("ports", ports)
	config.addDict("public_ports", published)
	files, moved, err := c.files(project, s)
	if err != nil {
		return err
	}
	config.addDict("files", files)
	config.addDict("files_to_be_moved", moved)
	if s.Entrypoint != nil {
		config.add("entrypoint", stringList(s.Entrypoint))
	}
	if s.Command != nil {
		config.add("cmd", stringList(s.Command))
	}
	config.addDict("env_vars", environment(s))
	if err := limits(&config, s); err != nil {
		return err
	}
	if ready := c.ready(s); ready != nil {
		config.add("ready_conditions", ready)
	}
	config.addDict("labels", stringDict(s.Labels))
	if s.User != "" {
		user, err := userOf(s.User)
		if err != nil {
			return err
		}
		config.add("user", user)
	}
	if s.Init != nil && !*s.Init {
		config.add("tini_enabled", literal("False"))
	}
	if s.Tty {
		config.add("tty_enabled", literal("True"))
	}
	config.addList("capabilities", s.CapAdd)
	if s.Privileged {
		config.add("privileged", literal("True"))
	}
	for unsupported, set := range map[string]bool{
		"cap_drop": len(s.CapDrop) > 0, "secrets": len(s.Secrets) > 0, "configs": len(s.Configs) > 0, "network_mode": s.NetworkMode != "",
		"working_dir": s.WorkingDir != "", "sysctls": len(s.Sysctls) > 0, "tmpfs": len(s.Tmpfs) > 0, "extra_hosts": len(s.ExtraHosts) > 0,
	} {
		if set {
			c.warn("service %s: %s is left out: a Kurtosis service has nothing like it", s.Name, unsupported)
		}
	}
	slices.Sort(c.warnings)
	add := call{name: "plan.add_service"}
	add.add("name", quoted(name))
	add.add("config", config)
	c.adding = append(c.adding, render(add))
	return nil
}

func (c *converter) image(s types.ServiceConfig) (expr, error) {
	if s.Build == nil {
		if s.Image == "" {
			return nil, fmt.Errorf("neither image nor build is given")
		}
		return quoted(s.Image), nil
	}
	build := call{name: "ImageBuildSpec"}
	image := s.Image
	if image == "" {
		image = c.names[s.Name]
	}
	build.add("image_name", quoted(image))
	context, err := relative(s.Build.Context)
	if err != nil {
		return nil, fmt.Errorf("build context: %w", err)
	}
	build.add("build_context_dir", quoted(context))
	if s.Build.Dockerfile != "" && s.Build.Dockerfile != "Dockerfile" {
		build.add("build_file", quoted(s.Build.Dockerfile))
	}
	if s.Build.Target != "" {
		build.add("target_stage", quoted(s.Build.Target))
	}
	args := map[string]string{}
	for name, value := range s.Build.Args {
		if value != nil {
			args[name] = *value
		}
	}
	build.addDict("build_args", stringDict(args))
	return build, nil
}

// relative makes a path of the Compose file a locator.
func relative(file string) (string, error) {
	if path.IsAbs(file) || strings.HasPrefix(file, "~") {
		return "", fmt.Errorf("%s lies outside of the package; only relative paths can be part of it", file)
	}
	clean := path.Clean(strings.ReplaceAll(file, "\\", "/"))
	if clean == "." || strings.HasPrefix(clean, "../") || clean == ".." {
		return clean, nil
	}
	return "./" + clean, nil
}

// webPorts are taken for HTTP when they come first among a service's ports.
var webPorts = []uint32{8080, 8000, 80, 443}

func (c *converter) ports(s types.ServiceConfig) (ports, published entries, err error) {
	type port struct {
		number    uint32
		transport string
		host      string
	}
	var list []port
	for _, p := range s.Ports {
		list = append(list, port{p.Target, strings.ToUpper(p.Protocol), p.Published})
	}
	for _, expose := range s.Expose {
		number, transport, _ := strings.Cut(expose, "/")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot expose port %q", expose)
		}
		list = append(list, port{uint32(n), strings.ToUpper(transport), ""})
	}
	web := false
	taken := map[string]bool{}
	for _, p := range list {
		if p.transport == "" {
			p.transport = "TCP"
		}
		id := fmt.Sprintf("%s-%d", strings.ToLower(p.transport), p.number)
		application := ""
		if !web && p.transport == "TCP" && slices.Contains(webPorts, p.number) {
			web, id, application = true, "http", "http"
			if p.number == 443 {
				id, application = "https", "https"
			}
		}
		if taken[id] {
			continue
		}
		taken[id] = true
		ports = append(ports, entry{id, portSpec(uint64(p.number), p.transport, application)})
		if p.host == "" {
			continue
		}
		host, err := strconv.ParseUint(p.host, 10, 16)
		if err != nil {
			c.warn("service %s: the range of host ports %s is left out: one is chosen when the service starts", s.Name, p.host)
			continue
		}
		published = append(published, entry{id, portSpec(host, p.transport, application)})
	}
	return ports, published, nil
}

func portSpec(number uint64, transport, application string) expr {
	spec := call{name: "PortSpec"}
	spec.add("number", literal(strconv.FormatUint(number, 10)))
	if transport != "TCP" {
		spec.add("transport_protocol", quoted(transport))
	}
	if application != "" {
		spec.add("application_protocol", quoted(application))
	}
	return spec
}

// files maps volumes: what the package has is uploaded, everything else is a persistent directory. A single file is
// mounted beside its place and moved there when the service starts.
func (c *converter) files(project *types.Project, s types.ServiceConfig) (files, moved entries, err error) {
	for i, v := range s.Volumes {
		switch v.Type {
		case types.VolumeTypeBind:
			if v.Source == "/var/run/docker.sock" {
				c.warn("service %s: the Docker socket is left out: it needs bind_mounts and a privileged run", s.Name)
				continue
			}
			source, err := relative(v.Source)
			if err != nil {
				return nil, nil, fmt.Errorf("volume %s: %w", v.Target, err)
			}
			artifact := c.upload(source)
			if c.isDir(source) {
				files = append(files, entry{v.Target, quoted(artifact)})
				continue
			}
			place := fmt.Sprintf("/tmp/%s-%d", c.names[s.Name], i)
			files = append(files, entry{place, quoted(artifact)})
			moved = append(moved, entry{path.Join(place, path.Base(source)), quoted(v.Target)})
		case types.VolumeTypeVolume:
			key := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(v.Source), "-"), "-")
			if key == "" {
				key = fmt.Sprintf("%s-%d", c.names[s.Name], i)
			}
			directory := call{name: "Directory"}
			directory.add("persistent_key", quoted(key))
			files = append(files, entry{v.Target, directory})
		default:
			c.warn("service %s: the %s volume at %s is left out", s.Name, v.Type, v.Target)
		}
	}
	return files, moved, nil
}

// isDir looks at the disk; a path that is not there is taken for a directory when its name has no extension.
func (c *converter) isDir(source string) bool {
	info, err := os.Stat(filepath.Join(c.dir, filepath.FromSlash(source)))
	if err != nil {
		return path.Ext(source) == ""
	}
	return info.IsDir()
}

func (c *converter) upload(source string) string {
	if name, ok := c.uploads[source]; ok {
		return name
	}
	name := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(source), "-"), "-")
	if name == "" {
		name = "package"
	}
	for i := 2; slices.Contains(slices.Collect(maps.Values(c.uploads)), name); i++ {
		name = fmt.Sprintf("%s-%d", strings.TrimRight(name, "-0123456789"), i)
	}
	c.uploads[source] = name
	up := call{name: "plan.upload_files"}
	up.add("src", quoted(source))
	up.add("name", quoted(name))
	c.uploading = append(c.uploading, render(up))
	return name
}

func environment(s types.ServiceConfig) entries {
	set := map[string]string{}
	for name, value := range s.Environment {
		if value != nil {
			set[name] = *value
		}
	}
	return stringDict(set)
}

func limits(config *call, s types.ServiceConfig) error {
	const millicores, megabyte = 1000, 1 << 20
	maxCPU, maxMemory := float64(s.CPUS), int64(s.MemLimit)
	var minCPU float64
	minMemory := int64(s.MemReservation)
	if s.Deploy != nil {
		if l := s.Deploy.Resources.Limits; l != nil {
			maxCPU, maxMemory = max(maxCPU, float64(l.NanoCPUs)), max(maxMemory, int64(l.MemoryBytes))
		}
		if r := s.Deploy.Resources.Reservations; r != nil {
			minCPU, minMemory = float64(r.NanoCPUs), max(minMemory, int64(r.MemoryBytes))
		}
	}
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"max_cpu", int64(maxCPU * millicores)}, {"min_cpu", int64(minCPU * millicores)},
		{"max_memory", maxMemory / megabyte}, {"min_memory", minMemory / megabyte},
	} {
		if limit.value > 0 {
			config.add(limit.name, literal(strconv.FormatInt(limit.value, 10)))
		}
	}
	if 0 < maxMemory && maxMemory < 6*megabyte {
		return fmt.Errorf("a memory limit of %d bytes is below the 6 MB that a container needs", maxMemory)
	}
	return nil
}

// ready turns a health check into a ready condition, which says the same.
func (c *converter) ready(s types.ServiceConfig) expr {
	check := s.HealthCheck
	if check == nil || check.Disable || len(check.Test) < 2 {
		return nil
	}
	var command []string
	switch check.Test[0] {
	case "CMD":
		command = check.Test[1:]
	case "CMD-SHELL":
		command = []string{"/bin/sh", "-c", check.Test[1]}
	default:
		return nil
	}
	interval, retries := 30*time.Second, uint64(3)
	if check.Interval != nil {
		interval = time.Duration(*check.Interval)
	}
	if check.Retries != nil {
		retries = *check.Retries
	}
	timeout := interval * time.Duration(retries+1)
	if check.StartPeriod != nil {
		timeout += time.Duration(*check.StartPeriod)
	}
	// Compose waits an interval before its first check; a condition checks at once, so it may ask more often.
	recipe := call{name: "ExecRecipe"}
	recipe.add("command", stringList(command))
	condition := call{name: "ReadyCondition"}
	condition.add("recipe", recipe)
	condition.add("field", quoted("code"))
	condition.add("assertion", quoted("=="))
	condition.add("target_value", literal("0"))
	condition.add("interval", quoted(min(interval, time.Second).String()))
	condition.add("timeout", quoted(timeout.String()))
	return condition
}

func userOf(text string) (expr, error) {
	uid, gid, both := strings.Cut(text, ":")
	user := call{name: "User"}
	for _, part := range []struct {
		name, value string
		given       bool
	}{{"uid", uid, true}, {"gid", gid, both}} {
		if !part.given {
			continue
		}
		if _, err := strconv.ParseUint(part.value, 10, 32); err != nil {
			return nil, fmt.Errorf("user %q is not a number; names are known only inside the image", text)
		}
		user.add(part.name, literal(part.value))
	}
	return user, nil
}
