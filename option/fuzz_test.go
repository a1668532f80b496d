package option

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var equate = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
	cmpopts.EquateEmpty(),
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
	if diff := cmp.Diff(v, again, equate); diff != "" {
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
	if diff := cmp.Diff(vs, all, equate); diff != "" {
		t.Fatalf("%s: Get and All differ: %s", d.Name, diff)
	}
	made := d.New(vs...)
	again, ok2, err := d.Get(Options{made})
	if !ok || !ok2 || err != nil {
		t.Fatalf("%s: %x is %v, which becomes %v: %v", d.Name, payload, vs, made, err)
	}
	if diff := cmp.Diff(vs, again, equate); diff != "" {
		t.Fatalf("%s: %x, again %x: %s", d.Name, payload, made.Data, diff)
	}
}

// FuzzGet reads any octets as every type of value.
func FuzzGet(f *testing.F) {
	for _, s := range []string{
		"", "01", "c0a80101", "c0a80101c0a80102", "ffffffff", "7765620000", "0103063377", "01000c29aabbcc",
		"01036574680504c0000201", "00000102aabb00ff0102", "080ac0a80101190ae50080c0a80102",
		"03656e67056170706c6503636f6d00096d61726b6574696e67c004", "c000", "016100c000", "03612e5c03ff200000",
	} {
		f.Add(unhex(s))
	}
	search := DefineList(Definition{Name: "uncompressed", Code: 88}, &FQDN)
	offset := Define(Definition{Name: "offset", Code: 2}, &Int32)
	number := Define(Definition{Name: "number", Code: 35}, &Uint32)
	flag := Define(Definition{Name: "flag", Code: 19}, &Bool)
	f.Fuzz(func(t *testing.T, p []byte) {
		survives(t, &SubnetMask, p)
		survives(t, &HostName, p)
		survives(t, &InterfaceMTU, p)
		survives(t, &DHCPLeaseTime, p)
		survives(t, &DHCPMessageType, p)
		survives(t, &DHCPClientIdentifier, p)
		survives(t, &offset, p)
		survives(t, &number, p)
		survives(t, &flag, p)
		listSurvives(t, &Routers, p)
		listSurvives(t, &DHCPParameterRequestList, p)
		listSurvives(t, &VendorEncapsulatedOptions, p)
		listSurvives(t, &DHCPAgentOptions, p)
		listSurvives(t, &DomainSearch, p)
		listSurvives(t, &search, p)
		listSurvives(t, &ClasslessStaticRoute, p)
	})
}

// textDefinitions has every kind alone, in an array and in a record.
func textDefinitions() (defs []*Definition) {
	for k := KindEmpty; k < KindRecord; k++ {
		defs = append(defs, custom(k, false), custom(k, true), custom(KindRecord, false, KindUint8, k), custom(KindRecord, true, KindTuple, k))
	}
	return append(defs, &ClasslessStaticRoute.Definition,
		custom(KindRecord, true, KindBoolean, KindInt16, KindIPv6Prefix, KindPSID, KindFQDN, KindTuple))
}

// FuzzText turns payload into text and back, for every kind.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"", "00", "01", "02615c000163", "c0a80101c0a80102", "2120010db800", "043000", "05612c625c2c", "612c62", "5c", "20",
		"080ac0a80101190ae50080c0a80102", "0161076578616d706c65000162c002", "0161", "00000000000000000000ffff01020304", "780000000000000000000000ffff010203",
	} {
		f.Add(unhex(s), "")
	}
	f.Add([]byte(nil), `1, a\,b`)
	f.Add([]byte(nil), "10.0.0.0/8 - 192.0.2.1")
	defs := textDefinitions()
	f.Fuzz(func(t *testing.T, payload []byte, text string) {
		for _, d := range defs {
			if p, err := d.AppendText(nil, text); err == nil {
				payloadSurvivesText(t, d, p)
			}
			payloadSurvivesText(t, d, payload)
		}
	})
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
	return d.Kind == KindFQDN || d.Kind == KindInternal || bytes.IndexByte(kindBytes(d.Fields), byte(KindFQDN)) >= 0
}

func kindBytes(ks []Kind) (b []byte) {
	for _, k := range ks {
		b = append(b, byte(k))
	}
	return b
}
