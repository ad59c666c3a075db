package types

// maxMembers bounds a union. Beyond it literals widen to their base, then containers of one kind merge, and what
// is still too large becomes Unknown: a checker that cannot say anything short says nothing.
const maxMembers = 12

// Unite is the smallest normal term that covers all of ts: flat, without duplicates, literals absorbed by their
// base. Unknown absorbs everything, then Any; a guess makes the whole a guess; Never vanishes; nothing at all is
// Never.
func Unite(ts ...Type) Type {
	members := make([]Type, 0, len(ts))
	sawAny, guess := false, false
	for _, t := range ts {
		if g, ok := t.(*Guess); ok {
			t, guess = g.Elem, true
		}
		switch t := t.(type) {
		case nil:
			return Unknown
		case *Union:
			for _, m := range t.Members {
				members = add(members, m)
			}
		case Basic:
			switch t {
			case Unknown:
				return Unknown
			case Any:
				sawAny = true
			case Never:
			default:
				members = add(members, t)
			}
		default:
			members = add(members, t)
		}
	}
	if sawAny {
		return Any
	}
	if len(members) > maxMembers {
		if members = merge(members); len(members) > maxMembers {
			return Unknown
		}
	}
	if guess {
		return Likely(unionOf(members))
	}
	return unionOf(members)
}

func unionOf(members []Type) Type {
	switch len(members) {
	case 0:
		return Never
	case 1:
		return members[0]
	}
	return &Union{Members: members}
}

// add appends t unless a member covers it, and drops the literals that t covers.
func add(members []Type, t Type) []Type {
	base := Widen(t)
	for _, m := range members {
		if Equal(m, t) || base != t && m == base {
			return members
		}
	}
	if t == String || t == Int {
		kept := members[:0]
		for _, m := range members {
			if Widen(m) != t {
				kept = append(kept, m)
			}
		}
		members = kept
	}
	return append(members, t)
}

func merge(members []Type) []Type {
	var out []Type
	var list, dict, tuple, strukt Type
	for _, m := range members {
		m = Widen(m)
		switch m.(type) {
		case *List:
			list = Join(list, m)
		case *Dict:
			dict = Join(dict, m)
		case *Tuple:
			tuple = Join(tuple, m)
		case *Struct:
			strukt = Join(strukt, m)
		default:
			out = add(out, m)
		}
	}
	for _, m := range []Type{list, dict, tuple, strukt} {
		if m != nil {
			out = add(out, m)
		}
	}
	return out
}

// Widen replaces a literal by its base type: "a" by str, 3 by int; members of unions, too. Containers stay.
func Widen(t Type) Type {
	switch t := t.(type) {
	case StringLit:
		return String
	case IntLit:
		return Int
	case *Union:
		for _, m := range t.Members {
			switch m.(type) {
			case StringLit, IntLit:
				wide := make([]Type, len(t.Members))
				for i, m := range t.Members {
					wide[i] = Widen(m)
				}
				return Unite(wide...)
			}
		}
	}
	return t
}

// Join is the type of a variable that is a on one path and b on another: their union, except that two lists,
// two dicts, two tuples or two structs become one, with joined parts. A nil operand is the other.
func Join(a, b Type) Type {
	if a == nil {
		return b
	}
	if b == nil || Equal(a, b) {
		return a
	}
	if x, ok := a.(*Guess); ok {
		y, _ := Sure(b)
		return Likely(Join(x.Elem, y))
	}
	if y, ok := b.(*Guess); ok {
		return Likely(Join(a, y.Elem))
	}
	switch x := a.(type) {
	case *List:
		if y, ok := b.(*List); ok {
			return ListOf(Join(x.Elem, y.Elem))
		}
	case *Dict:
		if y, ok := b.(*Dict); ok {
			return joinDicts(x, y)
		}
	case *Tuple:
		if y, ok := b.(*Tuple); ok {
			return joinTuples(x, y)
		}
	case *Struct:
		if y, ok := b.(*Struct); ok {
			return joinStructs(x, y)
		}
	case *Future:
		if y, ok := b.(*Future); ok {
			return FutureOf(Join(x.Elem, y.Elem))
		}
	}
	return Unite(a, b)
}

func joinDicts(x, y *Dict) Type {
	d := &Dict{Key: Join(x.Key, y.Key), Value: Join(x.Value, y.Value)}
	// A key of one side only may be absent; with both key sets exact, the union of them is all there can be.
	d.Exact = x.Exact && y.Exact
	for _, f := range x.Known {
		if g, ok := find(y.Known, f.Name); ok {
			d.Known = append(d.Known, Field{Name: f.Name, Type: Join(f.Type, g.Type), Optional: f.Optional || g.Optional, Doc: f.Doc})
		} else if d.Exact {
			f.Optional = true
			d.Known = append(d.Known, f)
		}
	}
	if d.Exact {
		for _, g := range y.Known {
			if _, ok := find(x.Known, g.Name); !ok {
				g.Optional = true
				d.Known = append(d.Known, g)
			}
		}
	}
	return d
}

func joinTuples(x, y *Tuple) Type {
	if x.Rest == nil && y.Rest == nil && len(x.Elems) == len(y.Elems) {
		elems := make([]Type, len(x.Elems))
		for i := range elems {
			elems[i] = Join(x.Elems[i], y.Elems[i])
		}
		return TupleOf(elems...)
	}
	a, _ := Elem(x)
	b, _ := Elem(y)
	return &Tuple{Rest: Unite(a, b)}
}

func joinStructs(x, y *Struct) Type {
	s := &Struct{Open: x.Open || y.Open}
	for _, f := range x.Fields {
		if g, ok := find(y.Fields, f.Name); ok {
			f.Type, f.Optional = Join(f.Type, g.Type), f.Optional || g.Optional
		} else {
			f.Optional = true
		}
		s.Fields = append(s.Fields, f)
	}
	for _, g := range y.Fields {
		if _, ok := find(x.Fields, g.Name); !ok {
			g.Optional = true
			s.Fields = append(s.Fields, g)
		}
	}
	return s
}

// Members lists the alternatives of t: those of a union, or t alone.
func Members(t Type) []Type {
	if u, ok := t.(*Union); ok {
		return u.Members
	}
	return []Type{t}
}
