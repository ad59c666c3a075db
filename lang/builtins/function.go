package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

// Function is the row's signature as a type term, Description included where the row takes it; nil when the row
// cannot be called.
//
// Variables in it are those of the receiver (T of a list, K and V of a dict) and of the call. For a parameter that
// is left out, bind the type of its default: None for "None", Never where there is none.
func (b *Builtin) Function() *types.Function {
	if !b.Callable() {
		return nil
	}
	params := make([]types.Param, 0, len(b.Params)+1)
	for i := range b.Params {
		if !b.Params[i].Hidden {
			params = append(params, b.Params[i].term())
		}
	}
	if b.Described() {
		params = append(params, Description.term())
	}
	return &types.Function{Name: b.Name, Params: params, Result: b.Result}
}

func (p *Param) term() types.Param {
	return types.Param{
		Name: p.Name, Type: p.Type, Default: p.Default, Optional: !p.Required,
		Variadic: p.Variadic, Keyword: p.Keyword, Positional: p.Positional,
	}
}

// Type is the type of the row as a value: its signature, or what a constant or module is.
func (b *Builtin) Type() types.Type {
	if f := b.Function(); f != nil {
		return f
	}
	return b.Result
}

// Signature prints the row: plan.add_service(name: str, config: ServiceConfig, …) -> Service; for a constant,
// time.hour: time.duration; for a module, its name.
func (b *Builtin) Signature() string {
	switch b.Kind {
	case Constant:
		return b.QualifiedName() + ": " + b.Result.String()
	case Module:
		return "module " + b.Name
	}
	f := *b.Function()
	if f.Result == types.None {
		f.Result = nil
	}
	return f.Signature(b.QualifiedName())
}

// tableModule types a predeclared module by its rows.
type tableModule string

func (m tableModule) Export(name string) (types.Type, bool) {
	if b := Lookup(string(m), name); b != nil {
		return b.Type(), true
	}
	return nil, false
}

func (m tableModule) Names() []string {
	var names []string
	for _, b := range members[string(m)] {
		names = append(names, b.Name)
	}
	return names
}

func moduleTerm(name string) types.Type {
	return &types.Module{Name: name, Exports: tableModule(name)}
}
