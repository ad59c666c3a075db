package plan

import "github.com/kurtosis-go/kurtosis/lang/builtins"

// Argument is one argument of a step, for those who show steps by themselves.
type Argument struct {
	Name           string
	Value          string // as Starlark
	Representative bool   // a brief view shows it
}

// Arguments lists the arguments as Call prints them.
func (s *Step) Arguments() []Argument {
	row := builtins.Lookup("plan", s.Name)
	var list []Argument
	for _, f := range s.shown() {
		list = append(list, Argument{f.Name, string(appendValue(nil, f.Value)), row != nil && represents(row, f.Name)})
	}
	return list
}
