package parse

import "go.starlark.net/syntax"

func (p *parser) parseStmt(stmts []syntax.Stmt) []syntax.Stmt {
	switch p.tok {
	case syntax.DEF:
		return append(stmts, p.parseDef())
	case syntax.IF:
		return append(stmts, p.parseIf())
	case syntax.FOR:
		return append(stmts, p.parseFor())
	case syntax.WHILE:
		return append(stmts, p.parseWhile())
	}
	if !p.strict {
		if out, ok := p.recoverStmt(stmts); ok {
			return out
		}
	}
	return p.parseSimpleStmt(stmts)
}

func (p *parser) parseDef() syntax.Stmt {
	def := &syntax.DefStmt{Def: p.next()}
	def.Name = p.parseIdent("a name for the function")
	hasParams := p.tok == syntax.LPAREN
	def.Lparen = p.expect(syntax.LPAREN)
	def.Rparen = def.Lparen
	if hasParams {
		def.Params = p.parseParams(true)
		def.Rparen = p.closeBracket(syntax.RPAREN)
	}
	if !p.strict {
		p.skipReturnType()
	}
	p.expect(syntax.COLON)
	def.Body = p.parseSuite()
	return def
}

func (p *parser) parseIf() syntax.Stmt {
	first := &syntax.IfStmt{If: p.next()}
	first.Cond = p.parseTest()
	p.expect(syntax.COLON)
	first.True = p.parseSuite()
	tail := first
	for p.tok == syntax.ELIF || p.tok == syntax.ELSE && p.elseIf() {
		elif := &syntax.IfStmt{If: p.next()}
		elif.Cond = p.parseTest()
		p.expect(syntax.COLON)
		elif.True = p.parseSuite()
		tail.ElsePos = elif.If
		tail.False = []syntax.Stmt{elif}
		tail = elif
	}
	if p.tok == syntax.ELSE {
		tail.ElsePos = p.next()
		p.expect(syntax.COLON)
		tail.False = p.parseSuite()
	}
	return first
}

func (p *parser) parseFor() syntax.Stmt {
	f := &syntax.ForStmt{For: p.next()}
	f.Vars = p.parseLoopVars()
	p.expect(syntax.IN)
	f.X = p.parseExpr(false)
	p.expect(syntax.COLON)
	f.Body = p.parseSuite()
	return f
}

func (p *parser) parseWhile() syntax.Stmt {
	w := &syntax.WhileStmt{While: p.next()}
	w.Cond = p.parseTest()
	p.expect(syntax.COLON)
	w.Body = p.parseSuite()
	return w
}

// parseLoopVars reads the variables of a for; an ordinary expression would take the `in` as its operator.
func (p *parser) parseLoopVars() syntax.Expr {
	x := p.parseOperand()
	if p.tok != syntax.COMMA {
		return x
	}
	base := len(p.exprs)
	p.push(x)
	for p.tok == syntax.COMMA {
		p.next()
		if endsList(p.tok) {
			break
		}
		p.push(p.parseOperand())
	}
	return &syntax.TupleExpr{List: p.list(base)}
}

// parseSimpleStmt reads the statements of one line.
func (p *parser) parseSimpleStmt(stmts []syntax.Stmt) []syntax.Stmt {
	for {
		stmts = append(stmts, p.parseSmallStmt())
		if p.tok != syntax.SEMI {
			break
		}
		p.next()
		if p.tok == syntax.NEWLINE || p.tok == syntax.EOF {
			break
		}
	}
	switch p.tok {
	case syntax.EOF:
	case syntax.NEWLINE:
		p.next()
	default:
		stmts = p.endStmt(stmts)
	}
	return stmts
}

func (p *parser) parseSmallStmt() syntax.Stmt {
	switch p.tok {
	case syntax.RETURN:
		ret := &syntax.ReturnStmt{Return: p.next()}
		if p.tok != syntax.EOF && p.tok != syntax.NEWLINE && p.tok != syntax.SEMI {
			ret.Result = p.parseExpr(false)
		}
		return ret
	case syntax.BREAK, syntax.CONTINUE, syntax.PASS:
		tok := p.tok
		return &syntax.BranchStmt{Token: tok, TokenPos: p.next()}
	case syntax.LOAD:
		if load := p.parseLoad(); load != nil {
			return load
		}
		return p.emptyStmt(p.endOfPrev())
	}
	x := p.parseExpr(false)
	if !p.strict && p.tok == syntax.COLON {
		p.skipAnnotation(x)
	}
	switch p.tok {
	case syntax.EQ, syntax.PLUS_EQ, syntax.MINUS_EQ, syntax.STAR_EQ, syntax.SLASH_EQ, syntax.SLASHSLASH_EQ, syntax.PERCENT_EQ,
		syntax.AMP_EQ, syntax.PIPE_EQ, syntax.CIRCUMFLEX_EQ, syntax.LTLT_EQ, syntax.GTGT_EQ:
		assign := p.assigns.take()
		assign.Op, assign.LHS = p.tok, x
		assign.OpPos = p.next()
		assign.RHS = p.parseExpr(false)
		return assign
	}
	stmt := p.exprStmts.take()
	stmt.X = x
	return stmt
}

// emptyStmt is a statement with a missing expression.
func (p *parser) emptyStmt(pos syntax.Position) syntax.Stmt {
	return &syntax.ExprStmt{X: p.missing(pos)}
}

// parseLoad returns nil if not even the module could be read.
func (p *parser) parseLoad() *syntax.LoadStmt {
	load := &syntax.LoadStmt{Load: p.next()}
	lparen, reported := p.tokStart, len(p.problems)
	p.expect(syntax.LPAREN)
	if p.tok != syntax.STRING {
		p.errorHere(codeLoad, "the first operand of load must be a string, the module", `write load("path", "name")`)
		p.skipLine()
		return nil
	}
	load.Module = p.parseLiteral()
	for p.tok != syntax.RPAREN && p.tok != syntax.EOF && p.tok != syntax.NEWLINE {
		at := p.tokStart
		p.expectComma(syntax.RPAREN)
		if p.tok == syntax.RPAREN {
			break
		}
		p.parseLoadOperand(load)
		if p.tokStart == at && !p.strict {
			p.skipElement()
			if p.tokStart == at {
				break
			}
		}
	}
	load.Rparen = p.closeBracket(syntax.RPAREN)
	if len(load.To) == 0 && len(p.problems) == reported {
		p.errorAt(codeLoad, lparen, p.prevEnd, "load must import at least one name", `add the names after the module: load("path", "name")`)
	}
	return load
}

func (p *parser) parseLoadOperand(load *syntax.LoadStmt) {
	switch p.tok {
	case syntax.STRING:
		lit := p.parseLiteral()
		id := &syntax.Ident{NamePos: afterQuote(lit.TokenPos), Name: lit.Value.(string)}
		load.To = append(load.To, id)
		load.From = append(load.From, id)
	case syntax.IDENT:
		id := p.parseIdent("a name")
		if p.tok != syntax.EQ {
			p.errorHere(codeLoad, "a loaded name must be a string", `write "`+id.Name+`", or `+id.Name+`="name" to rename it`)
			p.skipElement()
			return
		}
		p.next()
		if p.tok != syntax.STRING {
			p.errorHere(codeLoad, "the original name of a loaded symbol must be a string", `write `+id.Name+`="name"`)
			p.skipElement()
			return
		}
		lit := p.parseLiteral()
		load.To = append(load.To, id)
		load.From = append(load.From, &syntax.Ident{NamePos: afterQuote(lit.TokenPos), Name: lit.Value.(string)})
	default:
		p.errorHere(codeLoad, "unexpected "+p.found()+", want a name to load", `write "name", or local="name" to rename it`)
	}
}

func afterQuote(pos syntax.Position) syntax.Position {
	pos.Col++
	return pos
}

func (p *parser) parseSuite() []syntax.Stmt {
	if !p.enter(1) {
		p.leave(1)
		return []syntax.Stmt{p.emptyStmt(p.endOfPrev())}
	}
	defer p.leave(1)
	if p.tok != syntax.NEWLINE {
		if p.tok == syntax.EOF && !p.strict {
			p.missingBody()
			return []syntax.Stmt{p.emptyStmt(p.endOfPrev())}
		}
		return p.parseSimpleStmt(nil)
	}
	end, brokeOff := p.endOfPrev(), p.synthetic
	p.next()
	if p.tok != syntax.INDENT {
		if !brokeOff {
			p.missingBody()
		}
		return []syntax.Stmt{p.emptyStmt(end)}
	}
	p.next()
	var stmts []syntax.Stmt
	for p.tok != syntax.OUTDENT && p.tok != syntax.EOF {
		at, tok := p.tokStart, p.tok
		stmts = p.parseStmt(stmts)
		if p.tokStart == at && p.tok == tok {
			p.next()
		}
	}
	p.expect(syntax.OUTDENT)
	if len(stmts) == 0 {
		stmts = append(stmts, p.emptyStmt(end))
	}
	return stmts
}

// parseIdent reads a name; what says what it is wanted for.
func (p *parser) parseIdent(what string) *syntax.Ident {
	if p.tok != syntax.IDENT {
		return p.missingIdent(what)
	}
	id := p.idents.take()
	id.NamePos, id.Name = p.tokPos, p.raw
	p.next()
	return id
}

// parseParams reads the parameters of a function. Those of a def end at its bracket, those of a lambda at its
// colon. The forms of a parameter are those of syntax.DefStmt.Params.
func (p *parser) parseParams(def bool) []syntax.Expr {
	base, end := len(p.exprs), syntax.Token(syntax.RPAREN)
	if !def {
		end = syntax.COLON
	}
	for first := true; p.tok != syntax.RPAREN && p.tok != syntax.COLON && p.tok != syntax.EOF && p.tok != syntax.NEWLINE; first = false {
		at := p.tokStart
		if !first {
			p.expectComma(end)
		}
		if p.tok == syntax.RPAREN {
			break
		}
		if !p.strict && !first && p.tok == syntax.COLON {
			break
		}
		p.push(p.parseParam(def))
		if p.tokStart == at && !p.strict {
			p.skipElement()
			if p.tokStart == at {
				break
			}
		}
	}
	return p.list(base)
}

func (p *parser) parseParam(def bool) syntax.Expr {
	if p.tok == syntax.STAR || p.tok == syntax.STARSTAR {
		star := &syntax.UnaryExpr{Op: p.tok}
		star.OpPos = p.next()
		if star.Op == syntax.STARSTAR || p.tok == syntax.IDENT {
			star.X = p.parseIdent("a parameter name")
			if def && !p.strict && p.tok == syntax.COLON {
				p.skipAnnotation(star.X)
			}
		}
		return star
	}
	id := p.parseIdent("a parameter name")
	if def && !p.strict && p.tok == syntax.COLON {
		p.skipAnnotation(id)
	}
	if p.tok != syntax.EQ {
		return id
	}
	return p.parseNamed(id)
}

// parseNamed reads what follows the name of a named argument or of a parameter with a default.
func (p *parser) parseNamed(name syntax.Expr) syntax.Expr {
	named := p.binaries.take()
	named.X, named.Op = name, syntax.EQ
	named.OpPos = p.next()
	named.Y = p.parseTest()
	return named
}
