package ide

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// PrepareRename says what would be renamed at a place: its range and present name. The error says why nothing can be.
func (v *View) PrepareRename(ctx context.Context, path string, at source.Pos) (source.Range, string, error) {
	m, err := v.Module(ctx, path)
	if err != nil {
		return source.Range{}, "", err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil {
		return source.Range{}, "", fmt.Errorf("there is no name here that can be renamed")
	}
	if err := v.renamable(s); err != nil {
		return source.Range{}, "", err
	}
	return s.at, s.name, nil
}

func (v *View) renamable(s *symbol) error {
	switch {
	case s.row != nil:
		return fmt.Errorf("'%s' is built in and can't be renamed", s.name)
	case s.file != nil:
		return fmt.Errorf("rename the file itself; imports follow")
	case s.owner != nil:
		return fmt.Errorf("'%s' is a field, whose uses can't all be found", s.name)
	case s.service != "":
		return nil
	case s.binding == nil:
		return fmt.Errorf("'%s' isn't defined anywhere", s.name)
	case s.module != nil && !v.editable(s.module.Path()):
		return fmt.Errorf("'%s' is defined in %s, which is not part of the workspace", s.name, v.shown(s.module.Path()))
	case s.binding.Name == "plan" && s.fn != nil && len(s.fn.Params) > 0 && s.fn.Name == "run":
		return fmt.Errorf("the first parameter of run must be called plan")
	case s.binding.Name == "run" && s.binding.Def() != nil && filepath.Base(s.module.Path()) == "main.star":
		return fmt.Errorf("a package starts with the function run, so it must keep its name")
	}
	return nil
}

// editable says whether a file may be changed: it is part of the workspace, or open.
func (v *View) editable(path string) bool { return v.inRoots(path) || v.files.Open(path) }

var identifier = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\pL_][\pL\pN_]*$`) })

var reserved = map[string]bool{
	"and": true, "break": true, "continue": true, "def": true, "elif": true, "else": true, "for": true, "if": true, "in": true, "lambda": true,
	"load": true, "not": true, "or": true, "pass": true, "return": true, "while": true, "as": true, "assert": true, "async": true, "await": true,
	"class": true, "del": true, "except": true, "finally": true, "from": true, "global": true, "import": true, "is": true, "nonlocal": true,
	"raise": true, "try": true, "with": true, "yield": true,
}

// Rename gives the edits that call what is named at a place newName, everywhere. The error says why that cannot be
// done without changing what the program means.
func (v *View) Rename(ctx context.Context, path string, at source.Pos, newName string) ([]diag.Edit, error) {
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil {
		return nil, fmt.Errorf("there is no name here that can be renamed")
	}
	if err := v.renamable(s); err != nil {
		return nil, err
	}
	if s.service == "" {
		switch {
		case !identifier().MatchString(newName):
			return nil, fmt.Errorf("'%s' is no name: letters, digits and underscores, not starting with a digit", newName)
		case reserved[newName]:
			return nil, fmt.Errorf("'%s' is a keyword", newName)
		}
	} else if strings.ContainsAny(newName, "\"'\\\n") {
		return nil, fmt.Errorf("'%s' can't stand in a string as it is", newName)
	}
	if newName == s.name {
		return nil, nil
	}
	refs, err := v.referencesTo(ctx, m, s, true)
	if err != nil {
		return nil, err
	}
	if s.binding != nil {
		if err := v.clash(ctx, s, refs, newName); err != nil {
			return nil, err
		}
	}
	var edits []diag.Edit
	for _, r := range refs {
		if v.editable(r.Path) {
			edits = append(edits, diag.Edit{File: r.Path, Range: r.Range, NewText: newName})
		}
	}
	return edits, nil
}

// clash says whether a new name means something else already where the old one stands.
func (v *View) clash(ctx context.Context, s *symbol, refs []Reference, newName string) error {
	if s.fn != nil && s.fn.Param(newName) != nil {
		return fmt.Errorf("'%s' already has a parameter '%s'", s.fn.Name, newName)
	}
	for _, r := range refs {
		if r.Path != s.module.Path() || r.quoted {
			continue
		}
		for _, b := range s.module.Info.Scope(r.Range.Start) {
			if b.Name == newName && b != s.binding {
				line := int32(0)
				if len(b.Defs) > 0 {
					line = b.Defs[0].NamePos.Line
				}
				return fmt.Errorf("'%s' is already defined here, in line %d", newName, line)
			}
		}
	}
	if row := builtins.Lookup("", newName); row != nil && !row.TestOnly {
		return fmt.Errorf("'%s' is built in; hiding it would be confusing", newName)
	}
	return nil
}

// FileRename is a file or directory that moves.
type FileRename struct{ Old, New string }

// RenameFiles gives the edits that keep imports right when files or directories move: those of the others that
// import them, and those of the moved ones.
func (v *View) RenameFiles(ctx context.Context, moves []FileRename) ([]diag.Edit, error) {
	modules, err := v.Modules(ctx)
	if err != nil {
		return nil, err
	}
	moved := func(path string) string {
		for _, m := range moves {
			if path == m.Old {
				return m.New
			}
			if rest, ok := strings.CutPrefix(path, m.Old+string(filepath.Separator)); ok {
				return filepath.Join(m.New, rest)
			}
		}
		return path
	}
	var edits []diag.Edit
	for _, path := range modules {
		from := v.Target(ctx, path)
		for _, s := range v.locators(ctx, path) {
			newFrom, newTo := moved(path), moved(s.target.Path)
			if newFrom == path && newTo == s.target.Path {
				continue
			}
			locator, ok := v.relocate(s.locator, from, newFrom, s.target, newTo)
			if !ok || locator == s.locator {
				continue
			}
			f, err := v.files.File(ctx, path)
			if err != nil {
				continue
			}
			edits = append(edits, diag.Edit{File: path, Range: inside(f, s.literal), NewText: locator})
		}
	}
	return edits, nil
}

// relocate writes a locator anew, in the way it was written, once its file or its user has moved.
func (v *View) relocate(locator string, from workspace.Target, newFrom string, to workspace.Target, newTo string) (string, bool) {
	switch {
	case strings.HasPrefix(locator, "github.com/"):
		rel, err := filepath.Rel(to.PackageRoot, newTo)
		if err != nil || to.PackageRoot == "" || !filepath.IsLocal(rel) {
			return "", false
		}
		old, err := filepath.Rel(to.PackageRoot, to.Path)
		if err != nil {
			return "", false
		}
		return strings.Replace(locator, filepath.ToSlash(old), filepath.ToSlash(rel), 1), true
	case strings.HasPrefix(locator, "/"):
		root := repositoryRoot(from.PackageRoot, from.Package)
		rel, err := filepath.Rel(root, newTo)
		if err != nil || !filepath.IsLocal(rel) {
			return "", false
		}
		return "/" + filepath.ToSlash(rel), true
	}
	rel, ok := relativeLocator(filepath.Dir(newFrom), newTo)
	if ok && !strings.HasPrefix(locator, ".") {
		rel = strings.TrimPrefix(rel, "./")
	}
	return rel, ok
}
