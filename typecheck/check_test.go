package typecheck_test

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
	"golang.org/x/tools/txtar"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// Cases stand in testdata/*.star, divided by lines of three dashes. Each is a module; with lines `-- name --` in
// it, several. A comment `### "regexp"` says that a diagnostic starts on its line whose `severity code: message`
// matches; several stand one behind the other. What is reported and what is expected agree one to one.
// `reveal_type(x)` reports the type of x. Files whose name ends in _lint.star report everything; in others, unused
// things and style are left out, so that cases can be short.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.star")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	cases := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line := 1
		for _, chunk := range strings.Split(string(text), "\n---\n") {
			cases += strings.Count(chunk, "### ")
			name := fmt.Sprintf("%s:%d", filepath.Base(file), line)
			t.Run(name, func(t *testing.T) { runCase(t, chunk, strings.HasSuffix(file, "_lint.star")) })
			line += strings.Count(chunk, "\n") + 2
		}
	}
	if cases < 300 {
		t.Errorf("%d expectations, want 300 or more", cases)
	}
}

const root = "/pkg"

// modules splits a case into its modules by path.
func modules(chunk string) map[string]string {
	files := map[string]string{}
	archive := txtar.Parse([]byte(chunk))
	if len(archive.Files) == 0 {
		files[root+"/main.star"] = chunk
	}
	for _, f := range archive.Files {
		files[path.Join(root, f.Name)] = string(f.Data)
	}
	return files
}

// quiet are left out unless a case is about them.
var quiet = []string{"unused-variable", "unused-parameter", "unused-import", "unpinned-image", "shadowed-builtin", "missing-run", "unused-format-argument", "secret-literal"}

func check(t *testing.T, files map[string]string, o typecheck.Options) *typecheck.Result {
	t.Helper()
	s := workspace.New(workspace.Options{
		Disk: workspace.Memory(files), Cache: workspace.NewCache(1 << 24),
		Resolver: func(fs workspace.FS) workspace.Resolver { return resolver{fs} },
	})
	var roots []workspace.Target
	for name := range files {
		if strings.HasSuffix(name, ".star") {
			roots = append(roots, target(name))
		}
	}
	sortTargets(roots)
	r, err := typecheck.CheckPackage(context.Background(), s, roots, typecheck.PackageOptions{Options: o, Types: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var expectation = regexp.MustCompile(`###((?:\s+"(?:[^"\\]|\\.)*")+)`)
var quotedText = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)

func runCase(t *testing.T, chunk string, lint bool) {
	files := modules(chunk)
	o := typecheck.Options{Reveal: true}
	if !lint {
		o.Ignore = quiet
	}
	r := check(t, files, o)
	for _, m := range r.Roots {
		want := map[int][]*regexp.Regexp{}
		for i, line := range strings.Split(files[m.Target.Path], "\n") {
			found := expectation.FindStringSubmatch(line)
			if found == nil {
				continue
			}
			for _, q := range quotedText.FindAllStringSubmatch(found[1], -1) {
				re, err := regexp.Compile(strings.ReplaceAll(q[1], `\"`, `"`))
				if err != nil {
					t.Fatal(err)
				}
				want[i+1] = append(want[i+1], re)
			}
		}
		for _, d := range m.Diagnostics {
			line := int(d.Range.Start.Line)
			text := describe(d)
			matched := false
			for i, re := range want[line] {
				if re.MatchString(text) {
					want[line] = append(want[line][:i:i], want[line][i+1:]...)
					matched = true
					break
				}
			}
			if !matched {
				t.Errorf("%s:%s: unexpected %s", filepath.Base(m.Target.Path), d.Range.Start, text)
			}
		}
		for line, list := range want {
			for _, re := range list {
				t.Errorf("%s:%d: not reported: %s", filepath.Base(m.Target.Path), line, re)
			}
		}
	}
}

func describe(d diag.Diagnostic) string {
	if d.Code == "reveal-type" {
		return d.Message
	}
	text := fmt.Sprintf("%s %s: %s", d.Severity, d.Code, d.Message)
	if d.Hint != "" {
		text += "; " + d.Hint
	}
	return text
}

func target(name string) workspace.Target {
	const pkg = "github.com/example/package"
	if rest, ok := strings.CutPrefix(name, root+"/vendor/"); ok { // vendor/owner/repo/file
		parts := strings.Split(rest, "/")
		p := "github.com/" + path.Join(parts[0], parts[1])
		return workspace.Target{Locator: "github.com/" + rest, Path: name, Package: p, PackageRoot: path.Join(root, "vendor", parts[0], parts[1])}
	}
	return workspace.Target{Locator: path.Join(pkg, strings.TrimPrefix(name, root)), Path: name, Package: pkg, PackageRoot: root}
}

// resolver resolves relative locators, and github.com/owner/repo/… in /pkg/vendor; a version is noted.
type resolver struct{ files workspace.FS }

func (r resolver) Resolve(ctx context.Context, from workspace.Target, locator string) (workspace.Target, error) {
	var file, version string
	switch {
	case strings.HasPrefix(locator, from.Package+"/"):
		return workspace.Target{}, &workspace.LocatorError{Fault: workspace.LocatorRefused, Locator: locator, Message: "local absolute locators are refused"}
	case strings.HasPrefix(locator, "github.com/"):
		parts := strings.SplitN(strings.TrimPrefix(locator, "github.com/"), "/", 3)
		if name, v, ok := strings.Cut(parts[1], "@"); ok {
			parts[1], version = name, v
		}
		dir := path.Join(root, "vendor", parts[0], parts[1])
		if _, err := r.files.Stat(ctx, dir); err != nil {
			return workspace.Target{}, &workspace.LocatorError{Fault: workspace.LocatorOffline, Locator: locator, Message: "'" + locator + "' isn't on this machine"}
		}
		file = path.Join(dir, parts[2])
	case strings.HasPrefix(locator, "./"), strings.HasPrefix(locator, "../"):
		file = path.Join(path.Dir(from.Path), locator)
	case strings.HasPrefix(locator, "/"):
		file = path.Join(from.PackageRoot, locator)
	default:
		return workspace.Target{}, &workspace.LocatorError{Fault: workspace.LocatorRefused, Locator: locator, Message: "locator '" + locator + "' isn't valid"}
	}
	if _, err := r.files.Stat(ctx, file); err != nil {
		return workspace.Target{}, &workspace.LocatorError{Fault: workspace.LocatorMissing, Locator: locator, Message: "'" + locator + "' doesn't exist"}
	}
	t := target(file)
	t.Version = version
	return t, nil
}

func sortTargets(list []workspace.Target) {
	for i := range list {
		for j := i; j > 0 && list[j].Path < list[j-1].Path; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// BenchmarkCheck checks a module of 10,000 lines, parsed before.
func BenchmarkCheck(b *testing.B) {
	text := generated(10_000)
	tree := parse.Parse(source.NewFile("main.star", text))
	for _, types := range []bool{false, true} {
		b.Run(fmt.Sprintf("types=%t", types), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				typecheck.Check(context.Background(), typecheck.Input{Tree: tree, Target: workspace.Target{Locator: "main.star", Path: "main.star"}, Types: types})
			}
		})
	}
	b.Run("upstream", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := (&syntax.FileOptions{}).Parse("main.star", text, 0)
			if err != nil {
				b.Fatal(err)
			}
			_ = resolve.File(f, func(string) bool { return true }, func(string) bool { return true })
		}
	})
}

// generated is a module with the mix of statements that real ones have.
func generated(lines int) []byte {
	var b strings.Builder
	b.WriteString("DEFAULTS = {\"image\": \"app:1.0\", \"count\": 2}\n\n")
	for i := 0; strings.Count(b.String(), "\n") < lines; i++ {
		for range 20 {
			fmt.Fprintf(&b, `def launch_%d(plan, name, config, extra = None, count = 3):
    """Launches nodes.

    Args:
        name (string): what they are called
        count (int): how many
    """
    image = config.get("image", DEFAULTS["image"])
    nodes = []
    if extra == None:
        extra = {}
    for index in range(count):
        node_name = "{}-{}".format(name, index)
        env = {"INDEX": str(index), "NAME": node_name}
        for key, value in extra.items():
            env[key] = value
        service = plan.add_service(
            name = node_name,
            config = ServiceConfig(
                image = image,
                ports = {"http": PortSpec(number = 8080 + index, application_protocol = "http")},
                cmd = ["--name", node_name, "--index=" + str(index)],
                env_vars = env,
            ),
        )
        result = plan.exec(service_name = node_name, recipe = ExecRecipe(command = ["cat", "/etc/hostname"]))
        if index == 0 and len(nodes) == 0:
            plan.print("first node is " + service.ip_address)
        elif index > 5:
            plan.verify(value = result["code"], assertion = "==", target_value = 0)
        nodes.append(struct(name = node_name, ip = service.ip_address, url = "http://{}:8080".format(service.hostname)))
    return struct(nodes = nodes, first = nodes[0] if nodes else None)

`, i)
			i++
		}
		fmt.Fprintf(&b, "def group_%d(plan):\n    return launch_%d(plan, \"group\", {}).nodes[0].url\n\n", i, i-1)
	}
	return []byte(b.String())
}
