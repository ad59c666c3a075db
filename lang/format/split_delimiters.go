package format

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
