package parse

import (
	"unicode/utf8"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// parser reads a text in two ways. Each top-level statement is first read strictly, exactly as
// go.starlark.net reads it: the first error makes the scanner answer EOF, so that everything unwinds. Only
// then is the same statement read again in recovery mode, where errors are reported, what is missing is
// filled in, and the scanner guesses where brackets and strings that are never closed end. Guesses thus
// never touch sound statements, and sound text is read once.
type parser struct {
	scanner
	file  *source.File
	out   *syntax.File
	units []Stmt

	depth  int     // as upstream counts it, so that its limit strikes at the same text
	first  problem // what strict reading failed with
	failed bool    // strict reading met an error

	problems []problem
	dropped  int // problems that were not kept
	lastErr  int // offset of the token of the last error; another one there would be a consequence

	idents    slab[syntax.Ident]
	literals  slab[syntax.Literal]
	calls     slab[syntax.CallExpr]
	binaries  slab[syntax.BinaryExpr]
	dots      slab[syntax.DotExpr]
	exprStmts slab[syntax.ExprStmt]
	assigns   slab[syntax.AssignStmt]
	entries   slab[syntax.DictEntry]
	exprs     []syntax.Expr // stack on which lists of unknown length grow
	spare     []syntax.Expr // room that finished lists are cut from
}

// slab hands out zero values cut from blocks: a tree has many small nodes and lives and dies as a whole.
type slab[T any] []T

func (s *slab[T]) take() *T {
	if len(*s) == 0 {
		*s = make([]T, 64)
	}
	x := &(*s)[0]
	*s = (*s)[1:]
	return x
}

// maxDepth is upstream's limit on nested productions.
const maxDepth = 1000

func newParser(f *source.File) *parser {
	name := f.Name()
	p := &parser{file: f, lastErr: -1}
	p.out = &syntax.File{Path: name, Options: &syntax.FileOptions{}}
	p.scanner = scanner{
		text:      f.Content(),
		name:      &name,
		line:      1,
		indents:   make([]int, 1, 10),
		lineStart: true,
		strict:    true,
	}
	p.report = p.lexicalError
	p.unclosed, p.newlineLine = -1, 1
	p.place = func(offset int) syntax.Position {
		at := f.Pos(offset)
		return syntax.MakePosition(p.name, at.Line, at.Col)
	}
	p.valid = utf8.ValidString(p.text)
	return p
}

func (p *parser) parseFile() {
	p.checkEncoding()
	p.scan()
	start, line := 0, int32(1)
	for p.tok != syntax.EOF {
		if p.tok == syntax.NEWLINE {
			p.next()
			continue
		}
		n := len(p.out.Stmts)
		broken := p.parseTop()
		end := p.newlineEnd
		if p.tok == syntax.EOF && (end <= start || p.prevEnd > end) {
			end = len(p.text)
		}
		if end <= start { // the statement broke off in the middle of its line
			end = p.tokStart
		}
		p.units = append(p.units, Stmt{Start: start, End: end, Line: line, Broken: broken,
			Nodes: p.out.Stmts[n:len(p.out.Stmts):len(p.out.Stmts)]})
		start, line = end, p.newlineLine
		if end != p.newlineEnd {
			line = p.file.Pos(end).Line
		}
	}
	// Appending may have moved the statements: cut the units' nodes anew.
	n := 0
	for i := range p.units {
		u := &p.units[i]
		m := n + len(u.Nodes)
		u.Nodes = p.out.Stmts[n:m:m]
		n = m
	}
}

// parseTop reads one top-level statement and reports whether it was broken. After maxProblems it no longer
// tries to read strictly: the text is hardly Starlark, and trying again and again would cost more than it tells.
func (p *parser) parseTop() bool {
	first, stmts, mark := p.mark(), p.out.Stmts, p.tokStart
	reported := len(p.problems)
	p.first = problem{}
	if p.strict {
		p.out.Stmts = p.parseStmt(stmts)
		if !p.failed {
			return len(p.problems) > reported
		}
		p.reset(first)
		p.strict, p.failed, p.depth, p.lastErr, p.exprs = false, false, 0, -1, p.exprs[:0]
		p.scan()
		defer func() { p.strict = len(p.problems) < maxProblems }()
	}
	p.out.Stmts = p.parseStmt(stmts)
	if p.tokStart == mark && p.tok != syntax.EOF { // nothing could be made of the token
		p.next()
	}
	if len(p.problems) == reported && p.first.code != "" {
		p.problems = append(p.problems, p.first)
	}
	return len(p.problems) > reported || p.dropped > 0
}

// next advances to the next token and returns the place of the one it leaves.
func (p *parser) next() syntax.Position {
	pos := p.tokPos
	p.prevEnd = p.tokEnd
	if p.failed {
		p.tok = syntax.EOF
		return pos
	}
	p.scan()
	return pos
}

// enter counts n nested productions in and reports whether that is within the limit.
func (p *parser) enter(n int) bool {
	p.depth += n
	if p.depth <= maxDepth {
		return true
	}
	p.errorAt(codeNesting, p.tokStart, p.tokEnd, "nested too deeply", "split the statement into several, with names for the parts")
	p.skipLine()
	return false
}

func (p *parser) leave(n int) { p.depth -= n }

// expect consumes a token of kind t, or reports that it is missing and says where it should have been.
func (p *parser) expect(t syntax.Token) syntax.Position {
	if p.tok == t {
		return p.next()
	}
	p.missingToken(t)
	return p.endOfPrev()
}

// endOfPrev is the place after the last token that was consumed.
func (p *parser) endOfPrev() syntax.Position {
	if p.strict || p.prevEnd < p.newlineEnd && p.newlineEnd <= p.tokStart {
		return p.tokPos // nothing comes before it on its line
	}
	return p.place(p.prevEnd)
}

// missing makes the expression that stands for one the text does not have.
func (p *parser) missing(pos syntax.Position) *syntax.Ident {
	id := p.idents.take()
	id.NamePos = pos
	return id
}

// list cuts the expressions that were pushed since base off the stack.
func (p *parser) list(base int) []syntax.Expr {
	xs := p.exprs[base:]
	n := len(xs)
	if n == 0 {
		return nil
	}
	if len(p.spare) < n {
		p.spare = make([]syntax.Expr, max(256, n))
	}
	out := p.spare[:n:n]
	p.spare = p.spare[n:]
	copy(out, xs)
	p.exprs = p.exprs[:base]
	return out
}

func (p *parser) push(x syntax.Expr) { p.exprs = append(p.exprs, x) }

// Diagnostics are collected with byte offsets and converted at the end.
type problem struct {
	code       string
	severity   diag.Severity
	start, end int
	message    string
	hint       string
	related    *related
	fix        *fix
}

type related struct {
	start, end int
	message    string
}

type fix struct {
	title      string
	start, end int
	text       string
	safe       bool
}
