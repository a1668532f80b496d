package option

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// filled returns n octets, the octet i is i modulo 251.
func filled(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i % 251)
	}
	return p
}

// parts returns the lengths of the parts in a payload of sub-options.
func parts(p []byte) (lengths []int) {
	for len(p) > 0 {
		lengths = append(lengths, int(p[1]))
		p = p[2+int(p[1]):]
	}
	return lengths
}

func TestLongSubOptionIsSplitAndJoined(t *testing.T) {
	for _, tc := range []struct {
		n    int
		want []int
	}{
		{0, []int{0}}, {1, []int{1}}, {254, []int{254}}, {255, []int{255}}, {256, []int{255, 1}},
		{510, []int{255, 255}}, {511, []int{255, 255, 1}}, {1000, []int{255, 255, 255, 235}},
	} {
		sub := Option{Code: 7, Data: filled(tc.n)}
		for _, d := range []*ListDef[Option]{&DHCPAgentOptions, &VendorEncapsulatedOptions, &CableLabsClientConf} {
			o := d.New(sub, Option{Code: 8, Data: []byte{1}})
			if err := o.Err(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(tc.want, 1), parts(o.Data)); diff != "" {
				t.Errorf("%s, %d octets: %s", d.Name, tc.n, diff)
			}
			subs, ok, err := d.Get(Options{o})
			if !ok || err != nil || len(subs) != 2 || !subs[0].Equal(sub) {
				t.Errorf("%s, %d octets: %d sub-options, %v, %v", d.Name, tc.n, len(subs), ok, err)
			}
		}
		v, err := NewVendorOptions(4491, sub)
		if err != nil {
			t.Fatal(err)
		}
		data, ok, err := VIVSOSuboptions.Get(Options{VIVSOSuboptions.New(v, VendorData{1, nil})})
		if !ok || err != nil || len(data) != 2 || !bytes.Equal(data[0].Data, v.Data) {
			t.Fatal(tc.n, ok, err, len(data))
		}
		subs, err := data[0].AppendOptions(nil)
		if err != nil || len(subs) != 1 || !subs[0].Equal(sub) {
			t.Error(tc.n, err, len(subs))
		}
	}
}

func TestPartsOfSubOptionsAreJoinedSideBySide(t *testing.T) {
	for _, tc := range []struct {
		d       *ListDef[Option]
		payload string
		want    []Option
		err     string
	}{
		{&DHCPAgentOptions, "0101aa 0101bb 0200 0101cc", []Option{{Code: 1, Data: unhex("aabb")}, {Code: 2}, {Code: 1, Data: unhex("cc")}}, ""},
		{&DHCPAgentOptions, "0100 0100 0101cc", []Option{{Code: 1, Data: unhex("cc")}}, ""},
		{&DHCPAgentOptions, "0101aa 0102bb", nil, "dhcp-agent-options (82): offset 0: sub-option goes on after the end"},
		{&DHCPAgentOptions, "0101aa 01", nil, "dhcp-agent-options (82): offset 0: sub-option goes on after the end"},
		{&VendorEncapsulatedOptions, "0101aa 0000 0101bb 00 0200", []Option{{Code: 1, Data: unhex("aabb")}, {Code: 2}}, ""},
		{&VendorEncapsulatedOptions, "0101aa ff 0101bb", []Option{{Code: 1, Data: unhex("aa")}}, ""},
		{&VendorEncapsulatedOptions, "0101aa 00", []Option{{Code: 1, Data: unhex("aa")}}, ""},
	} {
		got, _, err := tc.d.Get(Options{{Code: tc.d.Code, Data: unhex(tc.payload)}})
		if tc.err != "" {
			if err == nil || err.Error() != tc.err {
				t.Errorf("%s: got %v", tc.payload, err)
			}
			continue
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", tc.payload, err, diff)
		}
	}
}

// Joining must neither change the message nor cost more than the payload.
func TestJoiningLeavesThePayload(t *testing.T) {
	payload := bytes.Repeat([]byte{1, 1, 9}, MaxLen/3)
	before := bytes.Clone(payload)
	subs, ok, err := DHCPAgentOptions.Get(Options{{Code: 82, Data: payload}})
	if !ok || err != nil || len(subs) != 1 || len(subs[0].Data) != MaxLen/3 {
		t.Fatal(len(subs), ok, err)
	}
	if !bytes.Equal(before, payload) {
		t.Error("the payload changed")
	}
}

// checkSplitting is the property that sub-options survive, whatever their
// lengths, unless two neighbours have one code.
func checkSplitting(write func(dst []byte, start int, v Option) ([]byte, error), rnd *rand.Rand) bool {
	var subs []Option
	var p []byte
	for i := range 1 + rnd.IntN(5) {
		o := Option{Code: Code(1 + i%3), Data: filled(rnd.IntN(700))}
		subs = append(subs, o)
		var err error
		if p, err = write(p, 0, o); err != nil {
			return false
		}
	}
	got, err := appendAll(nil, p, nextSubOption)
	return err == nil && Options(subs).Equal(got)
}

func TestAnySubOptionsSurviveSplitting(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		if !checkSplitting(appendSubOption, rnd) {
			t.Fatal("lost")
		}
	}
	// The check finds a length octet that wraps.
	for range 1000 {
		if !checkSplitting(func(dst []byte, _ int, v Option) ([]byte, error) {
			return append(append(dst, byte(v.Code), byte(len(v.Data))), v.Data...), nil
		}, rnd) {
			return
		}
	}
	t.Error("the planted bug was not found")
}

func TestVendorDataHoldsOptionsAndClasses(t *testing.T) {
	v, err := NewVendorOptions(4491, DOCSISORO.New(2), DOCSISTFTPServers.New(addr("192.0.2.1")))
	if err != nil || v.Enterprise != 4491 || !bytes.Equal(v.Data, unhex("010102 0204c0000201")) {
		t.Fatal(v, err)
	}
	subs, err := v.AppendOptions(nil)
	if servers, ok, err2 := DOCSISTFTPServers.Get(subs); err != nil || len(servers) != 1 || !ok || err2 != nil {
		t.Error(servers, ok, err, err2)
	}
	if _, err := NewVendorOptions(1, Never(3)); err == nil {
		t.Error("no error")
	}
	kept := []Option{{Code: 9}}
	if got, err := (VendorData{Data: unhex("0101aa 02")}).AppendOptions(kept); err == nil || len(got) != 1 {
		t.Error(got, err)
	}

	c, err := NewVendorClasses(3561, []byte("acme"), nil, []byte("x"))
	if err != nil || !bytes.Equal(c.Data, unhex("0461636d65 00 0178")) {
		t.Fatal(c, err)
	}
	classes, err := c.AppendClasses([][]byte{[]byte("first")})
	if diff := cmp.Diff([][]byte{[]byte("first"), []byte("acme"), {}, []byte("x")}, classes); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := NewVendorClasses(1, make([]byte, 256)); err == nil {
		t.Error("no error")
	}
	if got, err := (VendorData{Data: unhex("04aa")}).AppendClasses(nil); err == nil || got != nil {
		t.Error(got, err)
	}
}

func TestEncapsulatedSubOptions(t *testing.T) {
	def := func(k Kind, space string, fields ...Kind) *Definition {
		return &Definition{Space: "dhcp4", Name: "x", Code: 240, Kind: k, Fields: fields, Encapsulates: space}
	}
	one := []Option{{Code: 1, Data: unhex("aa")}}
	for _, tc := range []struct {
		d    *Definition
		own  string // payload of the option's own values
		subs []Option
		want string // the whole payload
	}{
		{def(KindEmpty, "foo"), "", one, "0101aa"},
		{def(KindEmpty, "foo"), "", nil, ""},
		{def(KindUint8, "foo"), "07", one, "07 0101aa"},
		{def(KindUint16, "foo"), "0007", one, "0007 0101aa"},
		{def(KindInt32, "foo"), "00000007", one, "00000007 0101aa"},
		{def(KindBoolean, "foo"), "01", one, "01 0101aa"},
		{def(KindIPv4Address, "foo"), "c0000201", one, "c0000201 0101aa"},
		{def(KindIPv6Address, "foo"), "20010db8000000000000000000000001", one, "20010db8000000000000000000000001 0101aa"},
		{def(KindIPv6Prefix, "foo"), "2120010db800", one, "2120010db800 0101aa"},
		{def(KindPSID, "foo"), "043000", one, "043000 0101aa"},
		{def(KindTuple, "foo"), "0161", one, "0161 0101aa"},
		{def(KindFQDN, "foo"), "016100", one, "016100 0101aa"},
		{def(KindRecord, "foo", KindUint8, KindFQDN), "07 016100", one, "07 016100 0101aa"},
		{def(KindString, "foo"), "6161", nil, "6161"},
		{def(KindBinary, "foo"), "0101aa", nil, "0101aa"},
		{&DHCPAgentOptions.Definition, "", []Option{{Code: 255, Data: []byte{1}}, {Code: 0}}, "ff0101 0000"},
		{&VendorEncapsulatedOptions.Definition, "", []Option{{Code: 9, Data: filled(256)}, {Code: 1}}, ""},
	} {
		p, err := tc.d.AppendSubOptions(unhex(tc.own), tc.subs...)
		if want := unhex(tc.want); err != nil || len(want) > 0 && !bytes.Equal(p, want) {
			t.Errorf("%s: %x, %v", tc.d.Kind, p, err)
		}
		subs, own, err := tc.d.SubOptions(nil, p)
		if err != nil || own != len(unhex(tc.own)) || !Options(subs).Equal(tc.subs) {
			t.Errorf("%s: own %d, %v, %v", tc.d.Kind, own, subs, err)
		}
	}

	kept := []Option{{Code: 9}}
	for _, tc := range []struct {
		d       *Definition
		payload string
		err     string
	}{
		{&Routers.Definition, "", "routers (3): offset 0: the option encapsulates no space"},
		{def(KindRecord, "foo"), "", "x (240): offset 0: the record has no fields"},
		{def(KindUint16, "foo"), "00", "x (240): offset 0: has 1 octets, needs 2"},
		{def(KindIPv6Prefix, "foo"), "", "x (240): offset 0: has 0 octets, needs 1"},
		{def(KindUint8, "foo"), "00 01", "x (240): offset 1: sub-option goes on after the end"},
	} {
		if subs, own, err := tc.d.SubOptions(kept, unhex(tc.payload)); err == nil || err.Error() != tc.err || len(subs) != 1 || own != 0 {
			t.Errorf("%s: %v, %d, %v", tc.payload, subs, own, err)
		}
	}
	if p, err := def(KindEmpty, "foo").AppendSubOptions([]byte{1}, one[0], Option{Code: 255}); err == nil || len(p) != 1 ||
		err.Error() != "x (240): value 1: codes 0 and 255 are not for sub-options here" {
		t.Error(p, err)
	}
	if _, err := Routers.AppendSubOptions(nil, one...); err == nil {
		t.Error("no error")
	}
	if p, err := def(KindEmpty, "foo").AppendSubOptions(nil, Option{Code: 1, Data: make([]byte, MaxLen)}); err == nil || p != nil {
		t.Error(len(p), err)
	}
}
