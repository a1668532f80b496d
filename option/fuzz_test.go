package option

import (
	"bytes"
	"net/netip"
	"reflect"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var equate = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
	cmpopts.EquateEmpty(),
}

// difference is cmp.Diff, which it calls when it must only: its coverage
// differs from run to run, and a fuzzer that sees that spends its time on it.
func difference(x, y any) string {
	if reflect.DeepEqual(x, y) {
		return ""
	}
	return cmp.Diff(x, y, equate)
}

// survives checks that what Get makes of payload, New turns into a payload of
// which Get makes the same.
func survives[T any](t *testing.T, d *Def[T], payload []byte) {
	v, ok, err := d.Get(Options{{Code: d.Code, Data: payload}})
	if err != nil {
		return
	}
	o := d.New(v)
	again, ok2, err := d.Get(Options{o})
	if !ok || !ok2 || err != nil {
		t.Fatalf("%s: %x is %v, which becomes %v: %v", d.Name, payload, v, o, err)
	}
	if diff := difference(v, again); diff != "" {
		t.Fatalf("%s: %x, again %x: %s", d.Name, payload, o.Data, diff)
	}
}

func listSurvives[E any](t *testing.T, d *ListDef[E], payload []byte) {
	o := Options{{Code: d.Code, Data: payload}}
	vs, ok, err := d.Get(o)
	var all []E
	var allErr error
	for v, err := range d.All(o) {
		if allErr = err; err == nil {
			all = append(all, v)
		}
	}
	if (err == nil) != (allErr == nil) {
		t.Fatalf("%s: Get says %v, All %v", d.Name, err, allErr)
	}
	if err != nil {
		return
	}
	if diff := difference(vs, all); diff != "" {
		t.Fatalf("%s: Get and All differ: %s", d.Name, diff)
	}
	made := d.New(vs...)
	again, ok2, err := d.Get(Options{made})
	if !ok || !ok2 || err != nil {
		t.Fatalf("%s: %x is %v, which becomes %v: %v", d.Name, payload, vs, made, err)
	}
	if diff := difference(vs, again); diff != "" {
		t.Fatalf("%s: %x, again %x: %s", d.Name, payload, made.Data, diff)
	}
}

// seenOptions returns options of captures and of published packet layouts.
func seenOptions(t testing.TB) (os []Option) {
	for _, f := range readTSV(t, "seen-options.tsv") {
		code, err := strconv.ParseUint(f[0], 10, 8)
		if err != nil {
			t.Fatal(err)
		}
		os = append(os, Option{Code: Code(code), Data: unhex(f[1])})
	}
	return os
}

// maxFuzzed is the longest input that is looked at: the fuzzer tries to shorten
// what it finds in a time that grows with the square of the length.
const maxFuzzed = 600

// payloads are seeds for every definition: the payload of each of the forms.
var payloads = []string{
	"", "00", "01", "0000", "ff", "c0a80101", "c0a80101c0a80102", "ffffffff", "7765620000", "0103063377", "01000c29aabbcc",
	"01036574680504c0000201", "00000102aabb00ff0102", "0101aa0101bb000101cc", "080ac0a80101190ae50080c0a80102",
	"03656e67056170706c6503636f6d00096d61726b6574696e67c004", "c000", "016100c000", "03612e5c03ff200000",
	"01c0000201c0000202", "050000016100", "0400000161", "000000612e62", "00030011000180000001c0000201",
	"010100010203040506070800000001", "0101000000000000000900000000aabb", "000102c0000201c0000202", "000005" + "4c6f63616c",
	"00076578616d706c6500", "00000de9050461636d65", "0000118b0201000000118b01ff", "0105626f62", "00036162630001" + "61",
	"01c0000201c0000202076578616d706c6500", "04c0000201", "08043000",
	"001f00640d03646f74076578616d706c650004c000020100010004" + "03646f74", "00100064" + "0d03646f74076578616d706c6500",
	"082020010db8000000000000000000000000c0000201", "0001020018", "0100000000000000", "00726564", "000003e80000001e00000005",
}

// FuzzGet reads any octets as the value of any definition of the catalogue.
func FuzzGet(f *testing.F) {
	defs := typedDefs()
	for i, d := range defs {
		for j, s := range payloads {
			// All that it can read, and an eighth of what it cannot.
			if d.size(unhex(s)) >= 0 || i%8 == j%8 {
				f.Add(uint16(i), unhex(s))
			}
		}
		for _, o := range seenOptions(f) {
			if d.Space == "dhcp4" && d.Code == o.Code {
				f.Add(uint16(i), o.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, i uint16, p []byte) {
		if len(p) > maxFuzzed {
			return
		}
		before := bytes.Clone(p)
		d := defs[int(i)%len(defs)]
		d.survives(t, p)
		data := VendorData{Data: p}
		if subs, err := data.AppendOptions(nil); err == nil {
			if again, err := NewVendorOptions(0, subs...); err != nil {
				t.Fatalf("%x is %v: %x, %v", p, subs, again.Data, err)
			}
		}
		if classes, err := data.AppendClasses(nil); err == nil {
			if again, err := NewVendorClasses(0, classes...); err != nil || !bytes.Equal(again.Data, p) {
				t.Fatalf("%x is %x: %x, %v", p, classes, again.Data, err)
			}
		}
		if !bytes.Equal(before, p) {
			t.Fatalf("%s changes the payload %x to %x", d.Name, before, p)
		}
	})
}

// textDefinitions has the catalogue, and every kind alone, in an array and in
// a record.
func textDefinitions() (defs []*Definition) {
	for k := KindEmpty; k < KindRecord; k++ {
		encapsulating := custom(KindRecord, false, KindUint8, k)
		encapsulating.Encapsulates = "foo"
		defs = append(defs, encapsulating, custom(k, false), custom(k, true), custom(KindRecord, false, KindUint8, k), custom(KindRecord, true, KindTuple, k))
	}
	defs = append(defs, custom(KindRecord, true, KindBoolean, KindInt16, KindIPv6Prefix, KindPSID, KindFQDN, KindTuple))
	return append(defs, standard[:]...)
}

// FuzzText turns payload into text and back, and text into a payload that it
// turns so, for any definition.
func FuzzText(f *testing.F) {
	defs := textDefinitions()
	for i, d := range defs {
		if text, ok := textOf(d); ok {
			payload, _ := d.AppendText(nil, text)
			f.Add(uint16(i), payload, text)
		}
		if d.Name != "x" {
			continue
		}
		for _, s := range append(payloads, "02615c000163", "05612c625c2c", "612c62", "5c", "20", "2120010db800", "043000", "0161", "00000000000000000000ffff01020304") {
			f.Add(uint16(i), unhex(s), `1, a\,b`)
		}
	}
	for i, d := range defs {
		if d == &V4DNR.Definition {
			f.Add(uint16(i), []byte(nil), "1, a | 2")
			f.Add(uint16(i), []byte(nil), "1, a, 192.0.2.1, port=1 port=2")
		}
	}
	f.Fuzz(func(t *testing.T, i uint16, payload []byte, text string) {
		if len(payload) > maxFuzzed || len(text) > maxFuzzed {
			return
		}
		d := defs[int(i)%len(defs)]
		if p, err := d.AppendText(nil, text); err == nil {
			payloadSurvivesText(t, d, p)
		}
		payloadSurvivesText(t, d, payload)
		subOptionsSurvive(t, d, payload)
	})
}

// FuzzRawText reads any text as that of option data without csv-format.
func FuzzRawText(f *testing.F) {
	for _, s := range []string{"", "0a0b", "0x0a0b", "a:b", "0a 0b", "123", "'abc'", "''", "0a:0b 0c", "0x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := AppendRawText(nil, text)
		if err != nil {
			return
		}
		again, err := AppendRawText(nil, string(FormatRawText(nil, p)))
		if err != nil || !bytes.Equal(p, again) {
			t.Fatalf("%q is %x, again %x, %v", text, p, again, err)
		}
	})
}

func subOptionsSurvive(t *testing.T, d *Definition, payload []byte) {
	subs, own, err := d.SubOptions(nil, payload)
	if err != nil {
		return
	}
	p, err := d.AppendSubOptions(bytes.Clone(payload[:own]), subs...)
	if err != nil {
		t.Fatalf("%s: %x is %v: %v", d.Name, payload, subs, err)
	}
	again, own2, err := d.SubOptions(nil, p)
	if err != nil || own2 != own || !Options(subs).Equal(again) {
		t.Fatalf("%s: %x is %v, again %v: %v", d.Name, payload, subs, again, err)
	}
}

func payloadSurvivesText(t *testing.T, d *Definition, payload []byte) {
	text, err := d.FormatText(nil, payload)
	if err != nil {
		return
	}
	again, err := d.AppendText(nil, string(text))
	if err != nil {
		t.Fatalf("%v %v: %x is %q: %v", d.Kind, d.Fields, payload, text, err)
	}
	if bytes.Equal(payload, again) {
		return
	}
	// Compressed names and the bits beyond a prefix are not in the text; then
	// at least the text stays.
	text2, err := d.FormatText(nil, again)
	if err != nil || !bytes.Equal(text, text2) || !mayChange(d) {
		t.Fatalf("%v %v: %x is %q, which is %x, %q: %v", d.Kind, d.Fields, payload, text, again, text2, err)
	}
}

func mayChange(d *Definition) bool {
	return d.Kind == KindFQDN || d.Name == "classless-static-route" || bytes.IndexByte(kindBytes(d.Fields), byte(KindFQDN)) >= 0
}

func kindBytes(ks []Kind) (b []byte) {
	for _, k := range ks {
		b = append(b, byte(k))
	}
	return b
}
