package keaconf

import "testing"

// FuzzExpression looks for expressions on which the parser panics or does not
// end, and for those that only the older version takes.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		"substring(option[60].hex,0,9) == 'PXEClient'", "not (member('ALL') and member('a')) or option[82].option[1].exists",
		"ifelse(pkt4.mac == 0x01, 'a', 'b') + hexstring(0x01, ':') == split('a.b', '.', 2)", "vendor[4491].option[1].exists",
		"vendor-class[*].data[0] == 'a'", "relay4[1].hex == 1.2.3.4", "match('a.*', option[host-name].text)", "((('a')))", "'", "option[",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parse := func(newer, template bool) error {
			p := exprParser{text: text, newer: newer, isClass: func(s string) bool { return s != "" }, isOption: func(s string) bool { return s == "host-name" }}
			return p.parse(template)
		}
		if parse(false, false) == nil && parse(true, false) != nil {
			t.Errorf("only 2.2 takes %q", text)
		}
		if parse(true, false) == nil && parse(true, true) == nil {
			t.Errorf("%q is a condition and a string", text)
		}
	})
}
