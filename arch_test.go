package kurtosis_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/kurtosis-go/kurtosis"

const (
	starlark  = "go.starlark.net/starlark"
	docker    = "github.com/docker/docker"
	clientGo  = "k8s.io/client-go"
	protocol  = "go.lsp.dev/protocol"
	jsonrpc   = "go.lsp.dev/jsonrpc2"
	terminals = "golang.org/x/term"
)

// layers is the import table of docs/architecture.md. A name that starts with a dot is ours; a trailing /* covers
// the packages below. Ours and third-party names are checked through all transitive imports, std and direct ones
// by the package's own import lines (fmt pulls in os for everybody).
var layers = []struct {
	pkg       string
	mustNot   []string
	direct    []string
	except    []string // ours that mustNot would cover but that are allowed
	whyDirect string
}{
	{pkg: "./lang/source", mustNot: []string{"./*"}},
	{pkg: "./lang/diag", direct: []string{"os", "net", "net/http"}},
	{pkg: "./lang/rule", mustNot: []string{"./*"}},
	{pkg: "./lang/parse", mustNot: []string{starlark}},
	{pkg: "./lang/types", mustNot: []string{starlark}},
	{pkg: "./lang/builtins", mustNot: []string{starlark, "./typecheck", "./runtime/*"}},
	{pkg: "./lang/format", mustNot: []string{starlark}, direct: []string{"os", "net", "net/http"}},
	{pkg: "./lang/workspace", mustNot: []string{starlark, "./packages/*"}, direct: []string{"net", "net/http"}},
	{pkg: "./typecheck", mustNot: []string{starlark, "./packages/*", "./runtime/*", "./backends/*"}, direct: []string{"os", "net", "net/http", "os/exec"}},
	{pkg: "./packages", mustNot: []string{starlark, "./runtime/*", "./typecheck"}, direct: []string{"net", "net/http"}},
	{pkg: "./packages/fetch", mustNot: []string{"./lang/*", "./runtime/*"}},
	{pkg: "./backends", mustNot: []string{"./*"}, except: []string{"./backends", "./lang/rule"}},
	{pkg: "./backends/docker", mustNot: []string{"./runtime/*", "./lang/*", "./backends/kubernetes", clientGo}, except: []string{"./lang/rule"}},
	{pkg: "./backends/kubernetes", mustNot: []string{"./runtime/*", "./lang/*", "./backends/docker", docker}, except: []string{"./lang/rule"}},
	{pkg: "./backends/fake", mustNot: []string{"./runtime/*", docker, clientGo}},
	{pkg: "./runtime/interp", mustNot: []string{"./backends/*", docker, clientGo}, direct: []string{"os", "os/exec", "net", "net/http"}},
	{pkg: "./runtime/plan", mustNot: []string{starlark, docker, clientGo}},
	{pkg: "./runtime/event", mustNot: []string{terminals, starlark, docker}},
	{pkg: "./runtime/state", mustNot: []string{starlark, docker, clientGo}},
	{pkg: "./lang/dockerfile", mustNot: []string{"./*"}, direct: []string{"os", "net", "net/http"}},
	{pkg: "./runtime/imagebuild", mustNot: []string{"./lang/parse", starlark, docker, clientGo}},
	{pkg: "./runtime/execute", mustNot: []string{"./lang/parse", starlark, docker, clientGo}},
	{pkg: "./runtime", mustNot: []string{"./cmd/*", "./backends/docker", "./backends/kubernetes", docker, clientGo}},
	{pkg: "./api/rpc", mustNot: []string{"./runtime/*", "./lang/parse", starlark, docker, clientGo}},
	{pkg: "./api/wire", mustNot: []string{"./cmd/*", "./engine/*", "./apicontainer", "./backends/docker", "./backends/kubernetes", docker, clientGo}},
	{pkg: "./api/client", mustNot: []string{"./cmd/*", "./engine/*", "./apicontainer", "./backends/docker", "./backends/kubernetes", docker, clientGo}},
	{pkg: "./apicontainer", mustNot: []string{"./cmd/*", "./engine/*", "./backends/docker", "./backends/kubernetes", docker, clientGo}},
	{pkg: "./engine", mustNot: []string{"./cmd/*", "./backends/docker", "./backends/kubernetes", docker, clientGo}},
	{pkg: "./engine/image", mustNot: []string{"./runtime/*", starlark, docker, clientGo}},
	{pkg: "./cmd/internal/cli", direct: []string{starlark, "./lang/parse"}, whyDirect: "the facade below it executes Starlark"},
	{pkg: "./cmd/internal/ui", mustNot: []string{starlark}, direct: []string{"./lang/parse"}},
	{pkg: "./cmd/internal/lsp/ide", mustNot: []string{docker, clientGo, protocol, jsonrpc}},
	{pkg: "./cmd/internal/lsp/server", mustNot: []string{docker, clientGo}},
	{pkg: "./cmd/kurtosis-lsp", mustNot: []string{docker, clientGo}},
}

type listed struct {
	ImportPath, Dir string
	Imports, Deps   []string
	GoFiles         []string
}

func list(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,Deps,GoFiles", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	pkgs := map[string]listed{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[p.ImportPath] = p
	}
}

func full(name string) string {
	if rest, ours := strings.CutPrefix(name, "./"); ours {
		return path.Join(module, rest)
	}
	return name
}

func matches(pattern, imported string) bool {
	p := full(pattern)
	if base, below := strings.CutSuffix(p, "/*"); below {
		return imported == base || strings.HasPrefix(imported, base+"/")
	}
	// A third-party module's name covers its packages; one of ours is exact.
	return imported == p || !strings.HasPrefix(p, module) && strings.Contains(p, ".") && strings.HasPrefix(imported, p+"/")
}

func TestLayers(t *testing.T) {
	pkgs := list(t)
	for _, layer := range layers {
		p, ok := pkgs[full(layer.pkg)]
		if !ok {
			t.Errorf("%s: the table names a package that does not exist", layer.pkg)
			continue
		}
		allowed := map[string]bool{p.ImportPath: true}
		for _, e := range layer.except {
			allowed[full(e)] = true
		}
		for _, no := range layer.mustNot {
			for _, dep := range p.Deps {
				if matches(no, dep) && !allowed[dep] {
					t.Errorf("%s must not import %s, but reaches %s", layer.pkg, no, dep)
				}
			}
		}
		for _, no := range layer.direct {
			for _, dep := range p.Imports {
				if matches(no, dep) {
					t.Errorf("%s must not import %s itself", layer.pkg, dep)
				}
			}
		}
	}
}

// calls lists functions that only some packages may call: the others are handed a clock, a context, or return.
var calls = map[string]func(pkg string) bool{
	"time.Sleep":         func(string) bool { return false },
	"os.Exit":            isMain,
	"context.Background": isMain,
	"context.TODO":       func(string) bool { return false },
	"time.Now": func(pkg string) bool {
		return !strings.HasPrefix(pkg, "lang/") && pkg != "typecheck" && pkg != "runtime/interp" && pkg != "runtime/plan"
	},
}

func isMain(pkg string) bool {
	switch pkg {
	case "cmd/kurtosis", "cmd/kurtosis-lsp", "cmd/kurtosis-pod", "backends/backendtest/images/toolbox":
		return true
	}
	// Development programs (generators, benches, test images) are mains of their own.
	return strings.HasPrefix(pkg, "internal/tools/") || strings.HasPrefix(pkg, "testdata/") || strings.HasPrefix(pkg, "examples/") || strings.HasSuffix(pkg, "/gen")
}

func TestCalls(t *testing.T) {
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && file != ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		std := map[string]string{}
		for _, imp := range parsed.Imports {
			name, _ := strconv.Unquote(imp.Path.Value)
			local := path.Base(name)
			if imp.Name != nil {
				local = imp.Name.Name
			}
			std[local] = name
		}
		pkg := filepath.ToSlash(filepath.Dir(file))
		ast.Inspect(parsed, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok {
					name := fmt.Sprintf("%s.%s", std[x.Name], sel.Sel.Name)
					if may, listed := calls[name]; listed && !may(pkg) {
						t.Errorf("%s: %s is not for this package", fset.Position(sel.Pos()), name)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
