package parse

import "go.starlark.net/syntax"

// assignComments attaches the comments to nodes as upstream does: a comment on a line of its own to the first
// node, in preorder, that starts behind it; a comment at the end of a line to the last node, in postorder,
// that ends before it and has none yet. What no node follows belongs to the file. Statements without comments
// are not walked.
func (p *parser) assignComments() {
	if len(p.lineComments)+len(p.suffixComments) == 0 {
		return
	}
	c := commenter{line: p.lineComments, suffix: p.suffixComments}
	c.before(p.out)
	if len(c.line) > 0 {
		p.out.AllocComments()
		p.out.Comments().After = append(p.out.Comments().After, c.line...)
	}
	c.after(p.out)
}

type commenter struct {
	line, suffix []syntax.Comment // not yet attached
	stack        []syntax.Node
}

func before(p, q syntax.Position) bool { return p.Line < q.Line || p.Line == q.Line && p.Col < q.Col }

func (c *commenter) before(root *syntax.File) {
	c.stack = c.children(c.stack[:0], root)
	reverse(c.stack, 0)
	for len(c.stack) > 0 && len(c.line) > 0 {
		n := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		start, end := n.Span()
		for len(c.line) > 0 && !before(start, c.line[0].Start) {
			n.AllocComments()
			n.Comments().Before = append(n.Comments().Before, c.line[0])
			c.line = c.line[1:]
		}
		if _, ok := n.(syntax.Stmt); ok && (len(c.line) == 0 || before(end, c.line[0].Start)) {
			continue
		}
		base := len(c.stack)
		c.stack = c.children(c.stack, n)
		reverse(c.stack, base)
	}
}

func (c *commenter) after(root *syntax.File) {
	c.stack = c.children(c.stack[:0], root)
	for len(c.stack) > 0 && len(c.suffix) > 0 {
		n := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		start, end := n.Span()
		if last := len(c.suffix) - 1; before(end, c.suffix[last].Start) {
			n.AllocComments()
			n.Comments().Suffix = append(n.Comments().Suffix, c.suffix[last])
			c.suffix = c.suffix[:last]
		}
		if _, ok := n.(syntax.Stmt); ok && (len(c.suffix) == 0 || before(c.suffix[len(c.suffix)-1].Start, start)) {
			continue
		}
		c.stack = c.children(c.stack, n)
	}
}

func reverse(nodes []syntax.Node, from int) {
	for i, j := from, len(nodes)-1; i < j; i, j = i+1, j-1 {
		nodes[i], nodes[j] = nodes[j], nodes[i]
	}
}

func (c *commenter) stmts(to []syntax.Node, stmts []syntax.Stmt) []syntax.Node {
	for _, s := range stmts {
		to = append(to, s)
	}
	return to
}

func (c *commenter) list(to []syntax.Node, xs []syntax.Expr) []syntax.Node {
	for _, x := range xs {
		to = append(to, x)
	}
	return to
}

// children appends the children of n in the order in which syntax.Walk visits them.
func (c *commenter) children(to []syntax.Node, n syntax.Node) []syntax.Node {
	switch n := n.(type) {
	case *syntax.File:
		return c.stmts(to, n.Stmts)
	case *syntax.ExprStmt:
		return append(to, n.X)
	case *syntax.IfStmt:
		return c.stmts(c.stmts(append(to, n.Cond), n.True), n.False)
	case *syntax.AssignStmt:
		return append(to, n.LHS, n.RHS)
	case *syntax.DefStmt:
		return c.stmts(c.list(append(to, n.Name), n.Params), n.Body)
	case *syntax.ForStmt:
		return c.stmts(append(to, n.Vars, n.X), n.Body)
	case *syntax.WhileStmt:
		return c.stmts(append(to, n.Cond), n.Body)
	case *syntax.ReturnStmt:
		return optional(to, n.Result)
	case *syntax.LoadStmt:
		to = append(to, n.Module)
		for _, id := range n.From {
			to = append(to, id)
		}
		for _, id := range n.To {
			to = append(to, id)
		}
	case *syntax.ListExpr:
		return c.list(to, n.List)
	case *syntax.ParenExpr:
		return append(to, n.X)
	case *syntax.CondExpr:
		return append(to, n.Cond, n.True, n.False)
	case *syntax.IndexExpr:
		return append(to, n.X, n.Y)
	case *syntax.DictEntry:
		return append(to, n.Key, n.Value)
	case *syntax.SliceExpr:
		return optional(optional(optional(append(to, n.X), n.Lo), n.Hi), n.Step)
	case *syntax.Comprehension:
		return append(append(to, n.Body), n.Clauses...)
	case *syntax.IfClause:
		return append(to, n.Cond)
	case *syntax.ForClause:
		return append(to, n.Vars, n.X)
	case *syntax.TupleExpr:
		return c.list(to, n.List)
	case *syntax.DictExpr:
		return c.list(to, n.List)
	case *syntax.UnaryExpr:
		return optional(to, n.X)
	case *syntax.BinaryExpr:
		return append(to, n.X, n.Y)
	case *syntax.DotExpr:
		return append(to, n.X, n.Name)
	case *syntax.CallExpr:
		return c.list(append(to, n.Fn), n.Args)
	case *syntax.LambdaExpr:
		return append(c.list(to, n.Params), n.Body)
	}
	return to
}

func optional(to []syntax.Node, x syntax.Expr) []syntax.Node {
	if x == nil {
		return to
	}
	return append(to, x)
}
