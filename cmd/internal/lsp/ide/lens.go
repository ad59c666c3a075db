package ide

import (
	"context"
	"fmt"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// LensKind says what a lens is for.
type LensKind uint8

const (
	LensRun LensKind = iota + 1
	LensPreview
	LensServices
	LensReferences
)

// Lens is a line of text above a definition that can be clicked. That of references has no text until Lens counts
// them.
type Lens struct {
	Range source.Range
	Kind  LensKind
	Title string
}

// Lenses lists the lenses of a module: run and preview above the function that a package starts with, the number of
// references above every function.
func (v *View) Lenses(ctx context.Context, path string) ([]Lens, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	tree, err := v.files.Module(ctx, workspace.Target{Path: path})
	if err != nil {
		return nil, err
	}
	var out []Lens
	for _, s := range tree.Syntax.Stmts {
		def, ok := s.(*syntax.DefStmt)
		if !ok || def.Name.Name == "" {
			continue
		}
		at := nodeRange(def.Name)
		if def.Name.Name == "run" && v.runnable(ctx, path, def) {
			out = append(out, Lens{at, LensRun, "▶ Run"}, Lens{at, LensPreview, "Preview plan"})
			if m, err := v.Plain(ctx, path); err == nil {
				if n := v.services(ctx, m); n > 0 {
					out = append(out, Lens{at, LensServices, count(n, "service")})
				}
			}
		}
		out = append(out, Lens{Range: at, Kind: LensReferences})
	}
	return out, nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// runnable says whether a function run is one that Kurtosis calls: it takes the plan first.
func (v *View) runnable(_ context.Context, _ string, def *syntax.DefStmt) bool {
	return len(def.Params) > 0 && paramName(def.Params[0]) == "plan"
}

// services counts the services with constant names that a module and those it imports add.
func (v *View) services(ctx context.Context, m *Module) int {
	names := map[string]bool{}
	for _, k := range v.madeAround(ctx, m) {
		if !k.artifact {
			names[k.name] = true
		}
	}
	return len(names)
}

// ReferenceLens counts the references to the function whose name is at a place.
func (v *View) ReferenceLens(ctx context.Context, path string, at source.Pos) (title string, refs []Location, err error) {
	found, err := v.References(ctx, path, at)
	if err != nil {
		return "", nil, err
	}
	for _, r := range found {
		if !r.Definition {
			refs = append(refs, r.Location)
		}
	}
	return count(len(refs), "reference"), refs, nil
}
