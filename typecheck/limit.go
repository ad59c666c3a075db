package typecheck

import "github.com/kurtosis-go/kurtosis/lang/types"

// Bounds of what is remembered of one value. Types share their parts, so a few lines can make one that is larger
// than any memory when it is walked: x = (x, x) on forty lines.
const (
	maxTypeSize  = 4000
	maxTypeDepth = 24
)

// limit is t, or Unknown when t is too large to reason about.
func limit(t types.Type) types.Type {
	switch t.(type) {
	case types.Basic, types.StringLit, types.IntLit, *types.Named, *types.Module, *types.Function:
		return t
	}
	n := 0
	if !small(t, 0, &n) {
		return types.Unknown
	}
	return t
}

func small(t types.Type, depth int, n *int) bool {
	if *n++; *n > maxTypeSize || depth > maxTypeDepth {
		return false
	}
	depth++
	switch t := t.(type) {
	case *types.List:
		return small(t.Elem, depth, n)
	case *types.Dict:
		return small(t.Key, depth, n) && small(t.Value, depth, n) && smallFields(t.Known, depth, n)
	case *types.Tuple:
		if t.Rest != nil {
			return small(t.Rest, depth, n)
		}
		return smallAll(t.Elems, depth, n)
	case *types.Struct:
		return smallFields(t.Fields, depth, n)
	case *types.Union:
		return smallAll(t.Members, depth, n)
	case *types.Guess:
		return small(t.Elem, depth, n)
	case *types.Future:
		return small(t.Elem, depth, n)
	case *types.Iterable:
		return small(t.Elem, depth, n)
	}
	return true
}

func smallFields(fields []types.Field, depth int, n *int) bool {
	for _, f := range fields {
		if !small(f.Type, depth, n) {
			return false
		}
	}
	return true
}

func smallAll(list []types.Type, depth int, n *int) bool {
	for _, t := range list {
		if !small(t, depth, n) {
			return false
		}
	}
	return true
}
