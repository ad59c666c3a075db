package format

import "strings"

func isFmtOff(comment string) bool {
	return comment == "# fmt: off" || comment == "# fmt:off" || comment == "# yapf: disable"
}

func isFmtOn(comment string) bool {
	return comment == "# fmt: on" || comment == "# fmt:on" || comment == "# yapf: enable"
}

func isFmtSkip(comment string) bool {
	return comment == "# fmt: skip" || comment == "# fmt:skip"
}

// mayProtect reports whether text can hold one of these comments.
func mayProtect(text string) bool {
	return strings.Contains(text, "fmt:") || strings.Contains(text, "yapf:")
}

// protect replaces the nodes that a fmt comment protects by one standalone comment with their text.
func (a *arena) protect(root *node) {
	for l := root.firstLeaf(); l != nil; {
		if made := a.protectFrom(l); made != nil {
			l = made // its prefix may hold more
		} else {
			l = l.nextLeaf()
		}
	}
}

// protectFrom looks at the comments before leaf l, and returns the standalone comment that one of them made.
func (a *arena) protectFrom(l *node) *node {
	consumedBefore := 0
	for _, c := range prefixComments(l.prefix, false) {
		off, skip := isFmtOff(c.value), isFmtSkip(c.value)
		if !off && !skip {
			consumedBefore = c.consumed
			continue
		}
		if c.trailing {
			// What seems to trail a line end or an indentation stands alone.
			before := l.precedingLeaf()
			if before != nil && (off && !before.kind.isLayout() || skip && before.kind.isLayout()) {
				continue
			}
		}
		var hidden []*node
		if skip {
			hidden = skipped(l, c.value)
		} else {
			hidden = switchedOff(l)
		}
		if len(hidden) == 0 {
			continue
		}
		first := hidden[0]
		prefix := first.prefixText()
		var text []byte
		if off {
			first.setPrefix(prefix[c.consumed:])
			text = append(append(text, c.value...), '\n')
			prefix = prefix[:consumedBefore] + strings.Repeat("\n", c.blank)
		} else {
			first.setPrefix("")
		}
		for _, n := range hidden {
			text = n.source(text)
		}
		if skip {
			text = append(append(text, "  "...), c.value...)
		}
		made := a.leaf(standaloneComment, strings.TrimSuffix(string(text), "\n"))
		made.prefix = prefix
		first.replace(made)
		for _, n := range hidden[1:] {
			n.remove()
		}
		return made
	}
	return nil
}

// skipped lists what the "fmt: skip" comment before leaf l protects: the nodes before l on its line.
func skipped(l *node, comment string) []*node {
	if list := prefixComments(l.prefix, false); len(list) == 0 || list[0].value != comment {
		return nil
	}
	var from, to *node
	switch {
	case l.prev != nil:
		from, to = l.prev, l.prev
		for !strings.Contains(from.prefixText(), "\n") && from.prev != nil {
			from = from.prev
		}
	case l.parentKind() == suite && l.kind == tokNewline:
		// Behind the colon of a statement: the comment protects its header.
		for n := l.parent.prev; n != nil && n.kind != suite; n = n.prev {
			from = n
		}
		to = l.parent.prev
	}
	if from != nil || l.parentKind() == suite && l.kind == tokNewline {
		l.prefix = ""
	}
	var list []*node
	for n := from; n != nil; n = n.next {
		list = append(list, n)
		if n == to {
			break
		}
	}
	return list
}

// switchedOff lists what the "fmt: off" comment before leaf l protects: everything up to "fmt: on" or the end of
// the block.
func switchedOff(l *node) []*node {
	var list []*node
	for n := outermost(l); n != nil && n.kind != tokEnd; n = n.next {
		if startsOn(n) {
			return list
		}
		if childStartsOn(n) {
			for c := n.first; c != nil; c = c.next {
				switch {
				case c.kind.isLeaf() && startsOn(c):
					if c.kind.isClosing() {
						list = append(list, c) // "on" comes inside brackets that "off" was outside of
					}
					return list
				case c.kind == tokIndent && c.next != nil && childStartsOn(c.next), childStartsOn(c):
					return list
				}
				list = append(list, c)
			}
			return list
		}
		if n.kind == tokDedent && n.next == nil {
			return list
		}
		list = append(list, n)
	}
	return list
}

// outermost is the largest node that starts with leaf l, inside its brackets.
func outermost(l *node) *node {
	n := l
	for p := n.parent; p != nil && p.kind != fileInput && p.first.prefixText() == l.prefix; p = n.parent {
		if p.prev != nil && p.prev.kind.isBracket() {
			break
		}
		n = p
	}
	return n
}

// startsOn reports whether the last fmt comment before n is "on".
func startsOn(n *node) bool {
	on := false
	for _, c := range prefixComments(n.prefixText(), false) {
		if isFmtOn(c.value) {
			on = true
		} else if isFmtOff(c.value) {
			on = false
		}
	}
	return on
}

func childStartsOn(n *node) bool {
	for c := n.first; c != nil; c = c.next {
		if startsOn(c) {
			return true
		}
	}
	return false
}
