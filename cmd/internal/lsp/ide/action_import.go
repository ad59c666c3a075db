package ide

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// imports offers to import a module of the package that is called as an undefined name is, or to fetch one that is
// not on this machine.
func (v *View) importFixes(ctx context.Context, m *Module, found []diag.Diagnostic, at source.Range) []Action {
	var out []Action
	for _, d := range found {
		if !overlaps(d.Range, at) {
			continue
		}
		switch d.Code {
		case "undefined-name", "undefined":
			start, end := offsets(m.File(), d.Range)
			out = append(out, v.importsOf(ctx, m, string(m.File().Text()[start:end]), d)...)
		case "unresolved-locator":
			path := nodesAt(m.Info.Tree, d.Range.Start)
			if lit := innermost[*syntax.Literal](path); lit != nil {
				if locator, _ := lit.Value.(string); strings.HasPrefix(locator, "github.com/") {
					out = append(out, Action{Title: "Fetch " + locator, Kind: ActionQuickFix, Preferred: true, Fixes: []diag.Diagnostic{d}, Fetch: locator})
				}
			}
		}
	}
	return out
}

func (v *View) importsOf(ctx context.Context, m *Module, name string, d diag.Diagnostic) []Action {
	modules, err := v.Modules(ctx)
	if err != nil || m.Target.PackageRoot == "" {
		return nil
	}
	var out []Action
	for _, path := range modules {
		if path == m.Path() || strings.Trim(strings.TrimSuffix(filepath.Base(path), ".star"), "_") != strings.Trim(name, "_") {
			continue
		}
		if root, ok := v.PackageRoot(ctx, path); !ok || root != m.Target.PackageRoot {
			continue
		}
		locator, ok := relativeLocator(filepath.Dir(m.Path()), path)
		if !ok {
			continue
		}
		out = append(out, Action{
			Title: fmt.Sprintf("Import %q", locator), Kind: ActionQuickFix, Preferred: true, Fixes: []diag.Diagnostic{d},
			Edits: []diag.Edit{importEdit(m, name, locator)},
		})
	}
	return out
}

// importEdit adds an import below those that are there, or below the docstring.
func importEdit(m *Module, name, locator string) diag.Edit {
	f := m.File()
	line, after := int32(1), "\n"
	for i, s := range m.Info.Tree.Syntax.Stmts {
		isDoc := i == 0 && m.Info.Doc != nil
		if !isDoc && !isImport(s) {
			continue
		}
		line = nodeRange(s).End.Line + 1
		after = ""
	}
	text := name + " = import_module(" + strconv.Quote(locator) + ")\n" + after
	at := source.Pos{Line: line, Col: 1}
	if int(line) > f.LineCount() {
		at = f.End()
		text = "\n" + text
	} else if after == "" && m.Info.Doc != nil && line == nodeRange(m.Info.Tree.Syntax.Stmts[0]).End.Line+1 {
		text = "\n" + text
	}
	return diag.Edit{File: f.Name(), Range: source.Range{Start: at, End: at}, NewText: text}
}

// versions offers the versions by which the workspace names a package elsewhere, for an import without one.
func (v *View) versions(ctx context.Context, m *Module, found []diag.Diagnostic, at source.Range) []Action {
	var out []Action
	for _, d := range found {
		if d.Code != "unpinned-import" || !overlaps(d.Range, at) {
			continue
		}
		lit := innermost[*syntax.Literal](nodesAt(m.Info.Tree, d.Range.Start))
		if lit == nil {
			continue
		}
		locator, _ := lit.Value.(string)
		for _, version := range v.knownVersions(ctx, m, repositoryOf(locator)) {
			out = append(out, Action{
				Title: "Pin to " + version, Kind: ActionQuickFix, Fixes: []diag.Diagnostic{d},
				Edits: []diag.Edit{{File: m.Path(), Range: inside(m.File(), lit), NewText: locator + "@" + version}},
			})
		}
	}
	return out
}

func repositoryOf(locator string) string {
	parts := strings.SplitN(locator, "/", 4)
	if len(parts) < 3 {
		return locator
	}
	name, _, _ := strings.Cut(parts[2], "@")
	return strings.Join([]string{parts[0], parts[1], name}, "/")
}

// knownVersions lists the versions of a repository that modules of the workspace name, or that is on this machine.
func (v *View) knownVersions(ctx context.Context, m *Module, repository string) []string {
	var out []string
	add := func(version string) {
		if version != "" && !slices.Contains(out, version) {
			out = append(out, version)
		}
	}
	modules, _ := v.Modules(ctx)
	for _, path := range append([]string{m.Path()}, modules...) {
		text, err := v.files.Read(ctx, path)
		if err != nil {
			continue
		}
		for {
			i := bytes.Index(text, []byte(repository))
			if i < 0 {
				break
			}
			text = text[i+len(repository):]
			end := bytes.IndexAny(text, "\"'\n")
			if end < 0 {
				break
			}
			if _, version, ok := strings.Cut(string(text[:end]), "@"); ok {
				version, _, _ = strings.Cut(version, "/")
				add(version)
			}
		}
	}
	for _, imp := range m.Info.Imports {
		if repositoryOf(imp.Locator) == repository {
			add(imp.Target.Version)
		}
	}
	slices.Sort(out)
	return out
}
