package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMutantsOfAFile(t *testing.T) {
	const src = `package p

func f(a, b int) (c int) {
	if a == 1 && b < 2 {
		c++
	}
	switch {
	case a > b:
		c = 3
	}
	d := 4
	g(d)
	return c
}
`
	all, err := mutantsOf("p.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, m.String())
		if n := strings.Count(string(m.source), "\n"); n != strings.Count(src, "\n") {
			t.Errorf("%v: %d lines", m, n)
		}
		if string(m.source) == src {
			t.Errorf("%v: nothing is changed", m)
		}
	}
	want := []string{
		"p.go:004: inverted: a == 1 && b < 2",
		"p.go:004: || for &&: a == 1 && b < 2",
		"p.go:004: != for ==: a == 1",
		"p.go:004: <= for <: b < 2",
		"p.go:005: dropped: c++",
		"p.go:008: inverted: a > b",
		"p.go:008: >= for >: a > b",
		"p.go:009: dropped: c = 3",
		"p.go:012: dropped: g(d)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
