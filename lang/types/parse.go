package types

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads a type as people write it: in the PEP 484 way of `# type:` comments (Optional[str], list[int] |
// None, Dict[str, Any], Tuple[int, ...], Callable[[int], str]) and in the way of Kurtosis docstrings (string,
// list[string], dict[string, int], json). Names of builtin types are not known here; see ParseNamed.
func Parse(text string) (Type, error) { return ParseNamed(text, nil) }

// ParseNamed is Parse with a source of further names: lookup returns nil for a name it does not know.
func ParseNamed(text string, lookup func(name string) Type) (Type, error) {
	p := &parser{text: text, lookup: lookup}
	p.next()
	if p.tok == "" {
		return nil, fmt.Errorf("a type is missing")
	}
	t, err := p.union()
	if err == nil && p.tok != "" {
		err = fmt.Errorf("unexpected %s in type %q", strconv.Quote(p.tok), text)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// ParseFunction reads a function's type comment, (int, str) -> bool: the types of the parameters in order, and
// the result. A lone ... for the parameters gives nil.
func ParseFunction(text string, lookup func(name string) Type) (params []Type, result Type, err error) {
	p := &parser{text: text, lookup: lookup}
	p.next()
	if p.tok != "(" {
		return nil, nil, fmt.Errorf("a function type starts with \"(\", not %q", text)
	}
	p.next()
	for p.tok != ")" {
		if p.tok == "..." {
			p.next()
			if p.tok != ")" {
				return nil, nil, p.want(")")
			}
			break
		}
		for p.tok == "*" || p.tok == "**" {
			p.next()
		}
		t, err := p.union()
		if err != nil {
			return nil, nil, err
		}
		params = append(params, t)
		if p.tok == "," {
			p.next()
		} else if p.tok != ")" {
			return nil, nil, p.want(")")
		}
	}
	p.next()
	if p.tok != "->" {
		return nil, nil, p.want("->")
	}
	p.next()
	if result, err = p.union(); err != nil {
		return nil, nil, err
	}
	if p.tok != "" {
		return nil, nil, fmt.Errorf("unexpected %s in type %q", strconv.Quote(p.tok), text)
	}
	return params, result, nil
}

// maxNesting bounds the recursion on text such as "list[list[list[…".
const maxNesting = 100

type parser struct {
	text   string
	pos    int
	tok    string // "" at the end
	depth  int
	lookup func(string) Type
}

func (p *parser) next() {
	rest := strings.TrimLeftFunc(p.text[p.pos:], unicode.IsSpace)
	p.pos = len(p.text) - len(rest)
	n := 0
	switch {
	case rest == "":
	case strings.HasPrefix(rest, "..."):
		n = 3
	case strings.HasPrefix(rest, "->"), strings.HasPrefix(rest, "**"):
		n = 2
	case rest[0] == '"' || rest[0] == '\'':
		n = 1
		for n < len(rest) && rest[n] != rest[0] {
			if rest[n] == '\\' {
				n++
			}
			n++
		}
		n = min(n+1, len(rest))
	default:
		n = strings.IndexFunc(rest, func(r rune) bool {
			return !(r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r))
		})
		switch n {
		case -1:
			n = len(rest)
		case 0:
			if rest[0] == '-' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9' {
				for n = 1; n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; {
					n++
				}
				break
			}
			_, n = utf8.DecodeRuneInString(rest)
		}
	}
	p.tok = rest[:n]
	p.pos += n
}

func (p *parser) want(tok string) error {
	if p.tok == "" {
		return fmt.Errorf("%q is missing at the end of type %q", tok, p.text)
	}
	return fmt.Errorf("want %q, found %q in type %q", tok, p.tok, p.text)
}

func (p *parser) union() (Type, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, fmt.Errorf("type is nested more than %d deep", maxNesting)
	}
	defer func() { p.depth-- }()
	t, err := p.primary()
	if err != nil || p.tok != "|" && p.tok != "or" {
		return t, err
	}
	members := []Type{t}
	for p.tok == "|" || p.tok == "or" {
		p.next()
		t, err := p.primary()
		if err != nil {
			return nil, err
		}
		members = append(members, t)
	}
	return Unite(members...), nil
}

func (p *parser) primary() (Type, error) {
	tok := p.tok
	switch {
	case tok == "":
		return nil, fmt.Errorf("a type is missing at the end of %q", p.text)
	case tok == "(":
		p.next()
		t, err := p.union()
		if err != nil {
			return nil, err
		}
		if p.tok != ")" {
			return nil, p.want(")")
		}
		p.next()
		return t, nil
	case tok[0] == '"' || tok[0] == '\'':
		p.next()
		return literal(tok)
	case tok[0] == '-' && len(tok) > 1 || tok[0] >= '0' && tok[0] <= '9':
		p.next()
		n, err := strconv.ParseInt(tok, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not an int", tok)
		}
		return IntLit(n), nil
	case !isName(tok):
		return nil, fmt.Errorf("unexpected %q in type %q", tok, p.text)
	}
	p.next()
	name := strings.TrimPrefix(tok, "typing.")
	if p.tok == "[" {
		return p.generic(name)
	}
	if name == "struct" && p.tok == "(" {
		return p.structure()
	}
	if t := basic(name); t != nil {
		return t, nil
	}
	if p.lookup != nil {
		if t := p.lookup(name); t != nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("unknown type %q", name)
}

func isName(tok string) bool {
	return tok[0] == '_' || unicode.IsLetter([]rune(tok)[0])
}

func literal(tok string) (Type, error) {
	if len(tok) < 2 || tok[len(tok)-1] != tok[0] {
		return nil, fmt.Errorf("string %s is not closed", tok)
	}
	body := tok[1 : len(tok)-1]
	if tok[0] == '\'' {
		body = strings.ReplaceAll(strings.ReplaceAll(body, `\'`, `'`), `"`, `\"`)
	}
	s, err := strconv.Unquote(`"` + body + `"`)
	if err != nil {
		return nil, fmt.Errorf("string %s is not valid", tok)
	}
	return StringLit(s), nil
}

func basic(name string) Type {
	switch name {
	case "unknown", "Unknown":
		return Unknown
	case "any", "Any", "object", "json", "JSON", "value":
		return Any
	case "never", "Never", "NoReturn":
		return Never
	case "None", "none", "NoneType", "null":
		return None
	case "bool", "boolean", "Bool", "Boolean":
		return Bool
	case "int", "integer", "Int", "Integer", "int64", "uint64", "number":
		return Int
	case "float", "Float", "float64":
		return Float
	case "str", "string", "Str", "String":
		return String
	case "bytes", "Bytes":
		return Bytes
	case "list", "List", "array":
		return ListOf(Unknown)
	case "dict", "Dict", "map":
		return DictOf(Unknown, Unknown)
	case "tuple", "Tuple":
		return &Tuple{Rest: Unknown}
	case "iterable", "Iterable", "Sequence":
		return &Iterable{Elem: Unknown}
	case "function", "callable", "Callable", "func":
		return Callable
	case "struct", "Struct":
		return &Struct{Open: true}
	case "module", "Module":
		return &Module{}
	case "Future", "future":
		return FutureOf(Any)
	}
	return nil
}

func (p *parser) generic(name string) (Type, error) {
	if name == "Callable" || name == "callable" || name == "function" {
		return p.callable()
	}
	p.next() // [
	var args []Type
	variadic := false
	for p.tok != "]" {
		switch {
		case p.tok == "...":
			variadic = true
			p.next()
		case p.tok == "(" && strings.HasPrefix(strings.TrimLeftFunc(p.text[p.pos:], unicode.IsSpace), ")"):
			// tuple[()] is the empty tuple.
			if name != "tuple" && name != "Tuple" || len(args) > 0 {
				return nil, fmt.Errorf("%s takes no ()", name)
			}
			p.next()
			p.next()
			if p.tok != "]" {
				return nil, p.want("]")
			}
			p.next()
			return TupleOf(), nil
		default:
			t, err := p.union()
			if err != nil {
				return nil, err
			}
			args = append(args, t)
		}
		if p.tok == "," {
			p.next()
		} else if p.tok != "]" {
			return nil, p.want("]")
		}
	}
	p.next()
	return apply(name, args, variadic)
}

func apply(name string, args []Type, variadic bool) (Type, error) {
	want := 1
	switch name {
	case "dict", "Dict", "map":
		want = 2
	case "tuple", "Tuple":
		if variadic && len(args) == 1 {
			return &Tuple{Rest: args[0]}, nil
		}
		if !variadic && len(args) > 0 {
			return TupleOf(args...), nil
		}
		return nil, fmt.Errorf("tuple takes types, or one type and \"...\"")
	case "Union", "Literal":
		if len(args) == 0 || variadic {
			return nil, fmt.Errorf("%s takes at least one type", name)
		}
		return Unite(args...), nil
	}
	if len(args) != want || variadic {
		return nil, fmt.Errorf("%s takes %d type arguments, not %d", name, want, len(args))
	}
	switch name {
	case "dict", "Dict", "map":
		return DictOf(args[0], args[1]), nil
	case "list", "List", "array":
		return ListOf(args[0]), nil
	case "iterable", "Iterable", "Sequence":
		return &Iterable{Elem: args[0]}, nil
	case "Future", "future":
		return FutureOf(args[0]), nil
	case "Optional":
		return Optional(args[0]), nil
	}
	return nil, fmt.Errorf("%s takes no type arguments", name)
}

func (p *parser) callable() (Type, error) {
	p.next() // [
	f := &Function{}
	if p.tok == "..." {
		f.Loose = true
		p.next()
	} else {
		if p.tok != "[" {
			return nil, p.want("[")
		}
		p.next()
		for p.tok != "]" {
			t, err := p.union()
			if err != nil {
				return nil, err
			}
			f.Params = append(f.Params, Param{Name: "arg" + strconv.Itoa(len(f.Params)), Type: t, Positional: true})
			if p.tok == "," {
				p.next()
			} else if p.tok != "]" {
				return nil, p.want("]")
			}
		}
		p.next()
	}
	if p.tok != "," {
		return nil, p.want(",")
	}
	p.next()
	var err error
	if f.Result, err = p.union(); err != nil {
		return nil, err
	}
	if p.tok != "]" {
		return nil, p.want("]")
	}
	p.next()
	return f, nil
}

// structure reads what Struct prints: struct(a: int, b: str, ...).
func (p *parser) structure() (Type, error) {
	p.next() // (
	s := &Struct{}
	for p.tok != ")" {
		if p.tok == "..." {
			s.Open = true
			p.next()
		} else {
			if p.tok == "" || !isName(p.tok) {
				return nil, p.want(")")
			}
			name := p.tok
			p.next()
			if p.tok != ":" {
				return nil, p.want(":")
			}
			p.next()
			t, err := p.union()
			if err != nil {
				return nil, err
			}
			s.Fields = append(s.Fields, Field{Name: name, Type: t})
		}
		if p.tok == "," {
			p.next()
		} else if p.tok != ")" {
			return nil, p.want(")")
		}
	}
	p.next()
	return s, nil
}
