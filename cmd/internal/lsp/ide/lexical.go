package ide

import "github.com/kurtosis-go/kurtosis/lang/parse"

// lexical says what kind of text a place is in.
type lexical uint8

const (
	inCode lexical = iota
	inString
	inComment
)

// lexicalContext reads the statement around an offset up to it. It goes by the characters alone, so that it holds
// where the text is broken, too.
func lexicalContext(tree *parse.Tree, offset int) lexical {
	text := tree.File.Text()
	start := 0
	if i := tree.StmtAt(max(offset-1, 0)); i >= 0 {
		start = tree.Stmts[i].Start
	} else if n := len(tree.Stmts); n > 0 {
		start = tree.Stmts[n-1].End
	}
	where, quote, triple := inCode, byte(0), false
	for i := start; i < offset && i < len(text); i++ {
		c := text[i]
		switch where {
		case inComment:
			if c == '\n' || c == '\r' {
				where = inCode
			}
		case inString:
			switch {
			case c == '\\':
				i++
				if i >= offset {
					return inString
				}
			case c == quote && !triple:
				where = inCode
			case c == quote && i+2 < len(text) && text[i+1] == quote && text[i+2] == quote:
				if i+2 >= offset {
					return inString
				}
				where = inCode
				i += 2
			case (c == '\n' || c == '\r') && !triple:
				where = inCode
			}
		default:
			switch c {
			case '#':
				where = inComment
			case '"', '\'':
				where, quote = inString, c
				triple = i+2 < len(text) && text[i+1] == c && text[i+2] == c && i+2 < offset
				if triple {
					i += 2
				} else if i+1 < offset && text[i+1] == c && !(i+2 < len(text) && text[i+2] == c) {
					where = inCode
					i++
				}
			}
		}
	}
	return where
}
