package dhcp4

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"runtime/debug"
	"slices"

	"github.com/embedhcp/embedhcp/option"
)

// optionLevels are the sets of options that a reply is made from, the
// strongest first.
type optionLevels struct {
	list [6]*optionSet
	n    int
}

func (l *optionLevels) add(s *optionSet) {
	l.list[l.n] = s
	l.n++
}

func (l *optionLevels) all() []*optionSet { return l.list[:l.n] }

// optionLevels returns the levels for a reply that gives the client the
// address a: reservation, pool, subnet, shared network, Config. An OptionsFunc
// is above the list that it belongs to. An error is that of an OptionsFunc.
func (x *Exchange) optionLevels(a netip.Addr) (l optionLevels, err error) {
	if x.host != nil {
		l.add(&x.host.options)
	}
	if p := x.sub.poolOf(a); p != nil {
		l.add(&p.options)
	}
	if f := x.sub.optionsFunc; f != nil {
		if err := x.callOptionsFunc(f, &x.funcOptions[0]); err != nil {
			return l, err
		}
		l.add(&x.funcOptions[0])
	}
	f := x.snap.optionsFunc
	if f == nil {
		l.add(&x.sub.options)
		return l, nil
	}
	if err := x.callOptionsFunc(f, &x.funcOptions[1]); err != nil {
		return l, err
	}
	l.add(&x.sub.own)
	l.add(&x.funcOptions[1])
	l.add(&x.snap.options)
	return l, nil
}

// callOptionsFunc makes an optionSet of what f returns. A panic of f is an
// error. The payloads stay f's.
func (x *Exchange) callOptionsFunc(f func(*Exchange) option.Options, s *optionSet) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in OptionsFunc: %v\n%s", v, debug.Stack())
		}
	}()
	opts := f(x)
	var k configChecker
	k.options("OptionsFunc", opts)
	if len(k.problems) > 0 {
		return errors.New("dhcp4: " + k.problems[0].Path + ": " + k.problems[0].Err.Error())
	}
	*s = optionSet{sorted: s.sorted[:0]}
	for _, o := range opts {
		s.add(o)
	}
	slices.SortFunc(s.sorted, byCode)
	return nil
}

// pick returns the configured option with the given code from the strongest
// level that mentions it.
func (l *optionLevels) pick(code option.Code) (o option.Option, ok, never bool) {
	for _, s := range l.all() {
		if !s.defined.has(code) {
			continue
		}
		if s.never.has(code) {
			return option.Option{}, false, true
		}
		data, _ := s.sorted.Lookup(code)
		return option.Option{Code: code, Data: data}, true, false
	}
	return option.Option{}, false, false
}

// always reports whether some level has the option with the given code to be
// sent unasked.
func (l *optionLevels) always(code option.Code) bool {
	for _, s := range l.all() {
		if s.always.has(code) {
			return true
		}
	}
	return false
}

// forVendors returns what of o, an option 124 or 125, is for the enterprises
// that the client names in its own options 124 and 125 (RFC 3925): those are
// who ask for it, whatever the parameter request list says. A client that names
// none and yet asks for the option gets it whole.
func (x *Exchange) forVendors(o option.Option, asked bool) (option.Option, bool) {
	start := len(x.vendorData)
	for entry := range vendorEntries(o.Data) {
		any, this := x.names(entry[:4])
		if !any {
			return o, asked
		}
		if this {
			x.vendorData = append(x.vendorData, entry...)
		}
	}
	o.Data = x.vendorData[start:]
	return o, len(o.Data) > 0
}

// names reports whether the client names any enterprise, and this one.
func (x *Exchange) names(enterprise []byte) (any, this bool) {
	for _, code := range [...]option.Code{codeVendorClasses, codeVendorOptions} {
		data, _ := x.Request.Options.Lookup(code)
		for entry := range vendorEntries(data) {
			any = true
			this = this || string(entry[:4]) == string(enterprise)
		}
	}
	return any, this
}

// vendorEntries yields the parts of an option 124 or 125, each with its
// enterprise number and length. It stops at what is cut off.
func vendorEntries(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(data) >= 5 {
			n := 5 + int(data[4])
			if n > len(data) || !yield(data[:n]) {
				return
			}
			data = data[n:]
		}
	}
}
