package plan

import (
	"encoding/json"
	"slices"
	"strings"
)

// Mask stands for a secret wherever a plan is printed, sent or stored.
const Mask = "***"

// secretField says whether an attribute of a Kurtosis type is one that no output may show.
func secretField(constructor, name string) bool {
	return constructor == "ImageSpec" && name == "password"
}

// masked is fields as they are printed: Mask in the place of secrets.
func masked(constructor string, fields []Field) []Field {
	return replaceSecrets(constructor, fields, func(f Field) (Field, bool) { return Field{Name: f.Name, Value: String(Mask)}, true })
}

// withoutSecrets is fields as they are stored. Secrets are left out: a mask would be taken for one when it is read.
func withoutSecrets(constructor string, fields []Field) []Field {
	return replaceSecrets(constructor, fields, func(Field) (Field, bool) { return Field{}, false })
}

func replaceSecrets(constructor string, fields []Field, with func(Field) (Field, bool)) []Field {
	if !slices.ContainsFunc(fields, func(f Field) bool { return secret(constructor, f) != "" }) {
		return fields
	}
	out := make([]Field, 0, len(fields))
	for _, f := range fields {
		keep := true
		if secret(constructor, f) != "" {
			f, keep = with(f)
		}
		if keep {
			out = append(out, f)
		}
	}
	return out
}

// secret is the text of a field that is one, else "".
func secret(constructor string, f Field) string {
	if !secretField(constructor, f.Name) {
		return ""
	}
	s, _ := f.Value.(String)
	return string(s)
}

// Secrets lists the passwords among the arguments of the steps, each once, sorted.
func (p *Plan) Secrets() []string {
	var list []string
	for _, s := range p.Steps {
		for _, f := range s.Args {
			list = append(list, Secrets(f.Value)...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Secrets lists the passwords in a value, in its order.
func Secrets(v Value) []string { return appendSecrets(nil, v) }

func appendSecrets(list []string, v Value) []string {
	switch v := v.(type) {
	case *List:
		for _, item := range v.Items {
			list = appendSecrets(list, item)
		}
	case *Dict:
		for _, item := range v.Items {
			list = appendSecrets(list, item.Value)
		}
	case *Object:
		for _, f := range v.Fields {
			if s := secret(v.Constructor, f); s != "" {
				list = append(list, s)
				continue
			}
			list = appendSecrets(list, f.Value)
		}
	}
	return list
}

// HideSecrets puts Mask in the place of the plan's passwords in a text that people or the state will see: as they
// are, and as JSON writes them.
func (p *Plan) HideSecrets(text string) string {
	for _, s := range p.Secrets() {
		text = strings.ReplaceAll(text, s, Mask)
		if quoted, err := json.Marshal(s); err == nil {
			text = strings.ReplaceAll(text, string(quoted[1:len(quoted)-1]), Mask)
		}
	}
	return text
}
