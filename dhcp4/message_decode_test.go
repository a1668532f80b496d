package dhcp4

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// rawMessage is a packet with something in every field of the fixed header
// but sname and file, and these octets behind the magic cookie.
func rawMessage(options ...byte) []byte {
	p := []byte{
		1, 1, 6, 3, // op, htype, hlen, hops
		1, 2, 3, 4, // xid
		5, 6, 0x80, 0, // secs, flags
		10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3, 10, 0, 0, 4, // ciaddr, yiaddr, siaddr, giaddr
		0x00, 0x0c, 0x29, 0xaa, 0xbb, 0xcc, // chaddr
	}
	p = append(p, make([]byte, 236-len(p))...)
	p = append(p, 99, 130, 83, 99)
	return append(p, options...)
}

// withFields returns rawMessage with its sname and file fields set.
func withFields(sname, file string, options ...byte) []byte {
	p := rawMessage(options...)
	copy(p[44:108], sname)
	copy(p[108:236], file)
	return p
}

// rawWant is what rawMessage says, with these options.
func rawWant(options ...option.Option) *Message {
	m := testMessage()
	m.SName, m.File, m.Options = nil, nil, options
	return m
}

func TestUnmarshalRejects(t *testing.T) {
	for _, tt := range []struct {
		name   string
		packet []byte
		want   ParseError
	}{
		{"nothing", nil, ParseError{Offset: 0, Reason: "message ends within the fixed header"}},
		{"a cut header", rawMessage()[:239], ParseError{Offset: 239, Reason: "message ends within the fixed header"}},
		{"no magic cookie", slices.Replace(rawMessage(255), 239, 240, 100), ParseError{Offset: 236, Reason: "no magic cookie"}},
		{"hlen 17", slices.Replace(rawMessage(255), 2, 3, 17), ParseError{Offset: 2, Reason: "hardware address longer than 16 octets"}},
		{"hlen 255", slices.Replace(rawMessage(255), 2, 3, 255), ParseError{Offset: 2, Reason: "hardware address longer than 16 octets"}},
		{
			"an option that overruns file", withFields("", "\x0c\x01a\x0f\x7d", 52, 1, 1, 255),
			ParseError{Offset: 111, Code: 15, Reason: "option runs past the end of the file or sname field"},
		},
		{
			"an option that overruns sname", withFields(strings.Repeat("\x00", 63)+"\x0c", "", 52, 1, 2, 255),
			ParseError{Offset: 107, Code: 12, Reason: "option runs past the end of the file or sname field"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := testMessage()
			err := m.Unmarshal(tt.packet)
			var got *ParseError
			if !errors.As(err, &got) {
				t.Fatalf("Unmarshal: %v, want a *ParseError", err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if !m.Equal(&Message{}) {
				t.Errorf("after the error m is %v, want empty", m)
			}
		})
	}
}

func TestParseErrorNamesOffsetAndOption(t *testing.T) {
	got := (&ParseError{Offset: 111, Code: 15, Reason: "bad"}).Error()
	if want := "dhcp4: parse message: bad at offset 111, option domain-name (15)"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	got = (&ParseError{Offset: 2, Reason: "bad"}).Error()
	if want := "dhcp4: parse message: bad at offset 2"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestUnmarshalTolerates(t *testing.T) {
	for _, tt := range []struct {
		name   string
		packet []byte
		want   *Message
	}{
		{"an ordinary message", rawMessage(53, 1, 1, 12, 1, 'a', 255), rawWant(opt(53, 1), opt(12, 'a'))},
		{"no options and no End", rawMessage(), rawWant()},
		{"missing End", rawMessage(53, 1, 1), rawWant(opt(53, 1))},
		{"garbage after End", rawMessage(53, 1, 1, 255, 12, 200, 'x'), rawWant(opt(53, 1))},
		{"a last option without length", rawMessage(53, 1, 1, 12), rawWant(opt(53, 1))},
		{"a last option that is cut off", rawMessage(53, 1, 1, 12, 3, 'a', 'b'), rawWant(opt(53, 1))},
		{"Pad anywhere", rawMessage(0, 0, 53, 1, 1, 0, 12, 1, 'a', 0, 0, 255, 0), rawWant(opt(53, 1), opt(12, 'a'))},
		{"options without payload", rawMessage(12, 0, 53, 1, 1, 60, 0, 255), rawWant(opt(12), opt(53, 1), opt(60))},
		{"a NUL-terminated string", rawMessage(12, 2, 'a', 0, 255), rawWant(opt(12, 'a', 0))},
		{"a client id of one octet", rawMessage(61, 1, 7, 255), rawWant(opt(61, 7))},
		{"an unknown op", slices.Replace(rawMessage(255), 0, 1, 77), func() *Message { m := rawWant(); m.Op = 77; return m }()},
		{"all flags", slices.Replace(rawMessage(255), 10, 12, 0xff, 0xff), func() *Message { m := rawWant(); m.Flags = 0xffff; return m }()},
		{"hlen 0", slices.Replace(rawMessage(255), 2, 3, 0), func() *Message { m := rawWant(); m.HardwareAddr = lease.HardwareAddr{}; return m }()},
		{
			"hlen 16", slices.Replace(rawMessage(255), 1, 3, 32, 16),
			func() *Message {
				m := rawWant()
				m.HType = 32
				m.HardwareAddr = lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc:00:00:00:00:00:00:00:00:00:00")
				return m
			}(),
		},
		{
			"sname and file without NUL", withFields(strings.Repeat("s", 64), strings.Repeat("f", 128), 255),
			func() *Message {
				m := rawWant()
				m.SName, m.File = bytes.Repeat([]byte("s"), 64), bytes.Repeat([]byte("f"), 128)
				return m
			}(),
		},
		{
			"garbage behind the NUL of sname and file", withFields("srv\x00\xff", "boot\x00\x0c\xff", 255),
			func() *Message { m := rawWant(); m.SName, m.File = []byte("srv"), []byte("boot"); return m }(),
		},
		{
			"option 52 of two octets", withFields("srv", "boot", 52, 2, 1, 1, 255),
			func() *Message { m := rawWant(); m.SName, m.File = []byte("srv"), []byte("boot"); return m }(),
		},
		{
			"option 52 with an unknown value", withFields("srv", "boot", 52, 1, 4, 255),
			func() *Message { m := rawWant(); m.SName, m.File = []byte("srv"), []byte("boot"); return m }(),
		},
		{
			"option 52 that is empty", withFields("srv", "boot", 52, 0, 255),
			func() *Message { m := rawWant(); m.SName, m.File = []byte("srv"), []byte("boot"); return m }(),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := testMessage() // what it held before must not show
			if err := m.Unmarshal(tt.packet); err != nil {
				t.Fatal(err)
			}
			if diff := diffMessage(tt.want, m); diff != "" {
				if len(tt.want.Options) == 0 && len(m.Options) == 0 {
					tt.want.Options = m.Options // nil or not, both are none
					diff = diffMessage(tt.want, m)
				}
				if diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestUnmarshalReadsOverloadedFields(t *testing.T) {
	for _, tt := range []struct {
		name   string
		packet []byte
		want   *Message
	}{
		{
			"file", withFields("srv", "\x0f\x01d\xff\x0c\x01x", 53, 1, 1, 52, 1, 1, 255),
			func() *Message { m := rawWant(opt(53, 1), opt(15, 'd')); m.SName = []byte("srv"); return m }(),
		},
		{
			"sname", withFields("\x0f\x01d\xff", "boot", 52, 1, 2, 53, 1, 1, 255),
			func() *Message { m := rawWant(opt(53, 1), opt(15, 'd')); m.File = []byte("boot"); return m }(),
		},
		{"file before sname", withFields("\x0c\x01s\xff", "\x0f\x01f\xff", 52, 1, 3, 255), rawWant(opt(15, 'f'), opt(12, 's'))},
		{"fields without End", withFields("", "\x0f\x7efile", 52, 1, 1), rawWant(opt(15, append([]byte("file"), make([]byte, 122)...)...))},
		{"a field that is used to its last octet", withFields("\x00\x00\x0c\x3cs", "", 52, 1, 2), rawWant(opt(12, append([]byte("s"), make([]byte, 59)...)...))},
		{"option 52 in the file field", withFields("s", "\x34\x01\x03\xff", 52, 1, 1, 255), func() *Message { m := rawWant(); m.SName = []byte("s"); return m }()},
		{
			"an option split over all fields", withFields("\x0c\x02ef\x0d\x00\xff", "\x0c\x02cd\xff", 12, 2, 'a', 'b', 52, 1, 3, 53, 1, 1, 255),
			rawWant(optText(12, "abcdef"), opt(53, 1), opt(13)),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m Message
			if err := m.Unmarshal(tt.packet); err != nil {
				t.Fatal(err)
			}
			if !m.Equal(tt.want) {
				t.Errorf("(-want +got):\n%s", diffMessage(tt.want, &m))
			}
		})
	}
}

func TestUnmarshalJoinsSplitOptionsInOrder(t *testing.T) {
	for _, tt := range []struct {
		name   string
		packet []byte
		want   *Message
	}{
		{"two parts", rawMessage(12, 1, 'a', 53, 1, 1, 12, 2, 'b', 'c', 255), rawWant(optText(12, "abc"), opt(53, 1))},
		{"interleaved", rawMessage(1, 1, 'a', 2, 1, 'b', 1, 1, 'c', 2, 1, 'd', 3, 0, 1, 1, 'e', 255), rawWant(optText(1, "ace"), optText(2, "bd"), opt(3))},
		{"empty parts", rawMessage(12, 0, 12, 0, 60, 0, 60, 1, 'x', 60, 0, 255), rawWant(opt(12), opt(60, 'x'))},
		{"a last part that is cut off", rawMessage(12, 1, 'a', 12, 1, 'b', 12, 9, 'c'), rawWant(optText(12, "ab"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m Message
			for range 2 { // the second time with the scratch of the first
				if err := m.Unmarshal(tt.packet); err != nil {
					t.Fatal(err)
				}
				if !m.Equal(tt.want) {
					t.Errorf("(-want +got):\n%s", diffMessage(tt.want, &m))
				}
			}
		})
	}
}

// Appending to a payload must change neither the packet nor another payload.
func TestPayloadsHaveNoSpareCapacity(t *testing.T) {
	packet := withFields("srv\x00x", "boot\x00x", 12, 1, 'a', 60, 1, 'b', 12, 1, 'c', 61, 1, 'd', 61, 1, 'e', 255)
	before := bytes.Clone(packet)
	var m Message
	if err := m.Unmarshal(packet); err != nil {
		t.Fatal(err)
	}
	want := m.Clone()
	for _, b := range [][]byte{m.SName, m.File, m.Options[0].Data, m.Options[1].Data, m.Options[2].Data} {
		_ = append(b, 0xee)
	}
	if !bytes.Equal(before, packet) || !m.Equal(want) {
		t.Errorf("append to a payload wrote into its neighbour: %v", &m)
	}
}

func TestUnmarshalSetsValidAddresses(t *testing.T) {
	packet := rawMessage(255)
	clear(packet[12:28])
	var m Message
	if err := m.Unmarshal(packet); err != nil {
		t.Fatal(err)
	}
	for _, a := range []netip.Addr{m.CIAddr, m.YIAddr, m.SIAddr, m.GIAddr} {
		if !a.Is4() || !a.IsUnspecified() {
			t.Errorf("address is %v, want 0.0.0.0", a)
		}
	}
}

// A packet that consists of split options alone is the dearest to join; it
// must not cost more than a walk over it.
func TestHostilePacketIsJoinedInLinearMemory(t *testing.T) {
	packet := rawMessage()
	for len(packet)+2 <= maxLen {
		packet = append(packet, uint8(1+len(packet)%51), 0)
	}
	var m Message
	if err := m.Unmarshal(packet); err != nil {
		t.Fatal(err)
	}
	if len(m.Options) > 254 || cap(m.scratch) > len(packet) {
		t.Errorf("%d options and %d octets of scratch", len(m.Options), cap(m.scratch))
	}
}
