package format

import "strings"

// Parentheses that a statement can do without are made invisible, and invisible ones are put around expressions
// where a line may be split. A split there makes them visible.

// normalizeParens does so for the children of statement n that follow one of the given words or operators.
func (a *arena) normalizeParens(n *node, after func(*node) bool) {
	if prefix := n.prefixText(); strings.IndexByte(prefix, '#') >= 0 {
		for _, c := range prefixComments(prefix, false) {
			if isFmtOff(c.value) {
				return
			}
		}
	}
	check := n.first != nil && n.first.kind == testListStar
	for c := n.first; c != nil; {
		next := c.next
		if check {
			a.normalizeChild(n, c)
		}
		check = c.kind.isLeaf() && (c.kind == tokComma || after(c))
		c = next
	}
}

func (a *arena) normalizeChild(n, c *node) {
	switch {
	case c.kind == atom:
		loopVariables := n.kind == forStmt && c.prev.is(tokName, "for")
		if a.hideParens(c, loopVariables) {
			a.wrap(c, false)
		}
	case isOneTuple(c):
		a.wrap(c, true)
	case !(c.kind.isLeaf() && isMultilineString(c)):
		a.wrap(c, false)
	}
}

// wrap puts parentheses around n.
func (a *arena) wrap(n *node, visible bool) {
	open, closing := a.leaf(tokLParen, ""), a.leaf(tokRParen, "")
	if visible {
		open.show()
		closing.show()
	}
	open.prefix = n.prefixText()
	n.setPrefix("")
	w := a.node(atom)
	n.replace(w)
	w.append(open)
	w.append(n)
	w.append(closing)
}

// hideParens makes the parentheses of n invisible, if n has some and can do without, and drops doubled ones.
// It reports whether n has none, and so should get invisible ones. aroundCommas hides those of tuples, too.
func (a *arena) hideParens(n *node, aroundCommas bool) bool {
	if n.kind != atom || n.childCount() == 2 && n.first.kind == tokLParen || isOneTuple(n) ||
		!aroundCommas && highestInParens(n) >= commaPriority {
		return false
	}
	if n.first.kind != tokLParen || n.last.kind != tokRParen {
		return true
	}
	middle := n.first.next
	n.first.hide()
	n.last.hide()
	a.hideParens(middle, aroundCommas)
	if middle.kind == atom && middle.first.isInvisible() && middle.last.isInvisible() {
		inner := middle.first.next
		// Black loses the comments before the parentheses that go; we do not.
		if p := middle.first.prefix; strings.IndexByte(p, '#') >= 0 {
			inner.setPrefix(p + inner.prefixText())
		}
		if p := middle.last.prefix; strings.IndexByte(p, '#') >= 0 {
			n.last.prefix = p + n.last.prefix
		}
		inner.remove()
		middle.replace(inner)
	}
	return false
}

// isOneTuple reports whether n is a tuple of one element, with parentheses or without.
func isOneTuple(n *node) bool {
	switch n.kind {
	case atom:
		if n.first.kind != tokLParen || n.last.kind != tokRParen || n.childCount() != 3 {
			return false
		}
		n = n.first.next
		return n.kind == tupleMaker && n.childCount() == 2 && n.last.kind == tokComma
	case testList, testListStar, exprList:
		return n.childCount() == 2 && n.last.kind == tokComma
	}
	return false
}
