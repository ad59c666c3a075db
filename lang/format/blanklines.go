package format

import "slices"

// block is a logical line in the output: its text, and the blank lines before it.
type block struct {
	before     int
	start, end int // of the text in the output buffer
	opensBlock bool
}

// lineFacts is what the blank lines after a logical line depend on.
type lineFacts struct {
	depth               int
	def, comment, opens bool
}

// blankLines decides how many blank lines go before each logical line.
type blankLines struct {
	blocks   []block
	previous lineFacts // of the last block, if there is one
	defs     []int     // depths of the defs we may still be in
	leading  int       // the block that starts the comments before the current line, or -1
}

// next notes a logical line and its blank lines. Those kept from the source are in its first token.
func (b *blankLines) next(l *line) {
	first := l.tokens[0]
	kept := min(int(first.blank), 1)
	if l.depth == 0 {
		kept = min(int(first.blank), 2)
	}
	first.blank, first.space = 0, 0
	facts := lineFacts{l.depth, l.isDef(), l.isComment(), l.opensBlock()}
	before := b.before(l, facts, kept)
	started := len(b.blocks) > 0
	if !started {
		before = 0
	}
	current := len(b.blocks)
	b.blocks = append(b.blocks, block{before: before, opensBlock: facts.opens})
	switch {
	case !facts.comment:
		b.leading = -1
	case !started || (!b.previous.comment || before > 0) && (b.leading < 0 || before > 0):
		b.leading = current
	}
	b.previous = facts
}

func (b *blankLines) before(l *line, facts lineFacts, before int) int {
	for len(b.defs) > 0 && b.defs[len(b.defs)-1] >= facts.depth {
		last := len(b.defs) - 1
		switch {
		case facts.depth > 0:
			before = 1
		case b.defs[last] > 0 && facts.opens && !startsBlock(l.tokens[0].value):
			// A clause that goes on after a def in an earlier one, as "else" does.
			before = 1
		default:
			before = 2
		}
		b.defs = b.defs[:last]
	}
	if facts.def {
		return b.beforeDef(facts, before)
	}
	if len(b.blocks) > 0 && b.previous.opens {
		return 0
	}
	return before
}

func startsBlock(word string) bool {
	return slices.Contains([]string{"with", "try", "for", "while", "if", "match"}, word)
}

func (b *blankLines) beforeDef(facts lineFacts, before int) int {
	b.defs = append(b.defs, facts.depth)
	if len(b.blocks) == 0 || b.previous.depth < facts.depth && b.previous.def {
		return 0
	}
	wanted := 2
	if facts.depth > 0 {
		wanted = 1
	}
	if b.previous.comment && b.previous.depth == facts.depth && before == 0 {
		// The comments right before a def belong to it: the blank lines go before them.
		i := b.leading
		if i > 0 && !b.blocks[i-1].opensBlock && b.blocks[i].before <= 1 {
			b.blocks[i].before = max(b.blocks[i].before, wanted)
		}
		return 0
	}
	return wanted
}
