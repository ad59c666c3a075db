package format

import (
	"bytes"
	"slices"
)

// features tell what the output may use. Python before 3.5 or 3.6 took no comma behind a starred argument or
// parameter, so black adds one only to files that have one already.
type features struct {
	commaAfterStarArg   bool
	commaAfterStarParam bool
	forceParens         bool // split at invisible parentheses in any case
}

// detectFeatures looks for commas behind starred parameters and arguments.
func detectFeatures(root *node) features {
	var f features
	var walk func(n *node)
	walk = func(n *node) {
		if (n.kind == typedArgsList || n.kind == argList) && n.last.kind == tokComma {
			for c := n.first; c != nil; c = c.next {
				starred := c.kind == tokStar || c.kind == tokDoubleStar
				if c.kind == argument {
					starred = c.first.kind == tokStar || c.first.kind == tokDoubleStar
				}
				if starred {
					f.commaAfterStarArg = true
					f.commaAfterStarParam = f.commaAfterStarParam || n.kind == typedArgsList
				}
			}
		}
		for c := n.first; c != nil; c = c.next {
			walk(c)
		}
	}
	walk(root)
	return f
}

// splitter writes logical lines, splitting the ones that are too long or have reason to be split.
//
// Splits are tried on lines that share their tokens: a split that is given up leaves its marks (brackets made
// visible, depths) on them, and later decisions see those. That is part of the output being black's.
type splitter struct {
	*arena
	features features
	lines    []*line // all there are, for reuse
	used     int
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
	s.used = 0
	return out
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
	original := l.write(nil)
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
func (s *splitter) run(l *line, original []byte, f features, split split) ([]*line, bool) {
	parts, ok := split(l, f)
	if !ok {
		return nil, false
	}
	var result []*line
	for _, part := range parts {
		if bytes.Equal(part.write(nil), original) {
			return nil, false
		}
		result = s.transform(result, part, f)
	}
	return result, true
}

// runRight splits l at its right-hand brackets. Where that left invisible parentheses unused and the first line
// too long, splitting at those parentheses is tried as well, and wins if all lines fit then.
func (s *splitter) runRight(l *line, original []byte, f features) ([]*line, bool) {
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

// canBeSplit is false for a string with a chain of members that has no useful place to split.
func canBeSplit(l *line) bool {
	tokens := l.tokens
	if len(tokens) < 2 {
		return false
	}
	if tokens[0].kind != tokString || tokens[1].kind != tokDot {
		return true
	}
	calls, dots := 0, 0
	next := tokens[len(tokens)-1]
	for i := len(tokens) - 2; i >= 0; i-- {
		switch n := tokens[i]; {
		case n.kind.isOpening():
			if !next.kind.isClosing() {
				return false
			}
			calls++
		case n.kind == tokDot:
			dots++
		case n.kind == tokName:
			if next.kind != tokDot && !next.kind.isOpening() {
				return false
			}
		case !n.kind.isClosing():
			return false
		}
		if dots > 1 && calls > 1 {
			return false
		}
	}
	return true
}

// canOmitParens reports whether body reads well without the invisible parentheses around it.
func canOmitParens(body *line) bool {
	if len(body.brackets.delimiters) == 0 {
		return true
	}
	p := body.brackets.highest(nil)
	if body.brackets.count(p) > 1 {
		return false
	}
	if p == dotPriority {
		return true
	}
	tokens := body.tokens
	first, second := tokens[0], tokens[1]
	if first.kind.isOpening() && !second.kind.isClosing() && restFits(body, first) {
		return true
	}
	before, last := tokens[len(tokens)-2], tokens[len(tokens)-1]
	if last.kind == tokRParen || last.kind == tokRBrace ||
		last.kind == tokRBrack && last.parent != nil && last.parent.kind != trailer {
		if before.kind.isOpening() {
			return false
		}
		return isMultilineString(first) || startFits(body, last)
	}
	return false
}

// restFits reports whether what follows the brackets that open the line fits, up to the next place to split.
func restFits(l *line, open *node) bool {
	length, counting := 4*l.depth, false
	for i, n := range l.tokens {
		if n.breaks {
			return false
		}
		counting = counting || n.kind.isClosing() && n.opening == open
		if counting {
			width, _ := l.tokenWidth(i)
			if length += width; length > lineLength {
				return false
			}
			if n.kind.isOpening() {
				counting = false
			}
		}
	}
	return true
}

// startFits reports whether the line up to its last pair of brackets fits, or has a place to split in it.
func startFits(l *line, last *node) bool {
	length, brackets := 4*l.depth, false
	for i, n := range l.tokens {
		if n.breaks {
			return false
		}
		width, _ := l.tokenWidth(i)
		length += width
		if n == last.opening {
			if brackets || length <= lineLength {
				return true
			}
		} else if n.kind.isOpening() {
			brackets = true
		}
	}
	return false
}

// splitDelimiters splits at the delimiters of the highest priority.
func (s *splitter) splitDelimiters(l *line, f features) ([]*line, bool) {
	if len(l.tokens) == 0 {
		return nil, false
	}
	p := l.brackets.highest(l.last())
	if p == 0 || p == dotPriority && l.brackets.count(p) == 1 {
		return nil, false
	}
	var parts []*line
	current := s.newLine(l.depth, l.insideBrackets)
	cut := func() {
		parts = append(parts, current)
		current = s.newLine(l.depth, l.insideBrackets)
	}
	add := func(n *node) {
		if !current.appendApart(n, fromLine) {
			cut()
			current.append(n, fromTree)
		}
	}
	lowest := int32(maxDepth)
	commaAllowed := true
	delimiters := l.brackets.delimiters
	for _, n := range l.tokens {
		add(n)
		for _, c := range l.comments.after(n) {
			add(c)
		}
		lowest = min(lowest, n.depth)
		if n.depth == lowest && n.kind.isVararg() {
			switch n.parentKind() {
			case typedArgsList:
				commaAllowed = commaAllowed && f.commaAfterStarParam
			case argList, argument:
				commaAllowed = commaAllowed && f.commaAfterStarArg
			}
		}
		if len(delimiters) > 0 && delimiters[0].after == n {
			if delimiters[0].priority == p {
				cut()
			}
			delimiters = delimiters[1:]
		}
	}
	if !current.empty() {
		if last := current.last(); commaAllowed && p == commaPriority && last.kind != tokComma && last.kind != standaloneComment {
			current.append(s.leaf(tokComma, ","), fromTree)
		}
		parts = append(parts, current)
	}
	return unindented(parts), true
}

// splitComments puts standalone comments on lines of their own.
func (s *splitter) splitComments(l *line, _ features) ([]*line, bool) {
	if !l.hasStandaloneComment(0) {
		return nil, false
	}
	var parts []*line
	current := s.newLine(l.depth, l.insideBrackets)
	add := func(n *node) {
		if !current.appendApart(n, fromLine) {
			parts = append(parts, current)
			current = s.newLine(l.depth, l.insideBrackets)
			current.append(n, fromTree)
		}
	}
	for _, n := range l.tokens {
		add(n)
		for _, c := range l.comments.after(n) {
			add(c)
		}
	}
	if !current.empty() {
		parts = append(parts, current)
	}
	return unindented(parts), true
}

// unindented takes the blanks before the first token of each line.
func unindented(parts []*line) []*line {
	for _, l := range parts {
		l.tokens[0].blank, l.tokens[0].space = 0, 0
	}
	return parts
}
