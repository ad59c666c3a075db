package format

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
