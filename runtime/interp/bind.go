package interp

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// call is what a builtin was called with, bound to its row's parameters.
type call struct {
	row         *builtins.Builtin
	args        []starlark.Value // parallel to row.Params; nil where not given
	description starlark.Value   // nil where not given
}

// get returns an argument, nil when it was not given or is None.
func (c *call) get(name string) starlark.Value {
	for i := range c.row.Params {
		if c.row.Params[i].Name == name && c.args[i] != starlark.None {
			return c.args[i]
		}
	}
	return nil
}

// text returns a string argument, "" when it was not given.
func (c *call) text(name string) string {
	s, _ := starlark.AsString(c.get(name))
	return s
}

// bind matches arguments to the row's parameters as the reference does: names first, then types, then the
// rules of single values. All that is wrong with values is reported at once.
func bind(row *builtins.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (*call, error) {
	c := &call{row: row, args: make([]starlark.Value, len(row.Params))}
	if err := c.match(args, kwargs); err != nil {
		return nil, cannotConstruct(row, err.Error(), hintOf(err))
	}
	faults, hint := map[string]string{}, ""
	for i := range row.Params {
		p, v := &row.Params[i], c.args[i]
		if v == nil || v == starlark.None && !p.Required {
			continue
		}
		if message, ok := accepts(p, v); !ok {
			faults[p.Name] = message
		} else if message, ok := satisfies(p, v); !ok {
			faults[p.Name] = message
		}
	}
	if c.description != nil {
		if message, ok := accepts(&builtins.Description, c.description); !ok {
			faults[builtins.Description.Name] = message
		} else if message, ok := satisfies(&builtins.Description, c.description); !ok {
			faults[builtins.Description.Name] = message
		}
	}
	if len(faults) > 0 {
		return nil, cannotConstruct(row, "the following argument(s) could not be parsed or did not pass validation: "+encodeFaults(faults), hint)
	}
	return c, nil
}

func encodeFaults(faults map[string]string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(faults); err != nil { // strings always encode
		panic(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func cannotConstruct(row *builtins.Builtin, cause, hint string) error {
	return &fault{message: "Cannot construct '" + row.Name + "' from the provided arguments.", causes: []string{cause}, hint: hint}
}

// match puts arguments in their places. Its messages are those of Starlark's own builtins.
func (c *call) match(args starlark.Tuple, kwargs []starlark.Tuple) error {
	params, name := c.row.Params, c.row.Name
	if len(args) > len(params) {
		most := len(params)
		if c.row.Described() {
			most++
		}
		if len(args) > most {
			return fmt.Errorf("%s: got %d arguments, want at most %d", name, len(args), most)
		}
		c.description = args[len(params)]
		args = args[:len(params)]
	}
	copy(c.args, args)
next:
	for _, item := range kwargs {
		key := string(item[0].(starlark.String))
		for i := range params {
			if params[i].Name != key {
				continue
			}
			if c.args[i] != nil {
				return fmt.Errorf("%s: got multiple values for keyword argument %q", name, key)
			}
			c.args[i] = item[1]
			continue next
		}
		if key == builtins.Description.Name && c.row.Described() {
			if c.description != nil {
				return fmt.Errorf("%s: got multiple values for keyword argument %q", name, key)
			}
			c.description = item[1]
			continue
		}
		return &hinted{fmt.Sprintf("%s: unexpected keyword argument %q", name, key), c.suggest(key)}
	}
	if c.description == starlark.None {
		c.description = nil
	}
	for i := range params {
		if params[i].Required && c.args[i] == nil {
			return fmt.Errorf("%s: missing argument for %s", name, params[i].Name)
		}
	}
	return nil
}

// suggest names the parameter that was probably meant: one that was called so once, or one that looks alike.
func (c *call) suggest(key string) string {
	var names []string
	for i := range c.row.Params {
		p := &c.row.Params[i]
		for _, former := range p.Former {
			if former == key {
				return fmt.Sprintf("%s takes %s", c.row.Name, p.Name)
			}
		}
		if !p.Hidden {
			names = append(names, p.Name)
		}
	}
	if near, ok := diag.Closest(key, names); ok {
		return fmt.Sprintf("%s takes %s", c.row.Name, near)
	}
	return fmt.Sprintf("%s takes %s", c.row.Name, strings.Join(names, ", "))
}

// accepts checks the outermost type of a value; what is inside is looked at when the value is used.
func accepts(p *builtins.Param, v starlark.Value) (message string, ok bool) {
	want := goType(p.Type)
	if want == "" || matches(p.Type, v) {
		return "", true
	}
	return fmt.Sprintf("Value for '%s' was expected to be a %s but was '%s'", p.Name, want, goTypeOf(v)), false
}

func matches(t types.Type, v starlark.Value) bool {
	switch t := t.(type) {
	case types.Basic:
		switch t {
		case types.String:
			_, ok := v.(starlark.String)
			return ok
		case types.Int:
			_, ok := v.(starlark.Int)
			return ok
		case types.Bool:
			_, ok := v.(starlark.Bool)
			return ok
		case types.Float:
			_, ok := v.(starlark.Float)
			return ok
		}
		return true
	case *types.List:
		_, ok := v.(*starlark.List)
		return ok
	case *types.Dict:
		_, ok := v.(*starlark.Dict)
		return ok
	case *types.Named:
		o, ok := v.(*object)
		return ok && o.row.Name == t.Name
	}
	return true
}

// goType is how the reference names the type it wants, "" for what it does not check at once.
func goType(t types.Type) string {
	switch t := t.(type) {
	case types.Basic:
		switch t {
		case types.String:
			return "starlark.String"
		case types.Int:
			return "starlark.Int"
		case types.Bool:
			return "starlark.Bool"
		case types.Float:
			return "starlark.Float"
		}
	case *types.List:
		return "*starlark.List"
	case *types.Dict:
		return "*starlark.Dict"
	case *types.Named:
		return goObject(t.Name)
	}
	return ""
}

func goTypeOf(v starlark.Value) string {
	if o, ok := v.(*object); ok {
		return goObject(o.row.Name)
	}
	return fmt.Sprintf("%T", v)
}

// goObject is the reference's name of a Kurtosis type: *service_config.ServiceConfig.
func goObject(name string) string {
	var out strings.Builder
	for i, r := range name {
		if 'A' <= r && r <= 'Z' {
			if i > 0 {
				out.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return "*" + out.String() + "." + name
}
