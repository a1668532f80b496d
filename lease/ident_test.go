package lease_test

import (
	"encoding"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

var (
	_ encoding.TextAppender    = lease.HardwareAddr{}
	_ encoding.TextMarshaler   = lease.HardwareAddr{}
	_ encoding.TextUnmarshaler = (*lease.HardwareAddr)(nil)
	_ encoding.BinaryAppender  = lease.HardwareAddr{}
	_ encoding.TextAppender    = lease.ClientID{}
	_ encoding.TextMarshaler   = lease.ClientID{}
	_ encoding.TextUnmarshaler = (*lease.ClientID)(nil)
)

func TestParseIdentifiers(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want string // what String returns
		err  string // part of it
	}{
		{in: ""},
		{in: "00:0c:29:aa:bb:cc", want: "00:0c:29:aa:bb:cc"},
		{in: "00-0C-29-AA-BB-CC", want: "00:0c:29:aa:bb:cc"},
		{in: "0:c:29:a:b:C", want: "00:0c:29:0a:0b:0c"},
		{in: "ff", want: "ff"},
		{in: strings.Repeat("ab:", 19) + "ab", want: strings.Repeat("ab:", 19) + "ab"},
		{in: "00:0c-29", err: "separator at offset 5"},
		{in: "000c29aabbcc", err: "separator at offset 2"},
		{in: "00.0c", err: "separator at offset 2"},
		{in: "00:", err: "digit at offset 3"},
		{in: ":00", err: "digit at offset 0"},
		{in: "00::0c", err: "digit at offset 3"},
		{in: "0g", err: "separator at offset 1"},
		{in: " 00", err: "digit at offset 0"},
		{in: "00 ", err: "separator at offset 2"},
		{in: "é", err: "digit at offset 0"},
	} {
		h, herr := lease.ParseHardwareAddr(tc.in)
		c, cerr := lease.ParseClientID(tc.in)
		for what, err := range map[string]error{"hardware address": herr, "client identifier": cerr} {
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), what)) {
				t.Errorf("%s %q: error %v, want %q", what, tc.in, err, tc.err)
			}
		}
		if h.String() != tc.want || c.String() != tc.want {
			t.Errorf("%q is read as %v and %v, want %v", tc.in, h, c, tc.want)
		}
		if h.IsZero() != (tc.want == "") || c.IsZero() != (tc.want == "") {
			t.Errorf("%q: IsZero is %v and %v", tc.in, h.IsZero(), c.IsZero())
		}
	}
}

func TestIdentifiersHaveLimits(t *testing.T) {
	if _, err := lease.ParseHardwareAddr(strings.Repeat("0:", 20) + "0"); err == nil || !strings.Contains(err.Error(), "more than 20 octets") {
		t.Errorf("hardware address of 21 octets: %v", err)
	}
	if _, err := lease.ParseClientID(strings.Repeat("0:", 255) + "0"); err == nil || !strings.Contains(err.Error(), "more than 255 octets") {
		t.Errorf("client identifier of 256 octets: %v", err)
	}
	if c, err := lease.ParseClientID(strings.Repeat("0:", 254) + "0"); err != nil || len(c.Octets()) != 255 {
		t.Errorf("client identifier of 255 octets: %v, %v", c, err)
	}
	if h, ok := lease.HardwareAddrFrom(make([]byte, 21)); ok || !h.IsZero() {
		t.Errorf("HardwareAddrFrom 21 octets: %v, %v", h, ok)
	}
	if h, ok := lease.HardwareAddrFrom(make([]byte, 20)); !ok || h.Len() != 20 {
		t.Errorf("HardwareAddrFrom 20 octets: %v, %v", h, ok)
	}
}

func TestIdentifiersAreValues(t *testing.T) {
	octets := []byte{0, 1, 2}
	h, _ := lease.HardwareAddrFrom(octets)
	c := lease.ClientIDFrom(octets)
	octets[0] = 9
	if got, _ := h.AppendBinary([]byte("x")); string(got) != "x\x00\x01\x02" || c.Octets() != "\x00\x01\x02" {
		t.Errorf("identifiers changed with the bytes they were made from: %q, %q", got, c.Octets())
	}
	longer, _ := lease.HardwareAddrFrom([]byte{0, 1, 2, 0})
	if h.Equal(longer) || !h.Equal(lease.MustParseHardwareAddr("0:1:2")) {
		t.Errorf("%v, %v and 0:1:2 are not compared by their octets", h, longer)
	}
	if !c.Equal(lease.MustParseClientID("0:1:2")) || c.Equal(lease.ClientID{}) {
		t.Errorf("%v is not compared by its octets", c)
	}
}

func TestUnmarshalTextKeepsValueOnError(t *testing.T) {
	h, c := lease.MustParseHardwareAddr("1:2"), lease.MustParseClientID("3:4")
	if err := h.UnmarshalText([]byte("zz")); err == nil || h.String() != "01:02" {
		t.Errorf("after a bad text: %v, %v", h, err)
	}
	if err := c.UnmarshalText([]byte("zz")); err == nil || c.String() != "03:04" {
		t.Errorf("after a bad text: %v, %v", c, err)
	}
}

func TestMustParsePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"hardware address":  func() { lease.MustParseHardwareAddr("x") },
		"client identifier": func() { lease.MustParseClientID("x") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("no panic for a bad %s", name)
				}
			}()
			f()
		}()
	}
}

func FuzzParseHardwareAddr(f *testing.F) {
	for _, s := range []string{"", "00:0c:29:aa:bb:cc", "0-1-2", "00:0c-29", "1", strings.Repeat("f:", 20)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := lease.ParseHardwareAddr(s)
		if err != nil {
			if !h.IsZero() {
				t.Fatalf("%q: %v with an error", s, h)
			}
			return
		}
		again, err := lease.ParseHardwareAddr(h.String())
		if diff := cmp.Diff(h, again); err != nil || diff != "" {
			t.Fatalf("%q: %v, %s", s, err, diff)
		}
		text, _ := h.MarshalText()
		var u lease.HardwareAddr
		if err := u.UnmarshalText(text); err != nil || u != h {
			t.Fatalf("%q: %v, %v from text", s, u, err)
		}
		if octets, _ := h.AppendBinary(nil); len(octets) != h.Len() || h.IsZero() != (s == "") {
			t.Fatalf("%q: %d octets, Len %d", s, len(octets), h.Len())
		}
	})
}

func FuzzParseClientID(f *testing.F) {
	for _, s := range []string{"", "01:00:0c:29:aa:bb:cc", "ff-0-1", "00:0c-29", strings.Repeat("f:", 255)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := lease.ParseClientID(s)
		if err != nil {
			if !c.IsZero() {
				t.Fatalf("%q: %v with an error", s, c)
			}
			return
		}
		again, err := lease.ParseClientID(c.String())
		if diff := cmp.Diff(c, again); err != nil || diff != "" {
			t.Fatalf("%q: %v, %s", s, err, diff)
		}
		if from := lease.ClientIDFrom([]byte(c.Octets())); from != c || len(c.Octets()) > 255 {
			t.Fatalf("%q: %v from %d octets", s, from, len(c.Octets()))
		}
	})
}
