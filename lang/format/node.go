package format

import (
	"strings"
	"unicode/utf8"
)

// kind is what a node is: a token (up to standaloneComment) or a production of the grammar.
type kind uint8

const (
	noKind kind = iota

	// Tokens. Opening brackets and closing brackets are contiguous and in the same order.
	tokName
	tokNumber
	tokString
	tokLParen
	tokLBrack
	tokLBrace
	tokRParen
	tokRBrack
	tokRBrace
	tokComma
	tokColon
	tokDot
	tokSemi
	tokEqual
	tokAugAssign // += and its kind
	tokStar      // arithmetic operators are contiguous, from here …
	tokDoubleStar
	tokSlash
	tokDoubleSlash
	tokPercent
	tokPlus
	tokMinus
	tokTilde
	tokBar
	tokCaret
	tokAmper
	tokLeftShift
	tokRightShift // … to here
	tokLess       // comparison operators are contiguous, from here …
	tokGreater
	tokEqualEqual
	tokNotEqual
	tokLessEqual
	tokGreaterEqual // … to here
	tokNewline
	tokIndent
	tokDedent
	tokEnd
	tokComment        // ends a line of code
	standaloneComment // has its lines to itself; also text that `# fmt: off` protects

	// Productions. As in black's tree a production with a single child is replaced by that child.
	fileInput
	simpleStmt
	exprStmt
	returnStmt
	ifStmt
	whileStmt
	forStmt
	funcDef
	parameters
	typedArgsList // parameters of a def, when there is more than a bare name
	varArgsList   // the same of a lambda
	suite
	conditional // x if c else y
	lambdaDef
	orTest
	andTest
	notTest
	comparison
	compOp // not in
	orExpr
	xorExpr
	andExpr
	shiftExpr
	arithExpr
	term
	factor
	power // an atom with its trailers
	atom
	listMaker
	tupleMaker
	dictMaker
	listFor // clauses of a list comprehension
	listIf
	compFor // clauses of a dict comprehension
	compIf
	trailer
	subscriptList
	subscript
	sliceOp
	argList
	argument
	exprList
	testList
	testListStar
)

func (k kind) isLeaf() bool    { return k <= standaloneComment }
func (k kind) isOpening() bool { return k >= tokLParen && k <= tokLBrace }
func (k kind) isClosing() bool { return k >= tokRParen && k <= tokRBrace }
func (k kind) isBracket() bool { return k >= tokLParen && k <= tokRBrace }
func (k kind) isMath() bool    { return k >= tokStar && k <= tokRightShift }
func (k kind) isCompare() bool { return k >= tokLess && k <= tokGreaterEqual }
func (k kind) isVararg() bool  { return k == tokStar || k == tokDoubleStar || k == tokSlash }
func (k kind) closing() kind   { return k + (tokRParen - tokLParen) }
func (k kind) isLayout() bool  { return k == tokNewline || k == tokIndent || k == tokDedent }
func (k kind) isStatement() bool {
	return k == ifStmt || k == whileStmt || k == forStmt || k == funcDef
}

// isOperation reports whether k makes a subscript "complex": its slices then get spaces around the colon.
func (k kind) isOperation() bool {
	return k >= conditional && k <= power && k != compOp && k != factor || k == trailer
}

// node is a token or a production. Siblings are linked, so that putting parentheses around one is cheap.
type node struct {
	parent, prev, next *node
	first, last        *node // children of a production

	// Of tokens only:
	value   string
	prefix  string // white space and comments before the token, as in the source
	opening *node  // of a closing bracket: its opening one, once a line has matched them
	line    int32  // in the source, from 1; 0: the token was made up
	width   int32  // of value, in code points
	depth   int32  // brackets around it in the line that saw it last
	blank   int32  // line ends kept from the prefix
	space   int8   // blanks before it in the output
	kind    kind
	breaks  bool // value holds a line end
}

// arena allocates nodes in blocks: a file has tens of thousands of them, and they die together.
type arena struct{ free []node }

const arenaBlock = 512

func (a *arena) node(k kind) *node {
	if len(a.free) == 0 {
		a.free = make([]node, arenaBlock)
	}
	n := &a.free[0]
	a.free = a.free[1:]
	n.kind = k
	return n
}

func (a *arena) leaf(k kind, value string) *node {
	n := a.node(k)
	n.setValue(value)
	return n
}

func (a *arena) production(k kind, children ...*node) *node {
	n := a.node(k)
	for _, c := range children {
		n.append(c)
	}
	return n
}

func (n *node) setValue(value string) {
	n.value = value
	n.breaks = strings.IndexByte(value, '\n') >= 0
	n.width = int32(utf8.RuneCountInString(value))
}

func (n *node) append(child *node) {
	child.parent, child.prev, child.next = n, n.last, nil
	if n.last == nil {
		n.first = child
	} else {
		n.last.next = child
	}
	n.last = child
}

// remove takes n out of its parent.
func (n *node) remove() {
	p := n.parent
	if p == nil {
		return
	}
	if n.prev == nil {
		p.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		p.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.parent, n.prev, n.next = nil, nil, nil
}

// replace puts m, which must be outside any tree, where n is.
func (n *node) replace(m *node) {
	m.parent, m.prev, m.next = n.parent, n.prev, n.next
	if n.prev == nil {
		n.parent.first = m
	} else {
		n.prev.next = m
	}
	if n.next == nil {
		n.parent.last = m
	} else {
		n.next.prev = m
	}
	n.parent, n.prev, n.next = nil, nil, nil
}

func (n *node) childCount() int {
	count := 0
	for c := n.first; c != nil; c = c.next {
		count++
	}
	return count
}

// firstLeaf is the first token of n: n itself when n is one, nil when n is empty.
func (n *node) firstLeaf() *node {
	for n != nil && !n.kind.isLeaf() {
		n = n.first
	}
	return n
}

// precedingLeaf is the token before n in the tree, or nil.
func (n *node) precedingLeaf() *node {
	for n != nil {
		if before := n.prev; before != nil {
			for before != nil && !before.kind.isLeaf() {
				before = before.last
			}
			return before
		}
		n = n.parent
	}
	return nil
}

// nextLeaf walks the tokens of a whole tree in order.
func (n *node) nextLeaf() *node {
	for n != nil {
		if n.next != nil {
			if l := n.next.firstLeaf(); l != nil {
				return l
			}
			n = n.next
			continue
		}
		n = n.parent
	}
	return nil
}

// leaves calls yield for each token in n, in order, until it returns false.
func (n *node) leaves(yield func(*node) bool) bool {
	if n.kind.isLeaf() {
		return yield(n)
	}
	for c := n.first; c != nil; c = c.next {
		if !c.leaves(yield) {
			return false
		}
	}
	return true
}

func (n *node) parentKind() kind {
	if n == nil || n.parent == nil {
		return noKind
	}
	return n.parent.kind
}

// source appends the text that n was parsed from.
func (n *node) source(b []byte) []byte {
	n.leaves(func(l *node) bool {
		b = append(append(b, l.prefix...), l.value...)
		return true
	})
	return b
}

// prefixText is the white space and comments before n's first token.
func (n *node) prefixText() string {
	if l := n.firstLeaf(); l != nil {
		return l.prefix
	}
	return ""
}

func (n *node) setPrefix(prefix string) {
	if l := n.firstLeaf(); l != nil {
		l.prefix = prefix
	}
}

func (n *node) is(k kind, value string) bool { return n != nil && n.kind == k && n.value == value }

// isInvisible reports whether n is a parenthesis that is written only if a line gets split there.
func (n *node) isInvisible() bool {
	return (n.kind == tokLParen || n.kind == tokRParen) && n.value == ""
}

// show makes an invisible parenthesis visible.
func (n *node) show() {
	switch n.kind {
	case tokLParen:
		n.value, n.width = "(", 1
	case tokRParen:
		n.value, n.width = ")", 1
	}
}

func (n *node) hide() { n.value, n.width = "", 0 }
