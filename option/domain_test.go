package option

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSearchListIsCompressed(t *testing.T) {
	for _, tc := range []struct {
		names []string
		want  string
	}{
		{[]string{"a.example", "b.example."}, "0161076578616d706c6500 0162c002"},
		// The example of RFC 3397, section 2.
		{[]string{"eng.apple.com.", "marketing.apple.com."}, "03656e67056170706c6503636f6d00 096d61726b6574696e67c004"},
		{[]string{"a.b", "a.b"}, "0161016200 c000"},
		// No pointer leads to a pointer: a.b of c.a.b is written again.
		{[]string{"b", "a.b", "c.a.b"}, "016200 0161c000 01630161c000"},
		{[]string{"Foo.Example", "a.example"}, "03466f6f074578616d706c6500 0161076578616d706c6500"},
		{[]string{"."}, "00"},
		{[]string{".", "a", "."}, "00 016100 00"},
		{[]string{`a\.b.c\\\032\000`, `\097`}, "03612e6204635c200000 016100"},
	} {
		o := DomainSearch.New(tc.names...)
		if err := o.Err(); err != nil {
			t.Errorf("%q: %v", tc.names, err)
		}
		if got, want := hex.EncodeToString(o.Data), strings.ReplaceAll(tc.want, " ", ""); got != want {
			t.Errorf("%q: got %v, want %v", tc.names, got, want)
		}
	}
}

func TestSearchListIsReadWithCompression(t *testing.T) {
	label63 := "3f" + strings.Repeat("78", 63)
	pointers := func(n int) string { // a name, then n pointers each to the one before
		p := []byte{1, 'a', 0}
		for at := 0; n > 0; n-- {
			p = append(p, 0xc0|byte(at>>8), byte(at))
			at = len(p) - 2
		}
		return hex.EncodeToString(p)
	}
	for _, tc := range []struct {
		name, payload string
		want          []string
		err           string
	}{
		{"RFC 3397", "03656e67056170706c6503636f6d00096d61726b6574696e67c004", []string{"eng.apple.com", "marketing.apple.com"}, ""},
		{"uncompressed", "01610162000163016400", []string{"a.b", "c.d"}, ""},
		{"root", "00", []string{"."}, ""},
		{"escapes", "03612e5c 03ff2000 00", []string{`a\.\\.\255\032\000`}, ""},
		{"pointer into a name", "02616100 c000 0162c000", []string{"aa", "aa", "b.aa"}, ""},
		{"longest name", label63 + label63 + label63 + "3d" + strings.Repeat("79", 61) + "00", []string{strings.Repeat(strings.Repeat("x", 63)+".", 3) + strings.Repeat("y", 61)}, ""},
		{"name of 256 octets", label63 + label63 + label63 + "3e" + strings.Repeat("79", 62) + "00", nil, "offset 0: domain name is longer than 255 octets"},
		{"pointer to itself", "c000", nil, "offset 0: compression pointer does not lead back"},
		{"pointer to its own name", "0161c000", nil, "offset 0: compression pointer does not lead back"},
		{"pointer ahead", "c002016100", nil, "offset 0: compression pointer does not lead back"},
		{"pointer ahead after one back", "016100 0162c005", nil, "offset 3: compression pointer does not lead back"},
		{"two pointers that chase each other", "0161c004 0162c000", nil, "offset 0: compression pointer does not lead back"},
		{"half a pointer", "016100c0", nil, "offset 3: domain name goes on after the end"},
		{"pointer past the end", "016100c0ff", nil, "offset 3: compression pointer does not lead back"},
		{"no end", "0161", nil, "offset 0: domain name goes on after the end"},
		{"label past the end", "0561", nil, "offset 0: domain name goes on after the end"},
		{"label type", "4161", nil, "offset 0: domain name has a label of unknown type"},
		{"many pointers", pointers(200), nil, "offset 257: domain name has too many compression pointers"},
		{"no names", "", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok, err := DomainSearch.Get(Options{{Code: 119, Data: unhex(tc.payload)}})
			if tc.err != "" {
				if want := "domain-search (119): " + tc.err; ok || err == nil || err.Error() != want {
					t.Errorf("got %q, %v\nwant %v", got, err, want)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%v", err, diff)
			}
		})
	}
}

func TestBadNamesAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"":                              "domain name has an empty label",
		"a..b":                          "domain name has an empty label",
		".a":                            "domain name has an empty label",
		"..":                            "domain name has an empty label",
		"a..":                           "domain name has an empty label",
		strings.Repeat("a", 64):         "domain name has a label of more than 63 octets",
		strings.Repeat("a.", 127) + "b": "domain name is longer than 255 octets",
		"a b":                           string(errNameChar),
		"bücher.example":                string(errNameChar),
		`a\`:                            string(errEscape),
		`a\25`:                          string(errEscape),
		`a\256`:                         string(errEscape),
		`a\2x5`:                         string(errEscape),
		"a\\\x01":                       string(errEscape),
	} {
		o := DomainSearch.New("ok.example", name)
		if err := o.Err(); err == nil || err.Error() != "domain-search (119): value 1: "+want {
			t.Errorf("%q: got %v, want %v", name, err, want)
		}
	}
	if err := DomainSearch.New(strings.Repeat("a.", 127)).Err(); err != nil {
		t.Error("127 labels of one octet:", err)
	}
}

func TestUncompressedNameRefusesPointers(t *testing.T) {
	lost := Define(Definition{Space: "dhcp4", Name: "v4-lost", Code: 137, Kind: KindFQDN}, &FQDN)
	if o := lost.New("a.example."); string(o.Data) != "\x01a\x07example\x00" {
		t.Error(o)
	}
	if v, ok, err := lost.Get(Options{lost.New("a.example.")}); v != "a.example" || !ok || err != nil {
		t.Error(v, ok, err)
	}
	if _, ok, err := lost.Get(Options{{Code: 137, Data: unhex("0161c000")}}); ok || err == nil || !strings.HasSuffix(err.Error(), string(errPointer)) {
		t.Error(ok, err)
	}
}

// referenceName reads a name as RFC 1035 tells it, by recursion and without a
// thought for cost. depth bounds it.
func referenceName(p []byte, off, depth int) (labels []string, ok bool) {
	switch {
	case off >= len(p) || depth > 300:
		return nil, false
	case p[off] == 0:
		return nil, true
	case p[off] >= 0xc0:
		if off+1 >= len(p) {
			return nil, false
		}
		return referenceName(p, int(p[off]&0x3f)<<8|int(p[off+1]), depth+1)
	case p[off] > 63 || off+1+int(p[off]) > len(p):
		return nil, false
	}
	end := off + 1 + int(p[off])
	rest, ok := referenceName(p, end, depth+1)
	return append([]string{string(appendLabelText(nil, p[off+1:end]))}, rest...), ok
}

func TestNamesReadAsTheReferenceDoes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	words := []string{"a", "b", "www", "example", "Example", "com", "x-y", `\.`, `\000`, `\\`}
	for range 2000 {
		names := make([]string, rnd.IntN(12))
		for i := range names {
			labels := make([]string, 1+rnd.IntN(4))
			for j := range labels {
				labels[j] = words[rnd.IntN(len(words))]
			}
			names[i] = strings.Join(labels, ".")
		}
		o := DomainSearch.New(names...)
		if err := o.Err(); err != nil {
			t.Fatal(err)
		}
		for off, i := 0, 0; i < len(names); i++ {
			got, end, err := readName(o.Data, off, true)
			labels, ok := referenceName(o.Data, off, 0)
			if want := strings.Join(labels, "."); err != nil || !ok || got != names[i] || want != names[i] {
				t.Fatalf("%q in %x at %d: got %q, %v, reference %q", names[i], o.Data, off, got, err, want)
			}
			off = end
		}
	}
}

func TestLongSearchListStaysWithinPointerReach(t *testing.T) {
	var names []string
	for i := range 600 { // some 30 KB before a name stands again that began beyond 16 KB
		names = append(names, strings.Repeat(string(rune('a'+i%26)), 25)+"."+strings.Repeat(string(rune('a'+i/26)), 25))
	}
	names = append(names, names...)
	o := DomainSearch.New(names...)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	got, _, err := DomainSearch.Get(Options{o})
	if diff := cmp.Diff(names, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// Names without escapes are written 8 octets at a time; the general way is
// slower and has to agree, in the errors too.
func TestFastNamesAreAsTheSlowOnes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const usual, unusual = "abcxyz", "-09AZ_[]!~.\\\x00 \x7f\x80\xff"
	right, wrong := 0, 0
	for range 20_000 {
		var name []byte
		labels, shortest, sizes, often := 1+r.IntN(6), 0, 12, 40
		if r.IntN(4) == 0 { // both limits are near
			labels, shortest, sizes, often = 4, 60, 5, 1000
		}
		for label := range labels {
			if label > 0 {
				name = append(name, '.')
			}
			for range shortest + r.IntN(sizes) {
				if r.IntN(often) == 0 {
					name = append(name, unusual[r.IntN(len(unusual))])
				} else {
					name = append(name, usual[r.IntN(len(usual))])
				}
			}
		}
		if r.IntN(8) == 0 {
			name = append(name, '.')
		}
		dst := append(make([]byte, 0, 4+r.IntN(300)), "dst"...)
		fast, fastErr := appendName(dst, string(name))
		fast = bytes.Clone(fast)
		slow, slowErr := appendAnyName(dst, string(name))
		if !bytes.Equal(fast, slow) || fastErr != slowErr {
			t.Fatalf("%q: %x, %v; slowly %x, %v", name, fast, fastErr, slow, slowErr)
		}
		if fastErr == nil {
			right++
		} else {
			wrong++
		}
	}
	if right < 1000 || wrong < 1000 {
		t.Errorf("%d right and %d wrong names", right, wrong)
	}
}

func TestRoutesAreMaskedToTheirLength(t *testing.T) {
	router := addr("192.0.2.1")
	for length := range 33 {
		p := netip.PrefixFrom(addr("255.255.255.255"), length)
		o := ClasslessStaticRoute.New(Route{p, router})
		want := append([]byte{byte(length)}, p.Masked().Addr().AsSlice()[:(length+7)/8]...)
		want = append(want, router.AsSlice()...)
		if diff := cmp.Diff(want, o.Data); diff != "" || o.Err() != nil {
			t.Errorf("/%d: %v\n%s", length, o.Err(), diff)
		}
	}
}
