package format

// line is a logical line, or a part of one that was split off it.
type line struct {
	depth          int // blocks and split brackets around it
	tokens         []*node
	comments       commentList
	brackets       tracker
	insideBrackets bool
	splitFurther   bool  // must be split at its commas
	magicComma     *node // a closing bracket with a comma before it that says "one element per line"
}

// commentList holds the trailing comments of a line's tokens, in the line's order.
type commentList struct {
	entries []commentEntry
	index   map[*node]int // filled once there are many
}

type commentEntry struct {
	after    *node
	comments []*node
}

const fewComments = 8

func (c *commentList) reset() {
	c.entries, c.index = c.entries[:0], nil
}

func (c *commentList) find(n *node) int {
	if c.index != nil {
		if i, ok := c.index[n]; ok {
			return i
		}
		return -1
	}
	for i := range c.entries {
		if c.entries[i].after == n {
			return i
		}
	}
	return -1
}

// after lists the comments behind token n.
func (c *commentList) after(n *node) []*node {
	if len(c.entries) == 0 {
		return nil
	}
	if i := c.find(n); i >= 0 {
		return c.entries[i].comments
	}
	return nil
}

func (c *commentList) add(n, comment *node) {
	if i := c.find(n); i >= 0 {
		c.entries[i].comments = append(c.entries[i].comments, comment)
		return
	}
	c.entries = append(c.entries, commentEntry{n, []*node{comment}})
	switch {
	case c.index != nil:
		c.index[n] = len(c.entries) - 1
	case len(c.entries) > fewComments:
		c.index = make(map[*node]int, 2*len(c.entries))
		for i := range c.entries {
			c.index[c.entries[i].after] = i
		}
	}
}

func (l *line) reset(depth int) {
	tokens := l.tokens[:0]
	l.comments.reset()
	l.brackets.reset()
	*l = line{depth: depth, tokens: tokens, comments: l.comments, brackets: l.brackets}
}

func (l *line) empty() bool { return len(l.tokens) == 0 && len(l.comments.entries) == 0 }

func (l *line) last() *node {
	if len(l.tokens) == 0 {
		return nil
	}
	return l.tokens[len(l.tokens)-1]
}

// how tells append where a token comes from.
type how uint8

const (
	fromTree   how = iota // set its spacing, follow brackets
	fromLine              // keep its spacing
	fromMarked            // keep its spacing, but follow brackets
)

// append adds a token or comment at the end.
func (l *line) append(n *node, from how) {
	if n.value == "" && !n.kind.isBracket() {
		return
	}
	if len(l.tokens) > 0 && from == fromTree {
		n.space = space(n, func() bool { return l.complexSubscript(n) })
	}
	if l.insideBrackets || from != fromLine {
		l.brackets.mark(n)
		if l.hasMagicComma(n) {
			l.magicComma = n
		}
	}
	if !l.appendComment(n) {
		l.tokens = append(l.tokens, n)
	}
}

// appendApart is append for a token that may need a line of its own: it reports false, and adds nothing, when
// n would come behind a standalone comment, or is one and not the first.
func (l *line) appendApart(n *node, from how) bool {
	if l.brackets.depth == 0 && (l.isComment() || len(l.tokens) > 0 && n.kind == standaloneComment) {
		return false
	}
	l.append(n, from)
	return true
}

// appendComment adds n as a trailing comment, if it is one.
func (l *line) appendComment(n *node) bool {
	if n.kind == standaloneComment && len(l.brackets.open) > 0 {
		n.blank, n.space = 0, 0
		return false
	}
	if n.kind != tokComment {
		return false
	}
	last := l.last()
	// A comment behind invisible parentheses around one token belongs to that token.
	if last != nil && last.kind == tokRParen && last.value == "" && last.parent != nil &&
		!isTypeComment(n, "") && holdsFew(last.parent) {
		last = nil
		if k := len(l.tokens); k > 1 {
			last = l.tokens[k-2]
		}
	}
	if last == nil {
		n.kind, n.blank, n.space, n.depth = standaloneComment, 0, 0, 0
		return false
	}
	l.comments.add(last, n)
	return true
}

// holdsFew reports whether n has three tokens at most.
func holdsFew(n *node) bool {
	count := 0
	return n.leaves(func(*node) bool {
		count++
		return count <= 3
	})
}

// hasMagicComma reports whether closing is a closing bracket with a comma before it, other than that of a tuple
// of one element or of an index.
func (l *line) hasMagicComma(closing *node) bool {
	if !closing.kind.isClosing() || len(l.tokens) == 0 || l.last().kind != tokComma {
		return false
	}
	switch closing.kind {
	case tokRBrace:
		return true
	case tokRBrack:
		return closing.parentKind() != trailer || closing.opening == nil || !oneElement(closing, l.tokens)
	}
	return closing.opening != nil && !oneElement(closing, l.tokens)
}

// oneElement reports whether there is one element, with or without a comma, between closing, which is or follows
// the last of tokens, and its opening bracket.
func oneElement(closing *node, tokens []*node) bool {
	start := len(tokens) - 1
	for start >= 0 && tokens[start] != closing.opening {
		start--
	}
	commas := 0
	for _, n := range tokens[start+1:] {
		if n == closing {
			break
		}
		if n.kind == tokComma && n.depth == closing.depth+1 {
			commas++
			if k := n.parentKind(); k == argList || k == typedArgsList {
				return false
			}
		}
	}
	return commas < 2
}

// complexSubscript reports whether n stands in a subscript with more than names and numbers in it.
func (l *line) complexSubscript(n *node) bool {
	bracket := l.brackets.openIndex()
	if bracket == nil {
		return false
	}
	start := bracket.next
	if start == nil || start.kind == listMaker {
		return false
	}
	if start.kind == subscriptList {
		child := n
		for child != nil && child.parent != start {
			child = child.parent
		}
		start = child
	}
	return start != nil && hasOperation(start)
}

func hasOperation(n *node) bool {
	if n.kind.isOperation() {
		return true
	}
	for c := n.first; c != nil; c = c.next {
		if hasOperation(c) {
			return true
		}
	}
	return false
}

func (l *line) isComment() bool { return len(l.tokens) == 1 && l.tokens[0].kind == standaloneComment }
func (l *line) isDef() bool     { return len(l.tokens) > 0 && l.tokens[0].is(tokName, "def") }
func (l *line) opensBlock() bool {
	return len(l.tokens) > 0 && l.last().kind == tokColon
}

// hasStandaloneComment reports whether there is a comment that needs a line of its own, with at most depth
// brackets around it.
func (l *line) hasStandaloneComment(depth int32) bool {
	for _, n := range l.tokens {
		if n.kind == standaloneComment && n.depth <= depth {
			return true
		}
	}
	return false
}

func (l *line) hasMultilineString() bool {
	for _, n := range l.tokens {
		if isMultilineString(n) {
			return true
		}
	}
	return false
}

// hasFixedTypeComment reports whether a type comment would come to stand behind another token if the line
// were joined.
func (l *line) hasFixedTypeComment() bool {
	if len(l.comments.entries) == 0 {
		return false
	}
	var free [2]*node
	free[0] = l.last()
	if free[0] == nil {
		return false
	}
	if free[0].kind == tokComma || free[0].kind == tokRParen && free[0].value == "" {
		if len(l.tokens) < 2 {
			return false
		}
		free[1] = l.tokens[len(l.tokens)-2]
	}
	seen := false
	for _, e := range l.comments.entries {
		for _, c := range e.comments {
			if isTypeComment(c, "") {
				if seen || !isTypeComment(c, " ignore") && e.after != free[0] && e.after != free[1] {
					return true
				}
			}
			seen = true
		}
	}
	return false
}

// hasFixedTypeIgnore reports whether the line was one line in the source and ends in a "type: ignore" comment,
// which then must go on counting for all of it.
func (l *line) hasFixedTypeIgnore() bool {
	if len(l.comments.entries) == 0 || len(l.tokens) == 0 {
		return false
	}
	first, last := int32(0), int32(0)
	for _, n := range l.tokens {
		if n.line != 0 {
			if first == 0 {
				first = n.line
			}
			last = n.line
		}
	}
	if first != last {
		return false
	}
	for _, n := range l.tokens[max(0, len(l.tokens)-2):] {
		for _, c := range l.comments.after(n) {
			if isTypeComment(c, " ignore") {
				return true
			}
		}
	}
	return false
}

// measure returns the length of the line in code points, and whether it holds a line end.
func (l *line) measure() (width int, breaks bool) {
	width = 4 * l.depth
	for _, n := range l.tokens {
		width += int(n.space) + int(n.width)
		breaks = breaks || n.breaks
	}
	for _, e := range l.comments.entries {
		for _, c := range e.comments {
			width += int(c.space) + int(c.width)
			breaks = breaks || c.breaks
		}
	}
	return width, breaks
}

func (l *line) fits() bool {
	width, breaks := l.measure()
	return width <= lineLength && !breaks && !l.hasStandaloneComment(maxDepth)
}

const maxDepth = 1 << 30

// write appends the line to out, without its line end.
func (l *line) write(out []byte) []byte {
	if len(l.tokens) > 0 {
		for i := 0; i < l.depth; i++ {
			out = append(out, "    "...)
		}
	}
	for _, n := range l.tokens {
		out = appendSpaced(out, n)
	}
	for _, e := range l.comments.entries {
		for _, c := range e.comments {
			out = appendSpaced(out, c)
		}
	}
	return out
}

func appendSpaced(out []byte, n *node) []byte {
	switch n.space {
	case 1:
		out = append(out, ' ')
	case 2:
		out = append(out, ' ', ' ')
	}
	return append(out, n.value...)
}

// tokenWidth is what token i takes in the line with its spacing and its comments; inline tells of comments.
func (l *line) tokenWidth(i int) (width int, inline bool) {
	n := l.tokens[i]
	width = int(n.space) + int(n.width)
	for _, c := range l.comments.after(n) {
		width += int(c.width)
		inline = inline || c.width > 0
	}
	return width, inline
}
