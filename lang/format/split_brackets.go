package format

import (
	"bytes"
	"slices"
)

// splitLeft splits at the first pair of brackets, for the parameters of a def.
func (s *splitter) splitLeft(l *line, _ features) ([]*line, bool) {
	open, end := -1, -1
	for i, n := range l.tokens {
		if open < 0 && n.kind.isOpening() {
			open = i
		} else if open >= 0 && n.kind.isClosing() && n.opening == l.tokens[open] {
			n.show()
			l.tokens[open].show()
			end = i
			break
		}
	}
	if open < 0 {
		return nil, false
	}
	if end < 0 {
		end = len(l.tokens)
	}
	head, body, tail := l.tokens[:open+1], l.tokens[open+1:end], l.tokens[end:]
	if len(body) == 0 { // then the closing bracket goes on in the head
		head, tail = l.tokens, nil
	}
	r := s.pieces(l, l.tokens[open], head, body, tail)
	if !r.worthwhile() {
		return nil, false
	}
	return r.parts(), true
}

// pieces of a line that was split at a pair of brackets.
type pieces struct {
	head, body, tail *line
	open, closing    *node
}

func (s *splitter) pieces(l *line, open *node, head, body, tail []*node) *pieces {
	r := &pieces{open: open}
	r.head = s.newLine(l.depth, false)
	tracked := matchedBrackets(head)
	for i, n := range head {
		from := fromLine
		if tracked != nil && tracked[i] {
			from = fromMarked
		}
		r.head.take(l, n, from)
	}
	r.body = s.newLine(l.depth+1, true)
	if len(body) > 0 {
		body[0].blank, body[0].space = 0, 0
		comma := -1
		if l.isDef() && open.value == "(" && !slices.ContainsFunc(body, func(n *node) bool { return n.kind == tokComma }) {
			// A single parameter gets a comma, too. Comments after it stay behind the comma.
			for comma = len(body) - 1; comma >= 0 && body[comma].kind == standaloneComment; comma-- {
			}
		}
		for i, n := range body {
			r.body.take(l, n, fromLine)
			if i == comma {
				r.body.append(s.leaf(tokComma, ","), fromLine)
			}
		}
		r.body.splitFurther = mustSplitFurther(r.body, open)
	}
	r.tail = s.newLine(l.depth, false)
	for _, n := range tail {
		r.tail.take(l, n, fromLine)
	}
	return r
}

// take appends n, a token of line from, with its comments.
func (l *line) take(from *line, n *node, h how) {
	l.append(n, h)
	for _, c := range from.comments.after(n) {
		l.append(c, fromLine)
	}
}

// mustSplitFurther reports whether body, split off at bracket open, has several elements that each need a line.
func mustSplitFurther(body *line, open *node) bool {
	if open.parent == nil || len(body.tokens) == 0 {
		return false
	}
	last := body.last()
	trailing := last.kind == tokComma
	if !trailing {
		last = nil
	}
	return body.brackets.highest(last) == commaPriority && (trailing || open.parent.kind == atom)
}

// matchedBrackets tells which tokens are in brackets that both open and close among them; nil if there are none.
func matchedBrackets(tokens []*node) []bool {
	start := slices.IndexFunc(tokens, func(n *node) bool { return n.kind.isOpening() })
	if start < 0 {
		return nil
	}
	var inside []bool
	var open []int
	for i := start; i < len(tokens); i++ {
		n := tokens[i]
		if n.kind.isOpening() {
			open = append(open, i)
		}
		if n.kind.isClosing() {
			if len(open) == 0 || tokens[open[len(open)-1]].kind.closing() != n.kind {
				break
			}
			from := open[len(open)-1]
			open = open[:len(open)-1]
			if inside == nil {
				inside = make([]bool, len(tokens))
			}
			for j := i; j >= from; j-- {
				inside[j] = true
			}
		}
	}
	return inside
}

func (r *pieces) parts() []*line {
	var parts []*line
	for _, l := range []*line{r.head, r.body, r.tail} {
		if !l.empty() {
			parts = append(parts, l)
		}
	}
	return parts
}

// worthwhile reports whether the split made a difference: brackets with nothing in them split only before a tail
// of some length.
func (r *pieces) worthwhile() bool {
	if !r.body.empty() {
		return true
	}
	return len(bytes.TrimSpace(r.tail.write(nil))) >= 3
}

// splitRightmost splits at the last pair of brackets, or at one further left where the first line fits then.
func (s *splitter) splitRightmost(l *line, f features) ([]*line, bool) {
	var parts []*line
	ok, done := false, false
	trailersToOmit(l, func(omit []*node) bool {
		parts, ok = s.splitRight(l, f, omit)
		done = !ok || parts[0].fits()
		return !done
	})
	if done {
		return parts, ok
	}
	return s.splitRight(l, f, nil)
}

// trailersToOmit yields growing sets of closing brackets at the end of l to leave alone: what stands between
// them fits on one line.
func trailersToOmit(l *line, yield func([]*node) bool) {
	var omit []*node
	if l.magicComma == nil && !yield(omit) {
		return
	}
	length := 4 * l.depth
	var open, closing *node
	var inner []*node
	for i := len(l.tokens) - 1; i >= 0; i-- {
		n := l.tokens[i]
		if n.breaks {
			return
		}
		width, inline := l.tokenWidth(i)
		if length += width; length > lineLength || inline || n.kind == standaloneComment {
			return
		}
		var before *node
		if i > 0 {
			before = l.tokens[i-1]
		}
		magic := func() bool {
			return before != nil && before.kind == tokComma && n.opening != nil &&
				(n.kind != tokRParen || !oneElement(n, l.tokens[:i]))
		}
		switch {
		case open != nil:
			if n == open {
				open = nil
			} else if n.kind.isClosing() {
				if magic() {
					return
				}
				inner = append(inner, n)
			}
		case n.kind.isClosing():
			if before != nil && before.kind.isOpening() {
				// Empty brackets cannot be split: they go with the pair after them.
				inner = append(inner, n)
				continue
			}
			if closing != nil {
				omit = append(append(omit, closing), inner...)
				inner = inner[:0]
				if !yield(omit) {
					return
				}
			}
			if magic() {
				return
			}
			if n.value != "" {
				open, closing = n.opening, n
			}
		}
	}
}

// splitRight splits at the last pair of brackets that is not to be omitted.
func (s *splitter) splitRight(l *line, f features, omit []*node) ([]*line, bool) {
	r, ok := s.rightPieces(l, omit)
	if !ok {
		return nil, false
	}
	return s.splitRightAt(r, l, f, omit)
}

func (s *splitter) rightPieces(l *line, omit []*node) (*pieces, bool) {
	var closing *node
	start, end := len(l.tokens), 0
	for {
		end = start - 1
		for end >= 0 && (!l.tokens[end].kind.isClosing() || slices.Contains(omit, l.tokens[end])) {
			end--
		}
		if end < 0 {
			return nil, false
		}
		closing = l.tokens[end]
		start = end - 1
		for start >= 0 && l.tokens[start] != closing.opening {
			start--
		}
		if start < 0 {
			return nil, false // the opening bracket is on an earlier line
		}
		if start < end-1 {
			break
		}
		// Nothing to split in there: the brackets stay in the tail.
	}
	r := s.pieces(l, closing.opening, l.tokens[:start+1], l.tokens[start+1:end], l.tokens[end:])
	r.closing = closing
	if !r.worthwhile() {
		return nil, false
	}
	return r, true
}

func (s *splitter) splitRightAt(r *pieces, l *line, f features, omit []*node) ([]*line, bool) {
	if !f.forceParens && r.open.isInvisible() && r.closing.isInvisible() &&
		!r.body.hasStandaloneComment(0) && canOmitParens(r.body) {
		omit = append([]*node{r.closing}, omit...)
		if without, ok := s.rightPieces(l, omit); ok {
			if parts, ok := s.splitRightAt(without, l, f, omit); ok {
				return parts, true
			}
		}
		if !canBeSplit(r.body) && !r.body.fits() {
			return nil, false
		}
		if r.head.hasMultilineString() || r.tail.hasMultilineString() {
			return nil, false
		}
	}
	r.open.show()
	r.closing.show()
	return r.parts(), true
}
