package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/graph"
	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/override"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/transform"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/compose-spec/compose-go/v2/validation"
	"github.com/go-viper/mapstructure/v2"
	"gopkg.in/yaml.v3"
)

// Compose files are loaded by the steps of compose-go's loader, with its packages for each step. The loader itself
// checks files with a library that compiles the schemas of JSON Schema when a program starts, which takes longer than
// a small command does. A test holds the two together.

// loader reads one Compose file, and those that it extends or includes.
type loader struct {
	env types.Mapping
}

// load reads the Compose file `name`, whose text is given.
func load(ctx context.Context, dir, name string, text []byte, env types.Mapping) (*types.Project, error) {
	l := loader{env: env}
	model, err := l.whole(ctx, source{name: name, dir: dir, text: text}, nil)
	if err != nil {
		return nil, err
	}
	if len(model) == 0 {
		return nil, errors.New("empty compose file")
	}
	delete(model, "name")
	project := &types.Project{Name: "compose", WorkingDir: dir, Environment: env}
	if err := decode(model, project); err != nil {
		return nil, err
	}
	for _, service := range project.Services {
		for i, file := range service.EnvFiles {
			service.EnvFiles[i].Path = below(dir, file.Path)
		}
		for i, file := range service.LabelFiles {
			service.LabelFiles[i] = below(dir, file)
		}
	}
	if project, err = project.WithProfiles(nil); err != nil {
		return nil, err
	}
	if err := consistent(project); err != nil {
		return nil, err
	}
	if project, err = project.WithServicesEnvironmentResolved(false); err != nil {
		return nil, err
	}
	return project.WithServicesLabelsResolved(false)
}

func below(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// source is a file: its name as messages show it, the directory that relative paths in it start at, and its text.
type source struct {
	name, dir string
	text      []byte
}

// whole is the model of a file with all that it extends and includes, complete and checked. included are the files
// that led here.
func (l loader) whole(ctx context.Context, s source, included []string) (map[string]any, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	documents, err := documentsOf(s)
	if err != nil {
		return nil, err
	}
	model := map[string]any{}
	for _, d := range documents {
		if d.model, err = l.interpolated(d.model); err != nil {
			return nil, err
		}
		if err := l.extend(s, d); err != nil {
			return nil, err
		}
		remove(model, tree.NewPath(), d.replaced)
		if err := l.include(ctx, s, d.model, append(slices.Clone(included), s.name)); err != nil {
			return nil, err
		}
		if model, err = override.Merge(model, d.model); err != nil {
			return nil, err
		}
		if model, err = override.EnforceUnicity(model); err != nil {
			return nil, err
		}
		if err := checkSchema(model); err != nil {
			return nil, err
		}
		delete(model, "version")
		if model, err = canonical(model); err != nil {
			return nil, err
		}
	}
	if model, err = transform.SetDefaultValues(model); err != nil {
		return nil, err
	}
	if err := validation.Validate(model); err != nil {
		return nil, err
	}
	l.passOn(model)
	return model, nil
}

func (l loader) interpolated(model map[string]any) (map[string]any, error) {
	return interpolation.Interpolate(model, interpolation.Options{
		Substitute:  template.Substitute,
		LookupValue: func(key string) (string, bool) { value, ok := l.env.Resolve(key); return value, ok },
		TypeCastMapping: map[tree.Path]interpolation.Cast{ // the one type that does not take numbers in quotes
			"services.*.ulimits.*": whole, "services.*.ulimits.*.soft": whole, "services.*.ulimits.*.hard": whole,
		},
	})
}

func whole(text string) (any, error) { return strconv.Atoi(text) }

// canonical is the long form of all that has a short one.
func canonical(model map[string]any) (map[string]any, error) {
	model, err := transform.Canonical(model, false)
	if err != nil {
		return nil, err
	}
	// Ports that are given as a range may turn out to be there twice.
	return override.EnforceUnicity(model)
}

// passOn gives variables of services that are named without a value the one that they have outside.
func (l loader) passOn(model map[string]any) {
	services, _ := model["services"].(map[string]any)
	for _, s := range services {
		service, _ := s.(map[string]any)
		variables, _ := service["environment"].([]any)
		for i, v := range variables {
			if name, ok := v.(string); ok {
				if value, known := l.env[name]; known {
					variables[i] = name + "=" + value
				}
			}
		}
	}
}

// document is one of the documents of a file.
type document struct {
	model    map[string]any
	replaced []tree.Path // marked !reset or !override: nothing of what was there before stays
}

func documentsOf(s source) ([]document, error) {
	var out []document
	decoder := yaml.NewDecoder(bytes.NewReader(s.text))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var d document
		d.marks(&node, tree.NewPath())
		var value any
		if err := node.Decode(&value); err != nil {
			return nil, err
		}
		model, ok := value.(map[string]any)
		if !ok {
			if _, keys := value.(map[any]any); keys {
				return nil, errors.New("a key at the top is not a string")
			}
			return nil, errors.New("top-level object must be a mapping")
		}
		if err := stringKeys(model, ""); err != nil {
			return nil, err
		}
		d.model = model
		out = append(out, d)
	}
}

// marks finds what is marked, and takes out what is marked !reset.
func (d *document) marks(node *yaml.Node, at tree.Path) {
	switch node.Kind {
	case yaml.DocumentNode:
		d.marks(node.Content[0], at)
	case yaml.SequenceNode:
		for i, item := range node.Content {
			d.marks(item, at.Next(strconv.Itoa(i)))
		}
	case yaml.MappingNode:
		var kept []*yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			next := at.Next(key.Value)
			if value.Tag == "!reset" || value.Tag == "!override" {
				d.replaced = append(d.replaced, next)
			}
			if value.Tag == "!reset" {
				continue
			}
			if value.Tag == "!override" {
				value.Tag = ""
			}
			d.marks(value, next)
			kept = append(kept, key, value)
		}
		node.Content = kept
	}
}

// remove takes out of value what paths name.
func remove(value any, at tree.Path, paths []tree.Path) {
	if model, ok := value.(map[string]any); ok && len(paths) > 0 {
		for key, entry := range model {
			next := at.Next(key)
			if slices.ContainsFunc(paths, next.Matches) {
				delete(model, key)
			} else {
				remove(entry, next, paths)
			}
		}
	}
}

// stringKeys refuses keys that are not strings.
func stringKeys(value any, at string) error {
	switch value := value.(type) {
	case map[any]any:
		for _, key := range slices.SortedFunc(maps.Keys(value), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
			if _, ok := key.(string); !ok {
				return fmt.Errorf("the key %v of %s is not a string", key, at)
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if err := stringKeys(value[key], strings.TrimPrefix(at+"."+key, ".")); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range value {
			if err := stringKeys(item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode fills compose-go's structs, whose types know how they are written.
func decode(model, into any) error {
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook: mapstructure.ComposeDecodeHookFunc(nameServices, decodeItself, number),
		Result:     into, TagName: "yaml",
	})
	if err != nil {
		return err
	}
	return decoder.Decode(model)
}

// nameServices gives each service its name.
func nameServices(from, to reflect.Value) (any, error) {
	if to.Type() == reflect.TypeFor[types.Services]() {
		for key, service := range from.Seq2() {
			service.Elem().SetMapIndex(reflect.ValueOf("name"), key)
		}
	}
	return from.Interface(), nil
}

func decodeItself(from, to reflect.Value) (any, error) {
	type itself interface{ DecodeMapstructure(any) error }
	target, ok := to.Interface().(itself)
	if !ok && to.CanAddr() {
		target, ok = to.Addr().Interface().(itself)
	}
	if !ok {
		return from.Interface(), nil
	}
	if to.Kind() == reflect.Pointer && to.IsNil() {
		to.Set(reflect.New(to.Type().Elem()))
		target = to.Interface().(itself)
	}
	err := target.DecodeMapstructure(from.Interface())
	return to.Interface(), err
}

// number reads numbers and truth values that came as text, from a variable or in quotes; and the reverse.
func number(from, to reflect.Value) (any, error) {
	if from.Kind() == reflect.Int && to.Kind() == reflect.String {
		return strconv.FormatInt(from.Int(), 10), nil
	}
	if from.Kind() != reflect.String {
		return from.Interface(), nil
	}
	text := from.String()
	switch to.Kind() {
	case reflect.Bool:
		switch strings.ToLower(text) {
		case "true", "y", "yes", "on":
			return true, nil
		case "false", "n", "no", "off":
			return false, nil
		}
		return nil, fmt.Errorf("invalid boolean: %s", text)
	case reflect.Int, reflect.Int64:
		return strconv.ParseInt(text, 10, 64)
	case reflect.Uint64:
		return strconv.ParseUint(text, 10, 64)
	case reflect.Float32, reflect.Float64:
		return strconv.ParseFloat(text, 64)
	default:
		return text, nil
	}
}

// consistent refuses what names something that is not there.
func consistent(project *types.Project) error {
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		s := project.Services[name]
		if s.Build == nil && s.Image == "" && s.Provider == nil {
			return fmt.Errorf("service %q has neither an image nor a build context", name)
		}
		if s.Build != nil && s.Build.DockerfileInline != "" && s.Build.Dockerfile != "" {
			return fmt.Errorf("service %q has both a dockerfile and a dockerfile_inline", name)
		}
		if s.HealthCheck != nil && len(s.HealthCheck.Test) > 0 && !slices.Contains([]string{"CMD", "CMD-SHELL", "NONE"}, s.HealthCheck.Test[0]) {
			return fmt.Errorf(`service %q: healthcheck.test starts with none of "CMD", "CMD-SHELL" and "NONE"`, name)
		}
		for _, network := range slices.Sorted(maps.Keys(s.Networks)) {
			if _, ok := project.Networks[network]; !ok {
				return fmt.Errorf("service %q refers to undefined network %q", name, network)
			}
		}
		for _, other := range slices.Sorted(maps.Keys(s.DependsOn)) {
			_, enabled := project.Services[other]
			_, disabled := project.DisabledServices[other]
			if !enabled && (!disabled || s.DependsOn[other].Required) {
				return fmt.Errorf("service %q depends on undefined service %q", name, other)
			}
		}
		for _, volume := range s.Volumes {
			if _, ok := project.Volumes[volume.Source]; !ok && volume.Type == types.VolumeTypeVolume && volume.Source != "" {
				return fmt.Errorf("service %q refers to undefined volume %q", name, volume.Source)
			}
		}
		for _, config := range s.Configs {
			if _, ok := project.Configs[config.Source]; !ok {
				return fmt.Errorf("service %q refers to undefined config %q", name, config.Source)
			}
		}
		for _, secret := range s.Secrets {
			if _, ok := project.Secrets[secret.Source]; !ok {
				return fmt.Errorf("service %q refers to undefined secret %q", name, secret.Source)
			}
		}
	}
	return graph.CheckCycle(project)
}
