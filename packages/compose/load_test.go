package compose

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	theirs "github.com/compose-spec/compose-go/v2/loader"
	upstream "github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

// upstreamLoad is what compose-go's own loader makes of a file.
func upstreamLoad(t *testing.T, dir string, text []byte, env types.Mapping) (*types.Project, error) {
	return theirs.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yml"), Content: text}}, Environment: env,
	}, func(o *theirs.Options) {
		o.SetProjectName("compose", true)
		o.ResolvePaths = false
		o.SkipNormalization = true
	})
}

// TestLoadAsUpstream: what is loaded is what compose-go's loader loads, of files with all that one can have, and of
// those that are converted.
func TestLoadAsUpstream(t *testing.T) {
	files, err := filepath.Glob("testdata/load/*.txtar")
	require.NoError(t, err)
	more, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	compared := 0
	for _, file := range append(files, more...) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			dir := t.TempDir()
			t.Chdir(dir) // compose-go looks for files of variables in the working directory
			var text []byte
			var env types.Mapping
			for _, f := range archive.Files {
				require.NoError(t, os.MkdirAll(filepath.Dir(f.Name), 0o755))
				require.NoError(t, os.WriteFile(f.Name, f.Data, 0o644))
				switch f.Name {
				case "compose.yml":
					text = f.Data
				case ".env":
					env, err = dotenv.UnmarshalBytesWithLookup(f.Data, nil)
					require.NoError(t, err)
				}
			}
			want, wantErr := upstreamLoad(t, dir, text, env.Clone())
			got, err := load(t.Context(), dir, "compose.yml", text, env)
			if wantErr != nil {
				require.Error(t, err, "compose-go says: %v", wantErr)
				return
			}
			require.NoError(t, err)
			compared++
			shape := func(p *types.Project) string {
				for name, service := range p.Services {
					service.EnvFiles, service.LabelFiles, service.Extensions = nil, nil, nil
					p.Services[name] = service
				}
				out, err := json.MarshalIndent([]any{p.Services, p.Volumes, p.Secrets, p.Configs, p.DisabledServices}, "", " ")
				require.NoError(t, err)
				return string(out)
			}
			require.Equal(t, shape(want), shape(got))
		})
	}
	require.GreaterOrEqual(t, compared, 5)
}

// What is refused, and how. compose-go refuses it too.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "empty compose file",
		"a: [":                                 "yaml: line 1: did not find expected node content",
		"[]":                                   "top-level object must be a mapping",
		"1: 2":                                 "a key at the top is not a string",
		"services: {a: {1: 2}}":                "the key 1 of services.a is not a string",
		"services: []":                         "services must be a mapping",
		"services: {a: 1}":                     "services.a must be a mapping",
		"service: {a: {image: b}}":             "unknown key 'service', did you mean 'services'?",
		"services: {a: {imgae: b}}":            "services.a: unknown key 'imgae', did you mean 'image'?",
		"services: {a: {image: [b]}}":          "services.a.image: must be a string",
		"services: {a: {image: b, ports: 80}}": "services.a.ports: must be a list",
		"services: {a: {image: b, ports: [{target: [1]}]}}":                             "services.a.ports.0.target: must be a whole number or a string",
		"services: {a: {image: b, group_add: [\"1\", \"1\"]}}":                          "services.a.group_add: 1 is there twice",
		"services: {a: {image: b, environment: 1}}":                                     "services.a.environment: must be a mapping or a list",
		"services: {a: {image: b, healthcheck: {interval: 1}}}":                         "services.a.healthcheck.interval: must be a string",
		"services: {a: {image: b, healthcheck: {test: [curl]}}}":                        `service "a": healthcheck.test starts with none of "CMD", "CMD-SHELL" and "NONE"`,
		"services: {a: {image: b, depends_on: [c]}}":                                    `service "a" depends on undefined service "c"`,
		"services: {a: {image: b, depends_on: {c: {condition: ready}}}, c: {image: d}}": "services.a.depends_on.c.condition: must be one of service_started service_healthy service_completed_successfully",
		"services: {a: {image: b, networks: [n]}}":                                      `service "a" refers to undefined network "n"`,
		"services: {a: {image: b, volumes: [\"vol:/v\"]}}":                              `service "a" refers to undefined volume "vol"`,
		"services: {a: {image: b, secrets: [s]}}":                                       `service "a" refers to undefined secret "s"`,
		"services: {a: {image: b, configs: [s]}}":                                       `service "a" refers to undefined config "s"`,
		"services: {a: {command: b}}":                                                   `service "a" has neither an image nor a build context`,
		"services: {a: {extends: b, image: c}}":                                         `service "a" extends "b", which compose.yml does not have`,
		"services: {a: {extends: b}, b: {extends: a}}":                                  "services extend each other: compose.yml: a, compose.yml: b, compose.yml: a",
		"services: {a: {extends: {file: b.yml, service: c}}}":                           "service a extends one of b.yml: open DIR/b.yml: no such file or directory",
		"include: [b.yml]": "include: open DIR/b.yml: no such file or directory",
		"include: b.yml":   "include must be a list",
		"include: [compose.yml]\nservices: {a: {image: b}}":                          "files include each other: compose.yml, compose.yml",
		"services: {a: {image: \"${B?there is no B}\"}}":                             `required variable B is missing a value: there is no B`,
		"services: {a: {image: b, privileged: perhaps}}":                             "invalid boolean: perhaps",
		"services: {a: {image: b}, a: {image: c}}":                                   `mapping key "a" already defined at line 1`,
		"services: {a: {image: b, oom_score_adj: 5000}}":                             "services.a.oom_score_adj: must be less than or equal to 1000",
		"services: {a: {image: b, depends_on: [c]}, c: {image: d, depends_on: [a]}}": "dependency cycle detected: a -> c -> a",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "compose.yml"), []byte(text), 0o644))
		_, err := load(t.Context(), dir, "compose.yml", []byte(text), types.Mapping{})
		require.Error(t, err, text)
		if got := strings.ReplaceAll(err.Error(), dir, "DIR"); !strings.Contains(got, want) || len(want) < 20 && got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
		if _, err := upstreamLoad(t, dir, []byte(text), types.Mapping{}); err == nil {
			t.Errorf("%s: compose-go loads it", text)
		}
	}
}

// TestSpecification: the schema is the one of the compose-go that is used, and nothing in it is overlooked.
func TestSpecification(t *testing.T) {
	require.Equal(t, upstream.Schema, string(specification))
	known := []string{
		"$ref", "type", "properties", "patternProperties", "additionalProperties", "items", "oneOf", "enum", "required", "uniqueItems",
		"minimum", "maximum", "pattern", "format", "definitions", // what a rule has
		"$schema", "$id", "title", "description", "deprecated", "default", // what only tells
	}
	var walk func(value any)
	walk = func(value any) {
		for key, entry := range value.(map[string]any) {
			require.Contains(t, known, key)
			switch {
			case slices.Contains([]string{"properties", "patternProperties", "definitions"}, key):
				for _, sub := range entry.(map[string]any) {
					walk(sub)
				}
			case key == "items":
				walk(entry)
			case key == "oneOf":
				for _, sub := range entry.([]any) {
					walk(sub)
				}
			}
		}
	}
	var top any
	require.NoError(t, json.Unmarshal(specification, &top))
	walk(top)
}
