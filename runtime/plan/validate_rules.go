package plan

import (
	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/rule"
)

// rules checks a step's arguments against the table: the rules of its parameters, at any depth, and that futures
// stand only where they are replaced.
func (v *validator) rules(s *Step) {
	if row := builtins.Lookup("plan", s.Name); row != nil {
		v.fields(row, s.Args)
	}
}

func (v *validator) fields(row *builtins.Builtin, fields []Field) {
	for i := range row.Params {
		p := &row.Params[i]
		value, ok := field(fields, p.Name)
		if !ok {
			continue
		}
		if _, none := value.(None); none {
			continue
		}
		v.ruled(p, value)
		if p.Futures { // a value that is only shown or compared, with everything inside it
			continue
		}
		v.nested(value)
		if !replacesFutures(p) {
			v.unreplaced(row, p, value)
		}
	}
}

// ruled checks a value against its parameter's rules. Texts with futures are not looked at: nobody knows them yet.
func (v *validator) ruled(p *builtins.Param, value Value) {
	switch value := value.(type) {
	case *List:
		for _, item := range value.Items {
			v.rule(p.ElemRule, p.Name, item)
		}
	case *Dict:
		for _, item := range value.Items {
			v.rule(p.KeyRule, p.Name, item.Key)
			v.rule(p.ElemRule, p.Name, item.Value)
		}
	default:
		v.rule(p.Rule, p.Name, value)
	}
}

func (v *validator) rule(name, param string, value Value) {
	if name == "" {
		return
	}
	var message string
	ok := true
	switch value := value.(type) {
	case String:
		if len(Futures(string(value))) > 0 {
			return
		}
		message, ok = rule.Check(name, string(value))
	case Int:
		n, fits := value.Int64()
		if !fits {
			v.report("invalid-"+name, "", "%s: %s is out of range", param, value)
			return
		}
		message, ok = rule.CheckInt(name, n)
	}
	if !ok {
		v.report("invalid-"+name, "", "%s: %s", param, message)
	}
}

// nested checks the typed objects inside a value.
func (v *validator) nested(value Value) {
	switch value := value.(type) {
	case *Object:
		if row := builtins.Lookup("", value.Constructor); row != nil && row.Kind == builtins.Constructor {
			v.fields(row, value.Fields)
		}
	case *List:
		for _, item := range value.Items {
			v.nested(item)
		}
	case *Dict:
		for _, item := range value.Items {
			v.nested(item.Value)
		}
	}
}

// replacesFutures reports whether futures may stand in an argument although the table does not say so: it only
// orders steps, or it names services.
func replacesFutures(p *builtins.Param) bool {
	return p.Name == "depends_on" || p.Rule == "service-name" || p.KeyRule == "service-name"
}

// unreplaced reports a future where the executor leaves the placeholder in place.
func (v *validator) unreplaced(row *builtins.Builtin, p *builtins.Param, value Value) {
	switch value := value.(type) {
	case String:
		if futures := Futures(string(value)); len(futures) > 0 {
			v.report("future-not-replaced", "use a value that is known beforehand here: a name or hostname instead of an address",
				"%s of %s has the future '%s', which is not replaced there", p.Name, row.Name, futures[0].Field)
		}
	case *List:
		for _, item := range value.Items {
			v.unreplaced(row, p, item)
		}
	case *Dict:
		for _, item := range value.Items {
			v.unreplaced(row, p, item.Key)
			v.unreplaced(row, p, item.Value)
		}
	} // the fields of typed objects are looked at by themselves
}
