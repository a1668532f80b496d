package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// A mutant is one file with one bug.
type mutant struct {
	path   string
	line   int
	what   string
	source []byte
}

func (m mutant) String() string { return fmt.Sprintf("%s:%03d: %s", m.path, m.line, m.what) }

// others are the operators that take another's place.
var others = map[token.Token]token.Token{
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL,
}

// mutantsOf returns every mutant of a file.
func mutantsOf(path string, src []byte) (all []mutant, err error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, src, 0)
	if err != nil {
		return nil, err
	}
	offset := func(p token.Pos) int { return fset.Position(p).Offset }
	text := func(n ast.Node) string { return string(src[offset(n.Pos()):offset(n.End())]) }
	add := func(at ast.Node, from, to token.Pos, instead, what string) {
		all = append(all, mutant{
			path: path, line: fset.Position(at.Pos()).Line, what: what,
			source: slices.Concat(src[:offset(from)], []byte(instead), src[offset(to):]),
		})
	}
	invert := func(cond ast.Expr) {
		add(cond, cond.Pos(), cond.End(), "!("+text(cond)+")", "inverted: "+line(text(cond)))
	}
	drop := func(s ast.Stmt) {
		add(s, s.Pos(), s.End(), "", "dropped: "+line(text(s)))
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			invert(n.Cond)
		case *ast.CaseClause:
			for _, e := range n.List {
				// Only the conditions of a switch without a tag can be inverted;
				// elsewhere it is no program.
				if isCondition(e) {
					invert(e)
				}
			}
		case *ast.BinaryExpr:
			if o, ok := others[n.Op]; ok {
				add(n, n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), o.String(), fmt.Sprintf("%v for %v: %s", o, n.Op, line(text(n))))
			}
		case *ast.ExprStmt:
			drop(n)
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				drop(n)
			}
		case *ast.IncDecStmt:
			drop(n)
		}
		return true
	})
	return all, nil
}

// isCondition tells whether e looks like a boolean.
func isCondition(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return true
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	case *ast.CallExpr, *ast.ParenExpr:
		return true
	}
	return false
}

// line shortens code to one line.
func line(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 80 {
		s = s[:77] + "…"
	}
	return s
}
