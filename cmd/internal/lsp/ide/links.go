package ide

import (
	"context"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// Link is text that leads somewhere: to a file, or to a page.
type Link struct {
	Range   source.Range
	Path    string // of a file, or ""
	URL     string // of a page, or ""
	Tooltip string
}

// located is a string of a module that names a file.
type located struct {
	literal *syntax.Literal
	locator string
	target  workspace.Target
}

// locators lists the strings of a module that name files, with what they lead to. It goes by the names of builtins
// and parameters, so that no types are needed.
func (v *View) locators(ctx context.Context, path string) []located {
	from := v.Target(ctx, path)
	tree, err := v.files.Module(ctx, from)
	if err != nil {
		return nil
	}
	resolver := v.files.Resolver()
	var out []located
	add := func(e syntax.Expr) {
		lit := stringLiteral(e)
		if lit == nil {
			return
		}
		locator, _ := lit.Value.(string)
		if to, err := resolver.Resolve(ctx, from, locator); err == nil {
			out = append(out, located{lit, locator, to})
		}
	}
	syntax.Walk(tree.Syntax, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.LoadStmt:
			add(n.Module)
		case *syntax.CallExpr:
			param := map[string]string{"import_module": "module_file", "read_file": "src", "upload_files": "src", "ImageBuildSpec": "build_context_dir", "NixBuildSpec": "build_context_dir"}[calledName(n)]
			for i, a := range n.Args {
				name, value := keyword(a)
				if param != "" && (name != nil && name.Name == param || name == nil && i == 0 && param != "build_context_dir") {
					add(value)
				}
			}
		}
		return true
	})
	return out
}

func calledName(call *syntax.CallExpr) string {
	switch fn := call.Fn.(type) {
	case *syntax.Ident:
		return fn.Name
	case *syntax.DotExpr:
		return fn.Name.Name
	}
	return ""
}

// Links lists the strings of a module that name files, and the addresses in its comments and docstrings.
func (v *View) Links(ctx context.Context, path string) ([]Link, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	f, err := v.files.File(ctx, path)
	if err != nil {
		return nil, err
	}
	var out []Link
	for _, l := range v.locators(ctx, path) {
		if info, err := v.files.Stat(ctx, l.target.Path); err == nil && !info.Dir {
			out = append(out, Link{Range: inside(f, l.literal), Path: l.target.Path, Tooltip: v.shown(l.target.Path)})
		}
	}
	for n := 1; n <= f.LineCount(); n++ {
		line := string(f.Line(n))
		for at := 0; ; {
			i := strings.Index(line[at:], "https://")
			if i < 0 {
				break
			}
			start := at + i
			end := start
			for end < len(line) && !strings.ContainsRune(" \t\"'`<>{}|\\^", rune(line[end])) {
				end++
			}
			url := strings.TrimRight(line[start:end], ".,;:!?)]")
			base := f.LineStart(n)
			if len(url) > len("https://") {
				out = append(out, Link{Range: rangeAt(f, base+start, base+start+len(url)), URL: url})
			}
			at = end
		}
	}
	return out, nil
}
