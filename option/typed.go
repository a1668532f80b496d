package option

import "iter"

// A Wire converts between values of type T and their octets in a payload.
// The ones of this package need no more than the address of the variable,
// NewWire makes others. A Wire is immutable and safe for concurrent use.
type Wire[T any] struct {
	// append appends v to dst. The payload begins at dst[start]: what stands
	// there already are earlier values of the list, for name compression.
	append func(dst []byte, start int, v T) ([]byte, error)
	// next reads the value at payload[off:] and returns the offset behind it.
	// With the error skip there was none, and reading goes on at end.
	next func(payload []byte, off int) (v T, end int, err error)
}

const (
	skip       = reason("no value here")
	errNoWire  = reason("the definition has no Wire")
	errTooLong = reason("the payload is longer than 65535 octets")
	errEnd     = reason("the payload goes on after the value")
	errBadRead = reason("the Wire did not advance within the payload")
)

// NewWire makes a Wire of two functions, neither of which may be nil or keep
// what it is given. appendValue appends the octets of v to dst and says if v
// has none. decode reads one value from the begin of p and returns the number
// of octets it took, which must be above 0 if the value stands in a list; p
// goes to the end of the payload. What it returns may share memory with p.
func NewWire[T any](appendValue func(dst []byte, v T) ([]byte, error), decode func(p []byte) (v T, n int, err error)) *Wire[T] {
	return &Wire[T]{
		append: func(dst []byte, _ int, v T) ([]byte, error) { return appendValue(dst, v) },
		next: func(payload []byte, off int) (T, int, error) {
			v, n, err := decode(payload[off:])
			return v, off + n, err
		},
	}
}

// An Arena holds the payloads of options made with NewIn. The zero Arena is
// ready. It must not be used by two goroutines at once.
type Arena struct{ buf []byte }

// Reset makes the Arena's memory free for new payloads. Options made before
// must no longer be used. Without Reset none of them ever changes, however
// much the Arena grows.
func (a *Arena) Reset() { a.buf = a.buf[:0] }

// A Def is the definition of an option with one value of type T. Its methods
// are safe for concurrent use.
type Def[T any] struct {
	Definition
	w *Wire[T]
}

// Define makes the definition of an option with one value.
func Define[T any](d Definition, w *Wire[T]) Def[T] { return Def[T]{d, w} }

// New makes the option with the value v. If v cannot be encoded, Err of the
// option says why.
func (d *Def[T]) New(v T) Option { return d.NewIn(nil, v) }

// NewIn is New with the payload in a, where it stays until Reset. If a is nil,
// the payload is allocated.
func (d *Def[T]) NewIn(a *Arena, v T) Option {
	if d.w == nil {
		return d.invalid(errNoWire)
	}
	dst := a.free()
	p, err := d.w.append(dst, len(dst), v)
	return d.made(a, len(dst), p, err)
}

// Get returns the value of the option in o. If it is absent, ok is false and
// err nil. If it is malformed, ok is false and err a *[ValueError]; if it is
// an option whose Err is not nil, err is that. A value of type []byte or
// Option shares memory with o.
func (d *Def[T]) Get(o Options) (v T, ok bool, err error) {
	p, ok, err := d.find(o)
	if !ok {
		return v, false, err
	}
	if d.w == nil {
		return v, false, d.valueError(0, errNoWire)
	}
	v, end, err := d.w.next(p, 0)
	if err == nil && end != len(p) {
		err = errEnd
	}
	if err != nil {
		var zero T
		return zero, false, d.valueError(0, err)
	}
	return v, true, nil
}

// A ListDef is the definition of an option with a list of values of type E.
// The empty list is the empty payload. Its methods are safe for concurrent
// use.
type ListDef[E any] struct {
	Definition
	w *Wire[E]
}

// DefineList makes the definition of an option with a list of values.
func DefineList[E any](d Definition, w *Wire[E]) ListDef[E] { return ListDef[E]{d, w} }

// New makes the option with the values vs. If one of them cannot be encoded,
// Err of the option says why.
func (d *ListDef[E]) New(vs ...E) Option { return d.NewIn(nil, vs...) }

// NewIn is New with the payload in a, where it stays until Reset. If a is nil,
// the payload is allocated.
func (d *ListDef[E]) NewIn(a *Arena, vs ...E) Option {
	if d.w == nil {
		return d.invalid(errNoWire)
	}
	p := a.free()
	start := len(p)
	for i, v := range vs {
		var err error
		if p, err = d.w.append(p, start, v); err != nil {
			return d.invalidValue(i, err)
		}
	}
	return d.made(a, start, p, nil)
}

// Get returns the values of the option in o. If it is absent, ok is false and
// err nil. If it is malformed, ok is false and err a *[ValueError]; if it is
// an option whose Err is not nil, err is that. Values of type []byte or Option
// share memory with o.
func (d *ListDef[E]) Get(o Options) (vs []E, ok bool, err error) {
	return d.AppendTo(nil, o)
}

// AppendTo is Get, but appends the values to dst and returns it. Unless ok, it
// returns dst as it was. It allocates nothing while dst has room, but for
// values with memory of their own (strings).
func (d *ListDef[E]) AppendTo(dst []E, o Options) (vs []E, ok bool, err error) {
	p, ok, err := d.find(o)
	if !ok {
		return dst, false, err
	}
	n := len(dst)
	for off := 0; off < len(p); {
		v, end, err := d.next(p, off)
		if err != nil && err != skip {
			return dst[:n], false, d.valueError(off, err)
		}
		if err == nil {
			dst = append(dst, v)
		}
		off = end
	}
	return dst, true, nil
}

// All yields the values of the option in o, none if it is absent. Where the
// payload is malformed it yields a *[ValueError] and ends.
func (d *ListDef[E]) All(o Options) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		var zero E
		p, _, err := d.find(o)
		if err != nil {
			yield(zero, err)
			return
		}
		for off := 0; off < len(p); {
			v, end, err := d.next(p, off)
			if err != nil && err != skip {
				yield(zero, d.valueError(off, err))
				return
			}
			if err == nil && !yield(v, nil) {
				return
			}
			off = end
		}
	}
}

// next reads one value and makes sure that reading ends.
func (d *ListDef[E]) next(p []byte, off int) (v E, end int, err error) {
	if d.w == nil {
		return v, 0, errNoWire
	}
	v, end, err = d.w.next(p, off)
	if (err == nil || err == skip) && (end <= off || end > len(p)) {
		err = errBadRead
	}
	return v, end, err
}

// find returns the payload of d's option in o; unless ok, it is absent or not
// encodable (err).
func (d *Definition) find(o Options) (p []byte, ok bool, err error) {
	for i := range o {
		if o[i].Code != d.Code || o[i].flags&flagNever != 0 {
			continue
		}
		if err := o[i].Err(); err != nil {
			return nil, false, err
		}
		return o[i].Data, true, nil
	}
	return nil, false, nil
}

// free returns what a payload can be appended to.
func (a *Arena) free() []byte {
	if a == nil {
		return nil
	}
	return a.buf
}

// made completes NewIn: p[start:] is the payload unless err is set.
func (d *Definition) made(a *Arena, start int, p []byte, err error) Option {
	if err == nil && len(p)-start > MaxLen {
		err = errTooLong
	}
	if err == nil && len(p) < start {
		err = errBadRead
	}
	if err != nil {
		return d.invalid(err)
	}
	if a != nil {
		a.buf = p
	}
	return Option{Code: d.Code, Data: p[start:len(p):len(p)]}
}

// An EmptyDef is the definition of an option without payload, which is there
// or not. Its methods are safe for concurrent use.
type EmptyDef struct{ Definition }

// DefineEmpty makes the definition of an option without payload.
func DefineEmpty(d Definition) EmptyDef { return EmptyDef{d} }

// New makes the option.
func (d *EmptyDef) New() Option { return Option{Code: d.Code} }

// Get reports whether the option is in o. If it has a payload, ok is false and
// err a *[ValueError].
func (d *EmptyDef) Get(o Options) (ok bool, err error) {
	p, ok, err := d.find(o)
	if len(p) > 0 {
		return false, d.valueError(0, errHasValue)
	}
	return ok, err
}
