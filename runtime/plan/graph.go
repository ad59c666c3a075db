package plan

import (
	"fmt"
	"strings"
)

// Mermaid draws the steps and what they depend on as a Mermaid flow chart. Prints are shown only when asked for.
func (p *Plan) Mermaid(prints bool) string {
	var out strings.Builder
	out.WriteString("flowchart TD\n")
	p.draw(prints, func(s *Step) {
		fmt.Fprintf(&out, "    s%s[\"%s\"]\n", s.ID, mermaidText(s.ID+". "+s.Description))
	}, func(s *Step, e Edge) {
		arrow := "-->"
		if e.Cause == CauseOrder {
			arrow = "-.->"
		}
		label := edgeLabel(e)
		if label != "" {
			label = "|\"" + mermaidText(label) + "\"|"
		}
		fmt.Fprintf(&out, "    s%s %s%s s%s\n", e.Step, arrow, label, s.ID)
	})
	return out.String()
}

// Dot draws the same for Graphviz.
func (p *Plan) Dot(prints bool) string {
	var out strings.Builder
	out.WriteString("digraph plan {\n    node [shape=box, fontname=\"sans-serif\"];\n    edge [fontname=\"sans-serif\", fontsize=10];\n")
	p.draw(prints, func(s *Step) {
		fmt.Fprintf(&out, "    s%s [label=%s, tooltip=%s];\n", s.ID, dotText(s.ID+". "+shorten(s.Description)), dotText(s.Position.String()))
	}, func(s *Step, e Edge) {
		style := ""
		if e.Cause == CauseOrder {
			style = ", style=dashed"
		}
		fmt.Fprintf(&out, "    s%s -> s%s [label=%s%s];\n", e.Step, s.ID, dotText(edgeLabel(e)), style)
	})
	out.WriteString("}\n")
	return out.String()
}

func (p *Plan) draw(prints bool, node func(*Step), edge func(*Step, Edge)) {
	hidden := map[string]bool{}
	for _, s := range p.Steps {
		if hidden[s.ID] = s.Name == "print" && !prints; !hidden[s.ID] {
			node(s)
		}
	}
	for _, s := range p.Steps {
		for _, e := range s.Needs {
			if !hidden[s.ID] && !hidden[e.Step] {
				edge(s, e)
			}
		}
	}
}

// edgeLabel says why a step waits for another.
func edgeLabel(e Edge) string {
	switch {
	case e.Cause == CauseOrder:
		return ""
	case e.Name == "":
		return string(e.Cause)
	}
	return string(e.Cause) + " " + e.Name
}

// longest is how much of a description fits into a box.
const longest = 80

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return s
}

// mermaidText escapes what ends a quoted label.
func mermaidText(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "&lt;", ">", "&gt;").Replace(shorten(s))
}

func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
