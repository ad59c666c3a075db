package format

import (
	"bytes"
	"slices"
)

// splitter writes logical lines, splitting the ones that are too long or have reason to be split.
//
// Splits are tried on lines that share their tokens: a split that is given up leaves its marks (brackets made
// visible, depths) on them, and later decisions see those. That is part of the output being black's.
type splitter struct {
	*arena
	features features
	lines    []*line // all there are, for reuse
	used     int
	texts    []byte // of the lines being split
}

func (s *splitter) newLine(depth int, insideBrackets bool) *line {
	if s.used == len(s.lines) {
		s.lines = append(s.lines, &line{})
	}
	l := s.lines[s.used]
	s.used++
	l.reset(depth)
	l.insideBrackets = insideBrackets
	return l
}

// write appends the logical line l to out, in as many lines as it takes.
func (s *splitter) write(out []byte, l *line) []byte {
	if keepsWhole(l) {
		return append(l.write(out), '\n')
	}
	for _, part := range s.transform(nil, l, s.features) {
		out = append(part.write(out), '\n')
	}
	s.used, s.texts = 0, s.texts[:0]
	return out
}

// rendering is what a line looked like before it was split.
type rendering struct {
	text  []byte
	width int
}

func (s *splitter) render(l *line) rendering {
	start := len(s.texts)
	s.texts = l.write(s.texts)
	width, _ := l.measure()
	return rendering{s.texts[start:len(s.texts):len(s.texts)], width}
}

// unchanged reports whether l still looks like r.
func (s *splitter) unchanged(l *line, r rendering) bool {
	if width, _ := l.measure(); width != r.width {
		return false
	}
	start := len(s.texts)
	s.texts = l.write(s.texts)
	same := bytes.Equal(s.texts[start:], r.text)
	s.texts = s.texts[:start]
	return same
}

// keepsWhole reports whether l needs no split.
func keepsWhole(l *line) bool {
	if l.isComment() {
		return true
	}
	if l.splitFurther || l.magicComma != nil || l.hasFixedTypeComment() {
		return false
	}
	width, breaks := l.measure()
	standalone := l.hasStandaloneComment(maxDepth)
	if (width > lineLength || breaks || standalone) && !l.hasFixedTypeIgnore() {
		return false
	}
	return !(l.insideBrackets && standalone)
}

// transform appends l to lines, split as needed.
func (s *splitter) transform(lines []*line, l *line, f features) []*line {
	if keepsWhole(l) {
		return append(lines, l)
	}
	original := s.render(l)
	if l.isDef() {
		if parts, ok := s.run(l, original, f, s.splitLeft); ok {
			return append(lines, parts...)
		}
		return append(lines, l)
	}
	if l.insideBrackets {
		if parts, ok := s.run(l, original, f, s.splitDelimiters); ok {
			return append(lines, parts...)
		}
		if parts, ok := s.run(l, original, f, s.splitComments); ok {
			return append(lines, parts...)
		}
	}
	if parts, ok := s.runRight(l, original, f); ok {
		return append(lines, parts...)
	}
	return append(lines, l)
}

// split cuts a line into several. It reports false if it cannot.
type split func(l *line, f features) ([]*line, bool)

// run splits l and splits the parts in turn. A split that leaves l as it was counts as none.
func (s *splitter) run(l *line, original rendering, f features, split split) ([]*line, bool) {
	parts, ok := split(l, f)
	if !ok {
		return nil, false
	}
	var result []*line
	for _, part := range parts {
		if s.unchanged(part, original) {
			return nil, false
		}
		result = s.transform(result, part, f)
	}
	return result, true
}

// runRight splits l at its right-hand brackets. Where that left invisible parentheses unused and the first line
// too long, splitting at those parentheses is tried as well, and wins if all lines fit then.
func (s *splitter) runRight(l *line, original rendering, f features) ([]*line, bool) {
	result, ok := s.run(l, original, f, s.splitRightmost)
	if !ok {
		return nil, false
	}
	first := result[0]
	if f.forceParens || len(l.brackets.invisible) == 0 ||
		slices.ContainsFunc(l.brackets.invisible, func(n *node) bool { return n.value != "" }) ||
		l.hasMultilineString() || first.hasFixedTypeComment() || first.hasFixedTypeIgnore() || first.fits() ||
		slices.ContainsFunc(l.tokens, func(n *node) bool { return n.parent == nil }) {
		return result, true
	}
	f.forceParens = true
	second, ok := s.runRight(s.copyLine(l), original, f)
	if !ok {
		return nil, false
	}
	for _, part := range second {
		if !part.fits() {
			return result, true
		}
	}
	return second, true
}

// copyLine copies l with all its tokens, and puts the copies into the tree instead of the tokens.
func (s *splitter) copyLine(l *line) *line {
	c := s.newLine(l.depth, l.insideBrackets)
	c.splitFurther, c.magicComma = l.splitFurther, l.magicComma
	for _, old := range l.tokens {
		n := s.leaf(old.kind, old.value)
		old.replace(n)
		c.append(n, fromTree)
		for _, comment := range l.comments.after(old) {
			c.append(comment, fromLine)
		}
	}
	return c
}
