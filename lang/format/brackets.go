package format

import "errors"

// priority orders the places where a line may be split: the highest in a line goes first.
type priority int8

const (
	dotPriority           priority = 1
	compareOpPriority     priority = 10
	logicPriority         priority = 14
	conditionalPriority   priority = 16
	commaPriority         priority = 18
	comprehensionPriority priority = 20
)

// mathPriority is the priority of an arithmetic operator.
func mathPriority(k kind) priority {
	switch k {
	case tokBar:
		return 9
	case tokCaret:
		return 8
	case tokAmper:
		return 7
	case tokLeftShift, tokRightShift:
		return 6
	case tokPlus, tokMinus:
		return 5
	case tokTilde:
		return 3
	case tokDoubleStar:
		return 2
	}
	return 4
}

type delimiter struct {
	after    *node // the line may be split behind this token
	priority priority
}

type openBracket struct {
	depth int32
	leaf  *node
}

// tracker follows the brackets of a line, and notes the delimiters outside any of them.
type tracker struct {
	depth      int32
	open       []openBracket
	delimiters []delimiter // in the line's order
	previous   *node
	loops      []int32 // depths at which a "for" waits for its "in"
	lambdas    []int32 // depths at which a "lambda" waits for its colon
	invisible  []*node
}

// errBrackets can only come from `# fmt: off` hiding one bracket of a pair.
var errBrackets = errors.New("brackets do not match outside of the text that a fmt comment protects")

func (t *tracker) reset() {
	*t = tracker{open: t.open[:0], delimiters: t.delimiters[:0], loops: t.loops[:0], lambdas: t.lambdas[:0], invisible: t.invisible[:0]}
}

func (t *tracker) find(depth int32, closing kind) int {
	for i := len(t.open) - 1; i >= 0; i-- {
		if o := &t.open[i]; o.depth == depth && o.leaf.kind.closing() == closing {
			return i
		}
	}
	return -1
}

// mark takes the line's next token into account.
func (t *tracker) mark(n *node) {
	if n.kind == tokComment {
		return
	}
	if t.depth == 0 && n.kind.isClosing() && t.find(0, n.kind) < 0 {
		return
	}
	if n.kind == tokName && n.value == "in" {
		if k := len(t.loops); k > 0 && t.loops[k-1] == t.depth {
			t.depth--
			t.loops = t.loops[:k-1]
		}
	}
	if n.kind == tokColon {
		if k := len(t.lambdas); k > 0 && t.lambdas[k-1] == t.depth {
			t.depth--
			t.lambdas = t.lambdas[:k-1]
		}
	}
	if n.kind.isClosing() {
		t.depth--
		i := t.find(t.depth, n.kind)
		if i < 0 {
			panic(errBrackets)
		}
		n.opening = t.open[i].leaf
		t.open = append(t.open[:i], t.open[i+1:]...)
		if n.value == "" {
			t.invisible = append(t.invisible, n)
		}
	}
	n.depth = t.depth
	if t.depth == 0 {
		if p := splitBefore(n, t.previous); p > 0 && t.previous != nil {
			t.delimit(t.previous, p)
		} else if n.kind == tokComma {
			t.delimit(n, commaPriority)
		}
	}
	if n.kind.isOpening() {
		t.open = append(t.open, openBracket{t.depth, n})
		t.depth++
		if n.value == "" {
			t.invisible = append(t.invisible, n)
		}
	}
	t.previous = n
	// The commas between "for" and "in", and of a lambda's parameters, are no delimiters.
	if n.kind == tokName {
		switch n.value {
		case "for":
			t.depth++
			t.loops = append(t.loops, t.depth)
		case "lambda":
			t.depth++
			t.lambdas = append(t.lambdas, t.depth)
		}
	}
}

func (t *tracker) delimit(n *node, p priority) {
	if k := len(t.delimiters); k > 0 && t.delimiters[k-1].after == n {
		t.delimiters[k-1].priority = p
		return
	}
	t.delimiters = append(t.delimiters, delimiter{n, p})
}

// highest is the greatest priority among the delimiters other than except; 0: there is none.
func (t *tracker) highest(except *node) (p priority) {
	for _, d := range t.delimiters {
		if d.after != except {
			p = max(p, d.priority)
		}
	}
	return p
}

func (t *tracker) count(p priority) (count int) {
	for _, d := range t.delimiters {
		if d.priority == p {
			count++
		}
	}
	return count
}

// openIndex is the square bracket we are directly in, or nil.
func (t *tracker) openIndex() *node {
	if i := t.find(t.depth-1, tokRBrack); i >= 0 {
		return t.open[i].leaf
	}
	return nil
}

// splitBefore is the priority of a split before n, 0 for none.
func splitBefore(n, previous *node) priority {
	switch {
	case n.kind == tokName:
		return splitBeforeWord(n, previous)
	case n.kind.isVararg() && isVararg(n):
		return 0
	case n.kind == tokDot:
		// After a bracket the dot continues a chain of calls; after a name it does not count.
		if n.parent != nil && (previous == nil || previous.kind.isClosing()) {
			return dotPriority
		}
	case n.kind.isMath():
		if n.parent != nil && n.parent.kind != factor {
			return mathPriority(n.kind)
		}
	case n.kind.isCompare():
		return compareOpPriority
	}
	return 0
}

func splitBeforeWord(n, previous *node) priority {
	k := n.parentKind()
	switch n.value {
	case "for":
		if k == compFor || k == listFor {
			return comprehensionPriority
		}
	case "if":
		if k == compIf || k == listIf {
			return comprehensionPriority
		}
		if k == conditional {
			return conditionalPriority
		}
	case "else":
		if k == conditional {
			return conditionalPriority
		}
	case "in":
		if (k == compOp || k == comparison) && !previous.is(tokName, "not") {
			return compareOpPriority
		}
	case "not":
		if k == compOp {
			return compareOpPriority
		}
	case "and", "or":
		if k != noKind {
			return logicPriority
		}
	}
	return 0
}

// highestInParens is the greatest priority of a delimiter directly inside the parentheses n, 0 if there is none.
func highestInParens(n *node) priority {
	if n.kind != atom || n.first.kind != tokLParen || n.last.kind != tokRParen {
		return 0
	}
	var t tracker
	for c := n.first.next; c != n.last; c = c.next {
		c.leaves(func(l *node) bool {
			t.mark(l)
			return true
		})
	}
	return t.highest(nil)
}
