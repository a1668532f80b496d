package keaconf

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxExprDepth is how deep an expression may be nested.
const maxExprDepth = 200

// An exprParser checks the form of a class's test, as far as Kea does when it
// reads the file: the operands have the right types, the options and classes
// exist.
type exprParser struct {
	text     string
	newer    bool // what 3.0 knows counts
	isClass  func(string) bool
	isOption func(string) bool

	pos   int
	tok   string // of a quoted string with its quotes
	at    int    // where tok is
	depth int
	err   error // the first one; after it there are no more tokens
}

func (p *exprParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("column %d: %s", p.at+1, fmt.Sprintf(format, args...))
	}
	p.pos, p.tok = len(p.text), ""
}

// parse returns nil if the text is a boolean expression, or a string one.
func (p *exprParser) parse(wantString bool) error {
	p.next()
	if wantString {
		p.str()
	} else {
		p.boolean()
	}
	if p.tok != "" {
		p.fail("the expression ends before %s", p.tok)
	}
	return p.err
}

const (
	exprPunctuation = "()[],.*+"
	letters         = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits          = "0123456789"
)

// next reads a token: punctuation, ==, a quoted string, or a word or number.
func (p *exprParser) next() {
	for p.pos < len(p.text) && isBlank(p.text[p.pos]) {
		p.pos++
	}
	p.at = p.pos
	rest := p.text[p.pos:]
	switch {
	case rest == "":
		p.tok = ""
		return
	case rest[0] == '\'':
		n := strings.IndexByte(rest[1:], '\'')
		if n < 0 {
			p.fail("the string is never closed")
			return
		}
		p.tok = rest[:n+2]
	case strings.HasPrefix(rest, "=="):
		p.tok = "=="
	case isAddrStart(rest) != "":
		p.tok = isAddrStart(rest)
	case strings.IndexByte(exprPunctuation, rest[0]) >= 0:
		p.tok = rest[:1]
	default:
		n := len(rest) - len(strings.TrimLeft(rest, letters+digits+"-_"))
		if n == 0 {
			p.fail("%q means nothing here", rest[0])
			return
		}
		p.tok = rest[:n]
	}
	p.pos += len(p.tok)
}

// isAddrStart returns the address with which s begins, if it does.
func isAddrStart(s string) string {
	n := len(s) - len(strings.TrimLeft(s, digits+"abcdefABCDEF:."))
	if !strings.ContainsAny(s[:n], ":.") {
		return ""
	}
	if _, err := netip.ParseAddr(s[:n]); err != nil {
		return ""
	}
	return s[:n]
}

func (p *exprParser) accept(tok string) bool {
	if p.tok != tok {
		return false
	}
	p.next()
	return true
}

func (p *exprParser) expect(tok string) {
	if !p.accept(tok) {
		p.fail("%s expected instead of %s", tok, p.describe())
	}
}

func (p *exprParser) describe() string {
	if p.tok == "" {
		return "the end"
	}
	return p.tok
}

func (p *exprParser) nest() func() {
	if p.depth++; p.depth > maxExprDepth {
		p.fail("the expression is nested too deep")
	}
	return func() { p.depth-- }
}

func (p *exprParser) boolean() {
	if !p.expr() {
		p.fail("== expected instead of %s", p.describe())
	}
}

// expr is what may stand in parentheses: a boolean or a string.
func (p *exprParser) expr() (isBool bool) {
	isBool = p.operand()
	for p.tok == "and" || p.tok == "or" || p.newer && (p.tok == "sand" || p.tok == "sor") {
		if !isBool {
			p.fail("== expected instead of %s", p.tok)
		}
		p.next()
		if !p.operand() {
			p.fail("== expected instead of %s", p.describe())
		}
	}
	return isBool
}

// operand is an expression without and and or.
func (p *exprParser) operand() (isBool bool) {
	defer p.nest()()
	if p.accept("not") {
		if !p.operand() {
			p.fail("a condition expected after not")
		}
		return true
	}
	if p.value() {
		return true
	}
	p.plus()
	if !p.accept("==") {
		return false
	}
	p.str()
	return true
}

// member reads member('class').
func (p *exprParser) member() {
	p.next()
	p.expect("(")
	if !isQuoted(p.tok) {
		p.fail("the name of a class in quotes expected instead of %s", p.describe())
	}
	if name := strings.Trim(p.tok, "'"); p.err == nil && !p.isClass(name) {
		p.fail("there is no class %q before this one", name)
	}
	p.next()
	p.expect(")")
}

func isQuoted(tok string) bool { return tok != "" && tok[0] == '\'' }

// str is a string expression.
func (p *exprParser) str() {
	defer p.nest()()
	if p.value() {
		p.fail("a string expected instead of a boolean before this")
	}
	p.plus()
}

func (p *exprParser) plus() {
	for p.accept("+") {
		if p.value() {
			p.fail("a string expected instead of a boolean before this")
		}
	}
}

// match reads match('expression', string).
func (p *exprParser) match() {
	p.next()
	p.expect("(")
	if !isQuoted(p.tok) {
		p.fail("a regular expression in quotes expected instead of %s", p.describe())
	}
	p.next()
	p.expect(",")
	p.str()
	p.expect(")")
}

// value is a string without +, or a boolean without and, or and not.
func (p *exprParser) value() (isBool bool) {
	defer p.nest()()
	tok := p.tok
	switch {
	case tok == "":
		p.fail("a value expected instead of the end")
		return false
	case isQuoted(tok) || isLiteral(tok):
		p.next()
		return false
	}
	switch tok {
	case "(":
		p.next()
		isBool = p.expr()
		p.expect(")")
		return isBool
	case "member":
		p.member()
		return true
	case "option", "relay4":
		return p.option(tok == "relay4")
	case "pkt":
		p.field("iface", "src", "dst", "len")
	case "pkt4":
		p.field("mac", "hlen", "htype", "ciaddr", "giaddr", "yiaddr", "siaddr", "msgtype", "transid")
	case "vendor", "vendor-class":
		return p.vendor()
	case "substring":
		p.call(p.str, p.integer, p.length)
	case "split":
		p.call(p.str, p.str, p.integer)
	case "concat", "hexstring":
		p.call(p.str, p.str)
	case "ifelse":
		p.call(p.boolean, p.str, p.str)
	case "addrtotext", "int8totext", "int16totext", "int32totext", "uint8totext", "uint16totext", "uint32totext":
		p.call(p.str)
	default:
		switch {
		case p.newer && tok == "match":
			p.match()
			return true
		case p.newer && (tok == "lcase" || tok == "ucase"):
			p.call(p.str)
		case p.newer && tok == "sifelse":
			p.call(p.boolean, p.str, p.str)
		default:
			p.fail("%s is no value", tok)
		}
	}
	return false
}

// isLiteral tells of hexadecimal strings, addresses and numbers.
func isLiteral(tok string) bool {
	if hex, ok := strings.CutPrefix(strings.ToLower(tok), "0x"); ok {
		return hex != "" && strings.Trim(hex, digits+"abcdef") == ""
	}
	if _, err := strconv.ParseUint(tok, 10, 32); err == nil {
		return true
	}
	_, err := netip.ParseAddr(tok)
	return err == nil
}

// call reads the name and the arguments of a function.
func (p *exprParser) call(args ...func()) {
	p.next()
	p.expect("(")
	for i, arg := range args {
		if i > 0 {
			p.expect(",")
		}
		arg()
	}
	p.expect(")")
}

func (p *exprParser) integer() {
	if _, err := strconv.ParseInt(p.tok, 10, 32); err != nil {
		p.fail("an integer expected instead of %s", p.describe())
	}
	p.next()
}

func (p *exprParser) length() {
	if !p.accept("all") {
		p.integer()
	}
}

// field reads the name of a structure, a dot and one of its fields.
func (p *exprParser) field(names ...string) string {
	p.next()
	p.expect(".")
	for _, name := range names {
		if p.accept(name) {
			return name
		}
	}
	p.fail("%s expected instead of %s", strings.Join(names, " or "), p.describe())
	return ""
}

// code reads the code or the name of an option in brackets.
func (p *exprParser) code(names bool) {
	p.expect("[")
	switch n, err := strconv.ParseUint(p.tok, 10, 32); {
	case err == nil && n > 255:
		p.fail("the code %d is above 255", n)
	case err != nil && (!names || !p.isOption(p.tok)):
		p.fail("there is no option %s", p.describe())
	}
	p.next()
	p.expect("]")
}

// option reads option[3].hex and the like; a sub-option may follow the code.
func (p *exprParser) option(relay bool) (isBool bool) {
	p.next()
	p.code(!relay)
	p.expect(".")
	if !relay && p.accept("option") {
		p.code(false)
		p.expect(".")
	}
	return p.form()
}

func (p *exprParser) form() (isBool bool) {
	switch {
	case p.accept("exists"):
		return true
	case p.accept("hex"), p.accept("text"):
		return false
	}
	p.fail("exists, hex or text expected instead of %s", p.describe())
	return false
}

// enterprise reads a number or * in brackets, if there are brackets.
func (p *exprParser) enterprise() bool {
	if !p.accept("[") {
		return false
	}
	if !p.accept("*") {
		if _, err := strconv.ParseUint(p.tok, 10, 32); err != nil {
			p.fail("a number or * expected instead of %s", p.describe())
		}
		p.next()
	}
	p.expect("]")
	return true
}

// vendor reads what is about a vendor: vendor, or vendor-class, which has data
// where the other one has options.
func (p *exprParser) vendor() (isBool bool) {
	name := p.tok
	p.next()
	bracket := p.enterprise()
	p.expect(".")
	switch {
	case !bracket && p.accept("enterprise"):
		return false
	case bracket && p.accept("exists"):
		return true
	case bracket && name == "vendor" && p.accept("option"):
		p.code(false)
		p.expect(".")
		return p.form()
	case bracket && name == "vendor-class" && p.accept("data"):
		if p.accept("[") {
			p.integer()
			p.expect("]")
		}
		return false
	}
	p.fail("%s is not part of %s", p.describe(), name)
	return false
}
