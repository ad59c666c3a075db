package plan

import (
	"cmp"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
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

// Passwords lists the registry passwords among the arguments of the steps, each once, sorted.
func (p *Plan) Passwords() []string {
	var list []string
	for _, s := range p.Steps {
		for _, f := range s.Args {
			list = append(list, Passwords(f.Value)...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Passwords lists the registry passwords in a value, in its order.
func Passwords(v Value) []string { return appendPasswords(nil, v) }

func appendPasswords(list []string, v Value) []string {
	switch v := v.(type) {
	case *List:
		for _, item := range v.Items {
			list = appendPasswords(list, item)
		}
	case *Dict:
		for _, item := range v.Items {
			list = appendPasswords(list, item.Value)
		}
	case *Object:
		for _, f := range v.Fields {
			if s := secret(v.Constructor, f); s != "" {
				list = append(list, s)
				continue
			}
			list = appendPasswords(list, f.Value)
		}
	}
	return list
}

// HideSecrets puts Mask in the place of the plan's registry passwords in a text that people or the state will see.
func (p *Plan) HideSecrets(text string) string { return NewSecrets(p.Passwords()...).Hide(text) }

// Secrets are texts that no output shows, whatever they are part of. The zero value and nil hide nothing.
type Secrets struct {
	texts    []string // each in every form in which it is looked for, the longest first
	replacer *strings.Replacer
}

// shortestLine is the length from which a line of a secret of several lines is hidden by itself, too.
const shortestLine = 8

// NewSecrets makes Secrets of values: each is hidden as it is, as it is written within quotes in JSON, Go and Starlark,
// and in URLs; of one of several lines, as a key is, the single lines are hidden as well.
func NewSecrets(values ...string) *Secrets {
	var texts []string
	for _, value := range values {
		texts = append(texts, forms(value)...)
		if trimmed := strings.TrimSpace(value); trimmed != value {
			texts = append(texts, forms(trimmed)...)
		}
		if lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }); len(lines) > 1 {
			for _, line := range lines {
				if line = strings.TrimSpace(line); len(line) >= shortestLine && !strings.HasPrefix(line, "-----") {
					texts = append(texts, forms(line)...)
				}
			}
		}
	}
	return SecretTexts(texts...)
}

// forms are the ways in which a text may be written where a part of it needs an escape.
func forms(text string) []string {
	quoted := func(s string) []string {
		list := []string{inQuotes(string(appendQuoted(nil, s, false))), inQuotes(strconv.Quote(s)), inQuotes(strconv.QuoteToASCII(s))}
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if enc.Encode(s) == nil { // strings always encode
			list = append(list, inQuotes(strings.TrimSuffix(b.String(), "\n")))
		}
		if escaped, err := json.Marshal(s); err == nil {
			list = append(list, inQuotes(string(escaped)))
		}
		return list
	}
	list := []string{text, url.QueryEscape(text), url.PathEscape(text)}
	for _, once := range quoted(text) {
		list = append(list, once)
		if once != text {
			list = append(list, quoted(once)...) // JSON in a text of JSON
		}
	}
	return list
}

func inQuotes(text string) string { return text[1 : len(text)-1] }

// SecretTexts makes Secrets of texts that are looked for as they are: those that Texts gave.
func SecretTexts(texts ...string) *Secrets {
	s := &Secrets{}
	for _, text := range texts {
		if text != "" {
			s.texts = append(s.texts, text)
		}
	}
	slices.SortFunc(s.texts, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	s.texts = slices.Compact(s.texts)
	if len(s.texts) > 0 {
		pairs := make([]string, 0, 2*len(s.texts))
		for _, text := range s.texts {
			pairs = append(pairs, text, Mask)
		}
		s.replacer = strings.NewReplacer(pairs...)
	}
	return s
}

// Texts lists what is looked for, the longest first.
func (s *Secrets) Texts() []string {
	if s == nil {
		return nil
	}
	return slices.Clone(s.texts)
}

// With hides what both hide.
func (s *Secrets) With(other *Secrets) *Secrets {
	switch {
	case other.Empty():
		return s
	case s.Empty():
		return other
	}
	return SecretTexts(append(s.Texts(), other.texts...)...)
}

// Empty says that there is nothing to hide.
func (s *Secrets) Empty() bool { return s == nil || s.replacer == nil }

// Hide puts Mask in the place of every secret in a text.
func (s *Secrets) Hide(text string) string {
	if s.Empty() || text == "" {
		return text
	}
	return s.replacer.Replace(text)
}

// HideValue hides secrets in every text of a value. What has none is the same value.
func (s *Secrets) HideValue(v Value) Value {
	if s.Empty() {
		return v
	}
	switch v := v.(type) {
	case String:
		return String(s.Hide(string(v)))
	case Bytes:
		return Bytes(s.Hide(string(v)))
	case Opaque:
		return Opaque{Kind: v.Kind, Text: s.Hide(v.Text)}
	case *List:
		out := &List{Kind: v.Kind, Items: make([]Value, len(v.Items))}
		for i, item := range v.Items {
			out.Items[i] = s.HideValue(item)
		}
		return out
	case *Dict:
		out := &Dict{Items: make([]Item, len(v.Items))}
		for i, item := range v.Items {
			out.Items[i] = Item{Key: s.HideValue(item.Key), Value: s.HideValue(item.Value)}
		}
		return out
	case *Object:
		return &Object{Constructor: v.Constructor, Fields: s.hideFields(v.Fields)}
	}
	return v
}

func (s *Secrets) hideFields(fields []Field) []Field {
	if fields == nil {
		return nil
	}
	out := make([]Field, len(fields))
	for i, f := range fields {
		out[i] = Field{Name: f.Name, Value: s.HideValue(f.Value)}
	}
	return out
}

// Hidden is the plan as others may see it: without the secrets in its texts. It can be shown in every form, not executed.
func (p *Plan) Hidden(s *Secrets) *Plan {
	if p == nil || s.Empty() {
		return p
	}
	out := *p
	out.Result = s.HideValue(p.Result)
	out.Warnings = HideIn(s, p.Warnings)
	out.Steps = make([]*Step, len(p.Steps))
	for i, step := range p.Steps {
		shown := *step
		shown.Args, shown.Shown = s.hideFields(step.Args), s.hideFields(step.Shown)
		shown.Description, shown.Returns = s.Hide(step.Description), s.HideValue(step.Returns)
		shown.Futures, shown.Needs = slices.Clone(step.Futures), slices.Clone(step.Needs)
		for j := range shown.Futures {
			shown.Futures[j].Service = s.Hide(shown.Futures[j].Service)
		}
		for j := range shown.Needs {
			if shown.Needs[j].Cause != CauseFuture { // else it is no text of the script
				shown.Needs[j].Name = s.Hide(shown.Needs[j].Name)
			}
		}
		out.Steps[i] = &shown
	}
	return &out
}

// Hidden is the delta as others may see it. It can be looked at, not executed.
func (d Delta) Hidden(s *Secrets) Delta {
	if s.Empty() {
		return d
	}
	decisions := make(map[string]Decision, len(d.decisions))
	for id, decision := range d.decisions {
		decision.Cause = s.Hide(decision.Cause)
		decisions[id] = decision
	}
	return Decided(decisions, HideIn(s, d.Removed))
}

// HideIn is a copy of a plain value (structs, slices, maps, pointers of texts and numbers) without the secrets in its
// texts. Fields called ID and UUID stay as they are, and so do raw bytes.
func HideIn[T any](s *Secrets, v T) T {
	if s.Empty() {
		return v
	}
	return EachText(v, s.Hide)
}

// EachText is a copy of a plain value, as HideIn takes, with every text replaced by what f makes of it.
func EachText[T any](v T, f func(string) string) T {
	in := reflect.ValueOf(&v).Elem()
	out, _ := eachText(in, f).Interface().(T) // it has the same type
	return out
}

func eachText(v reflect.Value, f func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(f(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(eachText(v.Elem(), f))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(eachText(v.Elem(), f))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "ID" && field.Name != "UUID" {
				out.Field(i).Set(eachText(v.Field(i), f))
			}
		}
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(eachText(v.Index(i), f))
		}
	case reflect.Map:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for _, key := range v.MapKeys() {
			out.SetMapIndex(eachText(key, f), eachText(v.MapIndex(key), f))
		}
	}
	return out
}

// shortestSecret is how many characters a secret has at least: less would blot out what has nothing to do with it.
const shortestSecret = 4

// CheckSecret says why a text can't be hidden; path is what it is called. The error is a *SecretError.
func CheckSecret(path, value string) error {
	switch n := utf8.RuneCountInString(value); {
	case value == "":
		return &SecretError{Problem: "the secret '" + path + "' is empty"}
	case !utf8.ValidString(value):
		return &SecretError{Problem: "the secret '" + path + "' is no text in UTF-8", hint: "encode it, as in base64"}
	case n < shortestSecret || len(strings.TrimSpace(value)) < shortestSecret:
		return &SecretError{
			Problem: "the secret '" + path + "' is too short to be hidden: a secret has at least " + strconv.Itoa(shortestSecret) + " characters",
			hint:    "hiding it would blot out parts of texts that have nothing to do with it",
		}
	}
	return nil
}
