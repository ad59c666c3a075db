// Package compose turns Docker Compose files into Starlark modules with a `run(plan)` that starts the same services.
package compose

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// FileNames are the names by which a Compose file is recognised, in the order in which they are looked for.
var FileNames = []string{
	"compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml", "docker_compose.yml", "docker_compose.yaml",
}

// Is reports whether a path names a Compose file.
func Is(name string) bool { return slices.Contains(FileNames, path.Base(name)) }

// Module is a converted Compose file.
type Module struct {
	Source   string   // Starlark, formatted
	Warnings []string // what the Compose file asks for and a Kurtosis service cannot have
}

// Convert converts the Compose file `name`, whose text is given, with the text of the .env file beside it (nil for
// none). dir is the directory that relative paths of env_file start at. An error names the service at fault.
func Convert(ctx context.Context, dir, name string, text, env []byte) (Module, error) {
	variables, err := dotenv.UnmarshalBytesWithLookup(env, nil)
	if err != nil {
		return Module{}, fmt.Errorf("cannot read the .env file beside %s: %w", name, err)
	}
	project, err := load(ctx, dir, name, text, variables)
	if err != nil {
		return Module{}, fmt.Errorf("cannot read the Compose file %s: %w", name, err)
	}
	order := startOrder(project)
	c := converter{dir: dir, names: map[string]string{}, uploads: map[string]string{}}
	for _, service := range order {
		slug, err := c.slug(service)
		if err != nil {
			return Module{}, err
		}
		c.names[service] = slug
	}
	for _, service := range order {
		if err := c.service(project, project.Services[service]); err != nil {
			return Module{}, fmt.Errorf("service %s of %s: %w", service, name, err)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\"\"\"Made from %s.\"\"\"\n\n\ndef run(plan):\n", path.Base(name))
	if len(order) == 0 {
		b.WriteString("    pass\n")
	}
	for _, statement := range append(c.uploading, c.adding...) {
		b.WriteString(statement)
	}
	return Module{Source: b.String(), Warnings: c.warnings}, nil
}

// startOrder sorts services so that each comes after what it depends on (the loader has refused circles and unknown
// names); those that may start together come in the order of their names, so that a file always gives the same module.
func startOrder(project *types.Project) []string {
	var order []string
	var visit func(name string)
	visit = func(name string) {
		service, exists := project.Services[name]
		if !exists || slices.Contains(order, name) { // an optional dependency need not exist
			return
		}
		for _, dependency := range slices.Sorted(maps.Keys(service.DependsOn)) {
			visit(dependency)
		}
		order = append(order, name)
	}
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		visit(name)
	}
	return order
}

// converter collects the statements of run.
type converter struct {
	dir               string
	names             map[string]string // service name in the file → name in the enclave
	uploads           map[string]string // host path → artifact name
	uploading, adding []string
	warnings          []string
}

func (c *converter) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

var notLabel = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes a service's name one that an enclave's DNS can have (RFC 1035).
func (c *converter) slug(name string) (string, error) {
	slug := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if slug != "" && slug[0] >= '0' && slug[0] <= '9' {
		slug = "s-" + slug
	}
	if len(slug) > 63 {
		slug = strings.Trim(slug[:63], "-")
	}
	if slug == "" {
		return "", fmt.Errorf("service %q has no letter or digit in its name", name)
	}
	for other, taken := range c.names {
		if taken == slug {
			return "", fmt.Errorf("services %q and %q would both be called %s", other, name, slug)
		}
	}
	return slug, nil
}
