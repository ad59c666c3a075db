package diag

import (
	"cmp"
	"slices"
)

// Sort returns the diagnostics by file, place, severity and code, each once: two that say the same of the same
// place are one. The argument is left as it is.
func Sort(diagnostics []Diagnostic) []Diagnostic {
	out := slices.Clone(diagnostics)
	slices.SortStableFunc(out, compare)
	return slices.CompactFunc(out, func(a, b Diagnostic) bool { return compare(a, b) == 0 })
}

func compare(a, b Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Range.Start.Line, b.Range.Start.Line),
		cmp.Compare(a.Range.Start.Col, b.Range.Start.Col),
		cmp.Compare(a.Range.End.Line, b.Range.End.Line),
		cmp.Compare(a.Range.End.Col, b.Range.End.Col),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Message, b.Message),
	)
}

// URL is where the documentation of a code is.
func URL(code string) string {
	return "https://github.com/kurtosis-go/kurtosis/blob/main/docs/diagnostics/" + code + ".md"
}
