package diag

import (
	"cmp"
	"slices"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// change is an edit with byte offsets.
type change struct {
	start, end int
	text       string
}

// Apply applies fixes to the text of f in the given order, each whole or not at all. It leaves out, and
// returns, those that overlap with one applied before, and those that also change other files. Two that ask
// for the same edit share it. An edit inserts at most once at a place; edits that touch do not overlap.
func Apply(f *source.File, fixes []Fix) (text []byte, left []Fix) {
	var changes []change
	for _, fix := range fixes {
		more, ok := changesOf(f, fix)
		if ok {
			changes, ok = merge(changes, more)
		}
		if !ok {
			left = append(left, fix)
		}
	}
	old := f.Text()
	at := 0
	for _, c := range changes {
		text = append(append(text, old[at:c.start]...), c.text...)
		at = c.end
	}
	return append(text, old[at:]...), left
}

func changesOf(f *source.File, fix Fix) ([]change, bool) {
	var out []change
	for _, e := range fix.Edits {
		c := change{f.Offset(e.Range.Start), f.Offset(e.Range.End), e.NewText}
		if e.File != f.Name() || c.end < c.start {
			return nil, false
		}
		out = append(out, c)
	}
	return merge(nil, out)
}

// merge returns the changes of both lists in the order of the text, or the first list alone and false if any
// two of them overlap.
func merge(changes, more []change) ([]change, bool) {
	all := slices.Concat(changes, more)
	slices.SortStableFunc(all, func(a, b change) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	all = slices.Compact(all)
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if b.start < a.end || b.start == a.start && a.end == a.start && b.end == b.start {
			return changes, false
		}
	}
	return all, true
}
