package typecheck

import (
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// loop walks the body of a for or while loop until another turn teaches nothing.
func (a *fn) loop(s syntax.Stmt, bind func(), body []syntax.Stmt, cond syntax.Expr) {
	l := a.f.loops[s]
	if a.env == nil || l == nil {
		return
	}
	before, head := a.env, a.env.clone()
	for _, v := range l.assigned {
		if v.Func != a.f {
			continue
		}
		p := &head.vars[v.slot]
		switch {
		case p.state == unset:
			*p = place{typ: types.Unknown, state: looped}
		case p.state == maybe:
			p.state = looped
		}
		if p.typ != nil {
			p.typ = types.Widen(p.typ)
		}
		head.forget(v)
	}
	for _, v := range l.changed {
		if v.Func == a.f {
			p := &head.vars[v.slot]
			p.typ = reopened(p.typ)
		}
		head.forget(v)
	}
	exhausted := a.steps > a.budget
	for turn := 0; ; turn++ {
		if turn == 2 || exhausted {
			for _, v := range l.assigned {
				if v.Func == a.f {
					head.vars[v.slot].typ = types.Unknown
				}
			}
		}
		last := turn == 2 || exhausted
		mark := a.mark()
		saved := *a.result
		f := &frame{}
		a.loops = append(a.loops, f)
		a.env = head.clone()
		var exit *env
		if cond != nil {
			a.env, exit = a.cond(cond)
		} else {
			bind()
		}
		a.block(body)
		a.loops = a.loops[:len(a.loops)-1]
		end := join(a.env, f.continues, nil)
		if !last && !head.covers(end) {
			a.reset(mark)
			*a.result = saved
			head = join(head, end, nil)
			exhausted = a.steps > a.budget
			continue
		}
		if cond == nil {
			exit = head
		}
		a.after(l, before, exit, end, f.breaks)
		return
	}
}

// after sets the environment behind a loop: its body may have run or not. What it assigns counts as assigned when
// every way out of the body assigns it, since a loop over nothing is rare, but is marked.
func (a *fn) after(l *loop, before, exit, end, breaks *env) {
	out := exit.clone()
	for _, e := range []*env{end, breaks} {
		out = join(out, e, nil)
	}
	for _, v := range l.assigned {
		if v.Func != a.f || out == nil {
			continue
		}
		p := &out.vars[v.slot]
		if p.state == maybe {
			p.state = looped
		}
		if was := before.vars[v.slot]; was.state == unset || was.state == looped && was.typ == types.Unknown { // its type is what the body gives it
			var t types.Type
			for _, e := range []*env{end, breaks} {
				if e != nil && e.vars[v.slot].state == set {
					t = types.Join(t, e.vars[v.slot].typ)
				}
			}
			if t != nil {
				p.typ = t
			}
		}
	}
	a.env = out
}
