package plan

import (
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
)

// Verbosity is how a step is shown.
type Verbosity string

const (
	Describe   Verbosity = "description" // one sentence for each step
	Brief      Verbosity = "brief"       // the call on one line, with the arguments that matter
	Detailed   Verbosity = "detailed"    // the call with every argument on a line of its own
	Executable Verbosity = "executable"  // Starlark that can be run again
	OutputOnly Verbosity = "output_only" // nothing but what run returned
)

// Text shows the steps of a plan, each ending with a newline. It fails only where a step is no Starlark.
func (p *Plan) Text(v Verbosity) (string, error) {
	if v == Executable {
		return p.executable()
	}
	var out strings.Builder
	for _, s := range p.Steps {
		out.WriteString(s.Text(v))
	}
	return out.String(), nil
}

// Text shows one step, for a view that shows them as they run. Executable steps need the whole plan and are shown
// in detail.
func (s *Step) Text(v Verbosity) string {
	switch v {
	case OutputOnly:
		return ""
	case Brief:
		return s.brief() + "\n"
	case Detailed, Executable:
		return s.detailed()
	}
	return s.Description + "\n"
}

// brief prints the arguments that say what the step is about: the required ones and the name. Of typed objects
// only what they must have is shown.
func (s *Step) brief() string {
	out := append([]byte("> "), s.Name...)
	row := builtins.Lookup("plan", s.Name)
	for _, f := range s.shown() {
		if row != nil && !represents(row, f.Name) {
			continue
		}
		out = append(append(append(out, ' '), f.Name...), '=')
		out = appendValue(out, abridge(f.Value))
	}
	return string(out)
}

func represents(row *builtins.Builtin, name string) bool {
	for i := range row.Params {
		if p := &row.Params[i]; p.Name == name {
			return p.Required || p.Name == "name"
		}
	}
	return false
}

// abridge leaves the optional fields out of typed objects, and says so.
func abridge(v Value) Value {
	switch v := v.(type) {
	case *Object:
		row := builtins.Lookup("", v.Constructor)
		if row == nil || row.Kind != builtins.Constructor {
			return v
		}
		short := &Object{Constructor: v.Constructor}
		for _, f := range v.Fields {
			if represents(row, f.Name) {
				short.Fields = append(short.Fields, Field{Name: f.Name, Value: abridge(f.Value)})
			}
		}
		text := short.String()
		if len(short.Fields) < len(v.Fields) {
			text = strings.TrimSuffix(text, ")")
			if len(short.Fields) > 0 {
				text += ", "
			}
			text += "...)"
		}
		return Opaque{Kind: v.Constructor, Text: text}
	case *List:
		items := make([]Value, len(v.Items))
		for i, item := range v.Items {
			items[i] = abridge(item)
		}
		return &List{Kind: v.Kind, Items: items}
	case *Dict:
		items := make([]Item, len(v.Items))
		for i, item := range v.Items {
			items[i] = Item{Key: item.Key, Value: abridge(item.Value)}
		}
		return &Dict{Items: items}
	}
	return v
}

func (s *Step) detailed() string {
	out := append([]byte("> "), s.Name...)
	for _, f := range s.shown() {
		out = append(append(append(out, "\n>\t"...), f.Name...), '=')
		out = appendValue(out, f.Value)
	}
	return string(append(out, '\n'))
}

// shown lists the arguments as Call prints them.
func (s *Step) shown() []Field {
	args := s.Args
	if s.Shown != nil {
		args = s.Shown
	}
	if s.Described {
		args = append(args[:len(args):len(args)], Field{Name: "description", Value: String(s.Description)})
	}
	return args
}
