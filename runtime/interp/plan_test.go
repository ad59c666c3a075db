package interp_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

var update = flag.Bool("update", false, "rewrite the goldens in testdata")

// TestPlans runs the packages of testdata/*.txtar. A test is a package (or main.star alone, a standalone script),
// args.json, options (one word a line: kubernetes, privileged, "function NAME", "service NAME" and "artifact NAME"
// that the enclave has) and what comes of it: plan, result, problems, warnings, yaml (only compared where the test
// has one), or error. Files below vendor/ are other repositories.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			input, golden := split(archive)
			got := outcome(t, input, golden)
			if *update {
				rewrite(t, file, archive, input, got)
				return
			}
			want := map[string]string{}
			for _, f := range golden {
				want[f.Name] = string(f.Data)
			}
			require.Equal(t, want, got)
		})
	}
}

var goldens = []string{"plan", "result", "problems", "warnings", "yaml", "error"}

func split(archive *txtar.Archive) (input, golden []txtar.File) {
	for _, f := range archive.Files {
		isGolden := false
		for _, name := range goldens {
			isGolden = isGolden || f.Name == name
		}
		if isGolden {
			golden = append(golden, f)
		} else {
			input = append(input, f)
		}
	}
	return input, golden
}

func rewrite(t *testing.T, file string, archive *txtar.Archive, input []txtar.File, got map[string]string) {
	archive.Files = input
	for _, name := range goldens {
		if text, ok := got[name]; ok {
			archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
		}
	}
	require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
}

// outcome interprets a test's package and prints what comes of it.
func outcome(t *testing.T, input, golden []txtar.File) map[string]string {
	dir := t.TempDir()
	in := interp.Input{}
	env := plan.Environment{}
	for _, f := range input {
		switch f.Name {
		case "args.json":
			args, err := plan.DecodeJSON(f.Data)
			require.NoError(t, err)
			in.Args = args
		case "options":
			options(t, string(f.Data), &in, &env)
		default:
			path := filepath.Join(dir, filepath.FromSlash(f.Name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, f.Data, 0o644))
		}
	}
	in.Environment = env
	p, err := interpret(t, dir, in)
	if err != nil {
		var e *interp.Error
		require.ErrorAs(t, err, &e)
		text := e.Error() + "\n"
		if e.Hint != "" {
			text += "hint: " + e.Hint + "\n"
		}
		return map[string]string{"error": fmt.Sprintf("%s: %s", e.Code, text)}
	}
	got := map[string]string{"plan": describe(p)}
	add := func(name, text string) {
		if text != "" {
			got[name] = strings.TrimSuffix(text, "\n") + "\n"
		}
	}
	add("result", p.ResultText())
	add("problems", problems(p.Validate(env)))
	for _, w := range p.Warnings {
		add("warnings", strings.TrimSpace(got["warnings"]+fmt.Sprintf("%s %s: %s | %s", w.Position, w.Code, w.Message, w.Hint)))
	}
	for _, f := range golden {
		if f.Name == "yaml" {
			yaml, err := p.YAML()
			require.NoError(t, err)
			got["yaml"] = string(yaml)
		}
	}
	return got
}

func options(t *testing.T, text string, in *interp.Input, env *plan.Environment) {
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "":
		case "kubernetes":
			in.Cluster = word
		case "privileged":
			in.Privileged = true
		case "function":
			in.Function = rest
		case "variable":
			key, value, _ := strings.Cut(rest, " ")
			in.Variables = map[string]string{key: value}
		case "service":
			env.Services = append(env.Services, plan.ExistingService{Name: rest, Ports: plan.Map[plan.PortSpec]{
				{Key: "http", Value: plan.PortSpec{Number: 80, TransportProtocol: "TCP", ApplicationProtocol: "http"}},
			}})
		case "artifact":
			env.Artifacts = append(env.Artifacts, rest)
		default:
			t.Fatalf("unknown option %q", word)
		}
	}
}

// interpret opens a directory's package, or its main.star where it has no kurtosis.yml.
func interpret(t *testing.T, dir string, in interp.Input) (*plan.Plan, error) {
	operand := dir
	if _, err := os.Stat(filepath.Join(dir, packages.ManifestName)); errors.Is(err, os.ErrNotExist) {
		operand = filepath.Join(dir, packages.DefaultMain)
	}
	o := packages.Options{}
	if _, err := os.Stat(filepath.Join(dir, "vendor")); err == nil {
		o.Vendor = filepath.Join(dir, "vendor")
	}
	pkg, err := packages.Open(t.Context(), operand, o)
	require.NoError(t, err)
	in.Target = pkg.Main
	return interp.Plan(t.Context(), snapshot(pkg), in)
}

func snapshot(pkg *packages.Package) *workspace.Snapshot {
	return workspace.New(workspace.Options{
		Disk:     workspace.Disk(),
		Resolver: func(files workspace.FS) workspace.Resolver { return pkg.Over(files) },
		Cache:    workspace.NewCache(1 << 20),
	})
}

// describe prints steps as tests compare them: id, position, what it needs, the description, the call.
func describe(p *plan.Plan) string {
	var out strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&out, "%s %s", s.ID, s.Position)
		for _, e := range s.Needs {
			fmt.Fprintf(&out, " <%s %s", e.Step, e.Cause)
		}
		fmt.Fprintf(&out, ": %s\n\t%s\n", s.Description, s.Call())
	}
	return out.String()
}

func problems(list []plan.Problem) string {
	var out strings.Builder
	for _, p := range list {
		fmt.Fprintf(&out, "%s %s: %s | %s\n", p.Position, p.Code, p.Message, p.Hint)
	}
	return out.String()
}

// TestExecutableRunsAgain runs what -v executable shows: the same instructions, with the same futures.
func TestExecutableRunsAgain(t *testing.T) {
	for _, name := range []string{"recipes", "service_all_fields", "services_add", "service_lifecycle", "tasks", "values", "problems_futures", "edges"} {
		archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
		require.NoError(t, err)
		dir := t.TempDir()
		for _, f := range archive.Files {
			write(t, dir, f.Name, string(f.Data))
		}
		p, err := interpret(t, dir, interp.Input{})
		require.NoError(t, err, name)
		p.Steps = slices.DeleteFunc(p.Steps, func(s *plan.Step) bool { return strings.Contains(s.Call(), "<function") }) // becomes its text
		text, err := p.Text(plan.Executable)
		require.NoError(t, err, name)
		write(t, dir, "main.star", text)
		again, err := interpret(t, dir, interp.Input{})
		require.NoError(t, err, text)
		require.Equal(t, len(p.Steps), len(again.Steps), name)
		for i := range p.Steps {
			require.Equal(t, p.Steps[i].Call(), again.Steps[i].Call(), name)
		}
	}
}
