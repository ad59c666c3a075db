package plan

import (
	"bytes"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// blockWriter writes structs as YAML in block style, byte for byte as yaml.v3 does with an indentation of 2: that
// encoder moves its whole queue of events for each, which for the document of a large plan takes as long as making
// the plan. Texts that are plain at first sight are written here; yaml.v3 writes the others, all at once.
type blockWriter struct {
	out    bytes.Buffer
	fields map[reflect.Type][]blockField
	hard   map[any]string // what yaml.v3 makes of texts that are not plain, its first line and those after it
	asked  []any          // texts that are not plain, nil once hard knows them
}

type blockField struct {
	index     int
	key       string
	omitEmpty bool
}

// blockYAML is v, a struct, as YAML.
func blockYAML(v any) ([]byte, error) {
	w := &blockWriter{fields: map[reflect.Type][]blockField{}, hard: map[any]string{}}
	w.document(reflect.ValueOf(v)) // finds the texts that are not plain
	if len(w.asked) > 0 {
		if err := w.encodeHard(); err != nil {
			return nil, err
		}
		w.out.Reset()
		w.document(reflect.ValueOf(v))
	}
	return w.out.Bytes(), nil
}

func (w *blockWriter) document(v reflect.Value) {
	if !w.mapping(v, 0, false) {
		w.out.WriteString("{}\n")
	}
}

// encodeHard has yaml.v3 write the texts as a list, and takes that apart again: the lines of an item are indented
// by two blanks, or empty.
func (w *blockWriter) encodeHard() error {
	var list bytes.Buffer
	encoder := yaml.NewEncoder(&list)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(w.asked), encoder.Close()); err != nil {
		return err
	}
	items := strings.Split("\n"+strings.TrimSuffix(list.String(), "\n"), "\n- ")[1:]
	for i, text := range w.asked {
		w.hard[text] = items[i]
	}
	w.asked = nil
	return nil
}

// fieldsOf reads the tags of a struct's fields once.
func (w *blockWriter) fieldsOf(t reflect.Type) []blockField {
	if known, ok := w.fields[t]; ok {
		return known
	}
	var out []blockField
	for i := range t.NumField() {
		key, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		out = append(out, blockField{index: i, key: key, omitEmpty: options == "omitempty"})
	}
	w.fields[t] = out
	return out
}

// mapping writes the fields of a struct, and says whether there were any. The first one follows what is on the line
// already where the struct is an item of a list.
func (w *blockWriter) mapping(v reflect.Value, indent int, item bool) bool {
	any := false
	for _, f := range w.fieldsOf(v.Type()) {
		value := v.Field(f.index)
		if f.omitEmpty && isEmpty(value) {
			continue
		}
		if any || !item {
			w.indent(indent)
		}
		any = true
		w.out.WriteString(f.key)
		w.out.WriteByte(':')
		switch value.Kind() {
		case reflect.Struct:
			w.out.WriteByte('\n')
			w.mapping(value, indent+2, false)
		case reflect.Slice:
			w.list(value, indent+2)
		default:
			w.out.WriteByte(' ')
			w.scalar(value, indent+2)
		}
	}
	return any
}

func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}

func (w *blockWriter) list(v reflect.Value, indent int) {
	if v.Len() == 0 {
		w.out.WriteString(" []\n")
		return
	}
	w.out.WriteByte('\n')
	for i := range v.Len() {
		w.indent(indent)
		w.out.WriteString("- ")
		if item := v.Index(i); item.Kind() == reflect.Struct {
			w.mapping(item, indent+2, true)
		} else {
			w.scalar(item, indent+2)
		}
	}
}

func (w *blockWriter) indent(n int) {
	const blanks = "                "
	w.out.WriteString(blanks[:n])
}

func (w *blockWriter) scalar(v reflect.Value, indent int) {
	switch v.Kind() {
	case reflect.Uint16:
		w.out.WriteString(strconv.FormatUint(v.Uint(), 10))
	case reflect.Int64:
		w.out.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.String:
		w.text(v, indent)
		return
	default:
		panic("no YAML for a " + v.Kind().String())
	}
	w.out.WriteByte('\n')
}

func (w *blockWriter) text(v reflect.Value, indent int) {
	s := v.String()
	switch {
	case isPlain(s):
		w.out.WriteString(s)
	case isNumber(s):
		w.out.WriteByte('"')
		w.out.WriteString(s)
		w.out.WriteByte('"')
	default:
		text, known := w.hard[v.Interface()] // the type is part of the key: yamlText has a way of its own
		if !known {
			w.asked = append(w.asked, v.Interface())
			w.hard[v.Interface()] = ""
		}
		first, more, several := strings.Cut(text, "\n")
		w.out.WriteString(first)
		for several {
			first, more, several = strings.Cut(more, "\n")
			w.out.WriteByte('\n')
			if first != "" {
				w.indent(indent - 2)
				w.out.WriteString(first)
			}
		}
	}
	w.out.WriteByte('\n')
}

// isNumber says whether s is a whole number as the writer of plans counts, which YAML quotes as a text.
func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && (s[0] != '0' || s == "0") && len(s) < 18
}

// isPlain says whether a text needs no quotes for certain: it starts as no number and no word of YAML does, and has
// nothing in it that YAML could take for its own.
func isPlain(s string) bool {
	if s == "" || !startsPlain(s) {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '/', c == '.', c == '-', c == '_', c == '=', c == '$', c == '@', c == '+', c == '(', c == ')', c == ',', c == ';':
		case c == ' ' && i+1 < len(s) && s[i+1] != '#', c == ':' && i+1 < len(s) && s[i+1] != ' ':
		default:
			return false
		}
	}
	return true
}

func startsPlain(s string) bool {
	switch c := s[0]; {
	case c == '/', c == '$', c == '(':
		return true
	case c == '-':
		return strings.HasPrefix(s, "--") && len(s) > 2 && 'a' <= s[2] && s[2] <= 'z' // an option of a command
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return len(s) > len("false") || !strings.ContainsRune("yYnNtTfFoO", rune(c))
	default:
		return false
	}
}
