package format

// generator walks the tree and makes logical lines of it.
type generator struct {
	*arena
	line  *line
	spare *line
	blank *blankLines
	split *splitter
	out   []byte
}

// render lays the tree out and returns the text with line feeds. It changes the tree.
func render(root *node, a *arena, features features, sizeHint int) []byte {
	g := &generator{
		arena: a,
		line:  &line{},
		spare: &line{},
		blank: &blankLines{leading: -1},
		split: &splitter{arena: a, features: features},
		out:   make([]byte, 0, sizeHint+sizeHint/16),
	}
	g.visit(root)
	blocks := g.blank.blocks
	total := len(g.out)
	for _, b := range blocks {
		total += b.before
	}
	text := make([]byte, 0, total)
	for _, b := range blocks {
		for range b.before {
			text = append(text, '\n')
		}
		text = append(text, g.out[b.start:b.end]...)
	}
	return text
}

// flush ends the current logical line, if there is anything in it; the next one is indented by indent more.
func (g *generator) flush(indent int) {
	if g.line.empty() {
		g.line.depth += indent
		return
	}
	done := g.line
	g.line, g.spare = g.spare, done
	g.line.reset(done.depth + indent)

	g.blank.next(done)
	b := &g.blank.blocks[len(g.blank.blocks)-1]
	b.start = len(g.out)
	g.out = g.split.write(g.out, done)
	b.end = len(g.out)
}

func (g *generator) children(n *node) {
	for c := n.first; c != nil; c = c.next {
		g.visit(c)
	}
}

func (g *generator) visit(n *node) {
	switch n.kind {
	case tokIndent:
		g.flush(1)
		g.leaf(n)
	case tokDedent:
		// Comments before the end of a block are in its prefix.
		g.flush(0)
		g.leaf(n)
		g.flush(-1)
	case tokEnd:
		g.leaf(n)
		g.flush(0)
	case tokSemi:
		g.flush(0)
	case standaloneComment:
		if len(g.line.brackets.open) == 0 {
			g.flush(0)
		}
		g.leaf(n)
	case tokString:
		if isDocstring(n) && !hasContinuation(n.value) {
			n.setValue(docstring(n.value, g.line.depth))
		}
		g.leaf(n)
	case simpleStmt:
		g.simpleStatement(n)
	case ifStmt:
		g.statement(n, []string{"if", "else", "elif"}, []string{"if", "elif"})
	case whileStmt:
		g.statement(n, []string{"while"}, []string{"while"})
	case forStmt:
		g.statement(n, []string{"for", "else"}, []string{"for", "in"})
	case returnStmt:
		g.statement(n, []string{"return"}, []string{"return"})
	case exprStmt:
		g.normalizeParens(n, func(c *node) bool { return c.kind == tokEqual || c.kind == tokAugAssign })
		g.children(n)
	case funcDef:
		g.flush(0)
		g.children(n)
	case power:
		g.separateNumber(n)
		g.children(n)
	default:
		if n.kind.isLeaf() {
			g.leaf(n)
		} else {
			g.children(n)
		}
	}
}

// statement visits a statement whose keywords start lines, and whose expressions after some words may get
// parentheses.
func (g *generator) statement(n *node, keywords, parensAfter []string) {
	g.normalizeParens(n, func(c *node) bool { return oneOf(c.value, parensAfter) })
	for c := n.first; c != nil; c = c.next {
		if c.kind == tokName && oneOf(c.value, keywords) {
			g.flush(0)
		}
		g.visit(c)
	}
}

func oneOf(s string, words []string) bool {
	for _, w := range words {
		if s == w {
			return true
		}
	}
	return false
}

func (g *generator) simpleStatement(n *node) {
	for c := n.first; c != nil; {
		next := c.next
		if c.prev == nil || c.prev.kind == tokSemi {
			switch c.kind {
			case arithExpr, shiftExpr, xorExpr, andExpr:
				g.wrap(c, false)
			}
		}
		c = next
	}
	if n.parentKind().isStatement() { // on the line of its "if", "for" or "def"
		g.flush(1)
		g.children(n)
		g.flush(-1)
		return
	}
	g.flush(0)
	g.children(n)
}

// separateNumber puts parentheses around a decimal number whose member is taken.
func (g *generator) separateNumber(n *node) {
	for c := n.first; c.next != nil; {
		next := c.next
		if c.kind == tokNumber && next.kind == trailer && next.first.kind == tokDot {
			if s := c.value; len(s) < 2 || s[0] != '0' || isDigit(s[1]) || s[1] == '.' || s[1]|0x20 == 'e' {
				g.wrap(c, true)
			}
		}
		c = next
	}
}

// isDocstring reports whether n is a string that is the first statement of a block.
func isDocstring(n *node) bool {
	s := n.parent
	if s == nil || s.kind != simpleStmt || s.prev == nil {
		return false
	}
	if s.prev.kind == tokColon {
		return s.prev.prev != nil && s.prev.prev.kind == parameters
	}
	return s.prev.kind == tokIndent && s.prev.prev != nil && s.prev.prev.kind == tokNewline && s.prev.prev.prev == nil
}

func hasContinuation(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '\\' && s[i+1] == '\n' {
			return true
		}
	}
	return false
}

// leaf adds a token to the current line, after the comments before it.
func (g *generator) leaf(n *node) {
	inside := len(g.line.brackets.open) > 0
	for _, c := range prefixComments(n.prefix, n.kind == tokEnd) {
		k := standaloneComment
		if c.trailing {
			k = tokComment
		}
		comment := g.arena.leaf(k, c.value)
		comment.blank = int32(c.blank)
		switch {
		case inside:
			g.line.append(comment, fromTree)
		case c.trailing:
			g.line.append(comment, fromTree)
			g.flush(0)
		default:
			g.flush(0)
			g.line.append(comment, fromTree)
			g.flush(0)
		}
	}
	n.blank, n.space = 0, 0
	if !inside {
		n.blank = keptBlank(n.prefix)
	}
	switch n.kind {
	case tokString:
		if s := normalString(n.value); s != n.value {
			n.setValue(s)
		}
	case tokNumber:
		if s := normalNumber(n.value); s != n.value {
			n.setValue(s)
		}
	}
	if !n.kind.isLayout() {
		g.line.append(n, fromTree)
	}
}
