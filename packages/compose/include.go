package compose

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/override"
	"github.com/compose-spec/compose-go/v2/paths"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
)

// extend completes the services of a document by those that they extend.
func (l loader) extend(s source, d document) error {
	if d.model["services"] == nil {
		return nil
	}
	services, ok := d.model["services"].(map[string]any)
	if !ok {
		return fmt.Errorf("services must be a mapping")
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		extended, err := l.extended(s, name, services, d.replaced, nil)
		if err != nil {
			return err
		}
		services[name] = extended
	}
	return nil
}

// extended is a service with what it extends; led are the services that led here.
func (l loader) extended(s source, name string, services map[string]any, replaced []tree.Path, led []string) (any, error) {
	if services[name] == nil {
		return nil, nil
	}
	service, ok := services[name].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("services.%s must be a mapping", name)
	}
	var base, file string
	switch extends := service["extends"].(type) {
	case nil:
		return service, nil
	case string:
		base = extends
	case map[string]any:
		base, _ = extends["service"].(string)
		file, _ = extends["file"].(string)
	}
	if base == "" {
		return nil, fmt.Errorf("services.%s.extends names no service", name)
	}
	here := s.name + ": " + name
	if slices.Contains(led, here) {
		return nil, fmt.Errorf("services extend each other: %s", strings.Join(append(led, here), ", "))
	}
	led = append(slices.Clone(led), here)
	from := services
	if file != "" {
		var err error
		if s, from, err = l.bases(s, file); err != nil {
			return nil, fmt.Errorf("service %s extends one of %s: %w", name, file, err)
		}
	}
	if _, ok := from[base]; !ok {
		return nil, fmt.Errorf("service %q extends %q, which %s does not have", name, base, s.name)
	}
	extended, err := l.extended(s, base, from, nil, led)
	if err != nil || extended == nil {
		return service, err
	}
	copied := clone(extended).(map[string]any)
	remove(map[string]any{"services": map[string]any{name: copied}}, tree.NewPath(), replaced)
	merged, err := override.ExtendService(copied, service)
	if err != nil {
		return nil, err
	}
	delete(merged, "extends")
	services[name] = merged
	return merged, nil
}

// bases are the services of another file, to be extended: their paths are relative to the file that extends them.
func (l loader) bases(s source, file string) (source, map[string]any, error) {
	other, err := open(s, file)
	if err != nil {
		return source{}, nil, err
	}
	documents, err := documentsOf(other)
	if err != nil {
		return source{}, nil, err
	}
	model := map[string]any{}
	for _, d := range documents {
		interpolated, err := l.interpolated(d.model)
		if err != nil {
			return source{}, nil, err
		}
		if model, err = override.Merge(model, interpolated); err != nil {
			return source{}, nil, err
		}
		if model, err = canonical(model); err != nil {
			return source{}, nil, err
		}
	}
	relative, err := filepath.Rel(s.dir, other.dir)
	if err != nil {
		relative = other.dir
	}
	if err := paths.ResolveRelativePaths(model, relative, nil); err != nil {
		return source{}, nil, err
	}
	services, _ := model["services"].(map[string]any)
	return other, services, nil
}

func open(s source, file string) (source, error) {
	path := below(s.dir, file)
	text, err := os.ReadFile(path)
	return source{name: file, dir: filepath.Dir(path), text: text}, err
}

func clone(value any) any {
	switch value := value.(type) {
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = clone(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, item := range value {
			out[key] = clone(item)
		}
		return out
	default:
		return value
	}
}

// include adds to a model what it includes of other files.
func (l loader) include(ctx context.Context, s source, model map[string]any, included []string) error {
	if model["include"] == nil {
		return nil
	}
	list, ok := model["include"].([]any)
	if !ok {
		return fmt.Errorf("include must be a list")
	}
	for i, entry := range list {
		if path, ok := entry.(string); ok {
			list[i] = map[string]any{"path": path}
		}
	}
	var entries []types.IncludeConfig
	if err := decode(list, &entries); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := l.includeEntry(ctx, s, entry, model, included); err != nil {
			return err
		}
	}
	delete(model, "include")
	return nil
}

func (l loader) includeEntry(ctx context.Context, s source, entry types.IncludeConfig, model map[string]any, included []string) error {
	whole := map[string]any{}
	for i, path := range entry.Path {
		other, err := open(s, path)
		if err != nil {
			return fmt.Errorf("include: %w", err)
		}
		if slices.Contains(included, other.name) {
			return fmt.Errorf("files include each other: %s", strings.Join(append(included, other.name), ", "))
		}
		if i == 0 && entry.ProjectDirectory == "" {
			entry.ProjectDirectory = other.dir
		}
		other.dir = below(s.dir, entry.ProjectDirectory)
		env, err := l.including(s, entry)
		if err != nil {
			return err
		}
		part, err := loader{env: env}.whole(ctx, other, included)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		relative, err := filepath.Rel(s.dir, other.dir)
		if err != nil {
			relative = other.dir
		}
		if err := paths.ResolveRelativePaths(part, relative, nil); err != nil {
			return err
		}
		if whole, err = override.Merge(whole, part); err != nil {
			return err
		}
	}
	for _, kind := range []string{"services", "volumes", "networks", "secrets", "configs"} {
		from, _ := whole[kind].(map[string]any)
		if len(from) == 0 {
			continue
		}
		into, ok := model[kind].(map[string]any)
		if !ok {
			into = map[string]any{}
			model[kind] = into
		}
		for _, name := range slices.Sorted(maps.Keys(from)) {
			if there, ok := into[name]; ok && !reflect.DeepEqual(there, from[name]) {
				return fmt.Errorf("%s.%s is there already, and %s has another", kind, name, strings.Join(entry.Path, ", "))
			}
			into[name] = from[name]
		}
	}
	return nil
}

// including are the variables of a file that is included: those of its .env, or of the files that are named.
func (l loader) including(s source, entry types.IncludeConfig) (types.Mapping, error) {
	var files []string
	for _, file := range entry.EnvFile {
		files = append(files, below(s.dir, file))
	}
	if len(entry.EnvFile) == 0 {
		file := filepath.Join(below(s.dir, entry.ProjectDirectory), ".env")
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			files = append(files, file)
		}
	}
	env, err := dotenv.GetEnvFromFile(l.env, files)
	if err != nil {
		return nil, err
	}
	return l.env.Clone().Merge(env), nil
}
