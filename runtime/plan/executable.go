package plan

import (
	"fmt"
	"strings"

	"github.com/bazelbuild/buildtools/build"
)

// executable writes the plan as a module that makes the same plan when it is run: a call for each step below
// where it comes from, futures as uses of what earlier calls returned, laid out by buildifier's formatter.
func (p *Plan) executable() (string, error) {
	e := &exporter{from: map[string]string{}}
	for _, s := range p.Steps {
		e.uses(s)
	}
	var text strings.Builder
	text.WriteString("def run(plan):\n")
	for _, s := range p.Steps {
		fmt.Fprintf(&text, "    # from %s\n    ", s.Position)
		if name := e.variable(s); name != "" {
			text.WriteString(name + " = ")
		}
		text.WriteString("plan." + string(printer{runnable: true}.call(nil, s.Name, s.runnable())) + "\n")
	}
	if len(p.Steps) == 0 {
		text.WriteString("    pass\n")
	}
	file, err := build.ParseDefault("plan.star", []byte(text.String()))
	if err != nil {
		return "", fmt.Errorf("the plan cannot be written as Starlark: %w", err)
	}
	build.Edit(file, func(x build.Expr, _ []build.Expr) build.Expr {
		if s, ok := x.(*build.StringExpr); ok && strings.Contains(s.Value, futurePrefix) {
			return e.expression(s.Value)
		}
		return nil
	})
	return string(build.FormatWithoutRewriting(file)), nil
}

// runnable lists the arguments to run the step with again.
func (s *Step) runnable() []Field {
	args := s.Args
	if s.Described {
		args = append(args[:len(args):len(args)], Field{Name: "description", Value: String(s.Description)})
	}
	return args
}

// exporter knows how later calls name the futures of earlier ones.
type exporter struct {
	from map[string]string // expression by future id; its field is put behind
	used map[string]bool   // ids of futures that are used
}

func (e *exporter) uses(s *Step) {
	if e.used == nil {
		e.used = map[string]bool{}
	}
	for _, f := range s.Args {
		EachString(f.Value, func(text string) bool {
			for _, future := range Futures(text) {
				e.used[future.ID] = true
			}
			return true
		})
	}
}

// variable names the result of a step whose futures are used; "" when none is.
func (e *exporter) variable(s *Step) string {
	name := ""
	for _, source := range s.Futures {
		if _, known := e.from[source.ID]; known || !e.used[source.ID] {
			continue
		}
		name = "step_" + s.ID
		switch s.Name {
		case "add_service", "get_service", "run_sh", "run_python":
			e.from[source.ID] = name + "."
		case "add_services":
			e.from[source.ID] = name + "[" + String(source.Service).String() + "]."
		case "get_services":
			e.from[source.ID] = "{service.name: service for service in " + name + "}[" + String(source.Service).String() + "]."
		default:
			e.from[source.ID] = name + "[]"
		}
	}
	return name
}

// expression writes a text with futures as a sum of literals and uses.
func (e *exporter) expression(text string) build.Expr {
	var sum build.Expr
	add := func(x build.Expr) {
		if sum == nil {
			sum = x
			return
		}
		sum = &build.BinaryExpr{X: sum, Op: "+", Y: x}
	}
	for {
		at := futurePattern.FindStringSubmatchIndex(text)
		if at == nil {
			break
		}
		if at[0] > 0 {
			add(&build.StringExpr{Value: text[:at[0]]})
		}
		add(e.use(Future{ID: text[at[2]:at[3]], Field: text[at[4]:at[5]]}))
		text = text[at[1]:]
	}
	if text != "" {
		add(&build.StringExpr{Value: text})
	}
	return sum
}

func (e *exporter) use(f Future) build.Expr {
	from, ok := e.from[f.ID]
	if !ok { // of a step that came later: keep the placeholder
		return &build.StringExpr{Value: f.String()}
	}
	if result, isDict := strings.CutSuffix(from, "[]"); isDict {
		return &build.Ident{Name: result + "[" + String(f.Field).String() + "]"}
	}
	return &build.Ident{Name: from + f.Field}
}
