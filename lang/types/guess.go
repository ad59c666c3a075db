package types

// Guess is what a value most probably is: inferred from a default, from the calls that are seen, from a documented
// type, or read from a container that others may change. An editor shows and completes it as Elem; the checker
// treats it as Unknown, silent both ways. Likely makes it; Elem is never Unknown, Any, Never or a Guess.
type Guess struct{ Elem Type }

func (*Guess) term() {}

func (t *Guess) String() string { return write(t) }

// Likely is the guess t. What is known to be nothing, and what is no better than Unknown, stays or becomes so.
func Likely(t Type) Type {
	switch t {
	case nil, Never:
		return Unknown
	case Unknown, Any:
		return t
	}
	if _, ok := t.(*Guess); ok {
		return t
	}
	return &Guess{Elem: t}
}

// Sure takes the guess away: the type guessed, and whether t was no guess.
func Sure(t Type) (Type, bool) {
	if g, ok := t.(*Guess); ok {
		return g.Elem, false
	}
	return t, true
}
