package format

// space is the number of blanks that belong before n, a token that does not start its line. complex tells,
// when asked, whether n is in a subscript with operations in it.
func space(n *node, complex func() bool) int8 {
	const no, one, two = 0, 1, 2
	if n.kind.isClosing() || n.kind == tokComma || n.kind == standaloneComment {
		return no
	}
	if n.kind == tokComment {
		return two
	}
	p := n.parent
	if p == nil {
		return one
	}
	inSlice := p.kind == subscript || p.kind == sliceOp
	if n.kind == tokColon && !inSlice && p.kind != subscriptList {
		return no
	}
	prev := n.prev
	if prev == nil {
		before := p.precedingLeaf()
		if before == nil || before.kind.isOpening() {
			return no
		}
		if n.kind == tokColon {
			if before.kind == tokColon || before.kind != tokComma && !complex() {
				return no
			}
			return one
		}
		switch {
		case before.kind == tokEqual:
			switch before.parentKind() {
			case argList, argument, parameters, varArgsList:
				return no
			case typedArgsList:
				return before.space
			}
		case before.kind.isVararg():
			if isVararg(before) {
				return no
			}
		case before.kind == tokColon:
			if k := before.parentKind(); k == subscript || k == sliceOp {
				if complex() {
					return one
				}
				return no
			}
		case before.parentKind() == factor && before.kind.isMath():
			return no
		}
	} else if prev.kind.isOpening() {
		return no
	}

	switch p.kind {
	case parameters, argList, varArgsList:
		if (p.kind != varArgsList && prev == nil) || prev != nil && prev.kind != tokComma {
			return no
		}
	case typedArgsList:
		if prev == nil || n.kind == tokEqual {
			return no
		}
		if prev.kind == tokEqual {
			return prev.space
		}
		if prev.kind != tokComma {
			return no
		}
	case trailer:
		if n.kind == tokLParen || n.kind == tokRParen {
			return no
		}
		if prev == nil {
			if n.kind == tokDot || n.kind == tokLBrack {
				return no
			}
		} else if prev.kind != tokComma {
			return no
		}
	case argument:
		if n.kind == tokEqual {
			return no
		}
		if prev == nil {
			if before := p.precedingLeaf(); before == nil || before.kind == tokLParen {
				return no
			}
		} else if prev.kind == tokEqual || prev.kind.isVararg() {
			return no
		}
	case subscript, sliceOp:
		if prev == nil {
			if p.parentKind() == subscriptList {
				return one
			}
			return no
		}
		if !complex() {
			return no
		}
	case factor:
		if prev == nil {
			before := p.precedingLeaf()
			if before == nil || before.kind.isOpening() {
				return no
			}
			k := before.parentKind()
			if before.kind == tokColon && (k == subscript || k == sliceOp) || before.kind == tokEqual && k == argument {
				return no
			}
		} else if n.kind == tokName || n.kind == tokNumber || n.kind == tokString {
			return no
		}
	}
	return one
}

// isVararg reports whether n is the star of a parameter or argument, and not an operator.
func isVararg(n *node) bool {
	if !n.kind.isVararg() {
		return false
	}
	switch n.parentKind() {
	case argList, argument, trailer, typedArgsList, varArgsList, atom, dictMaker, listMaker, tupleMaker, testListStar:
		return true
	}
	return false
}
