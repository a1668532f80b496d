package dhcp4

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

func TestAppendBinaryLaysOutTheMessage(t *testing.T) {
	want := withFields("boot.example", "pxelinux.0", 53, 1, 1, 12, 3, 'l', 'a', 'p', 80, 0, 255)
	want = append(want, make([]byte, 300-len(want))...)
	got, err := testMessage().AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAppendBinaryKeepsWhatIsBefore(t *testing.T) {
	before := []byte("before")
	// What was in the spare capacity must not show.
	dst := append(make([]byte, 0, 1000), before...)
	spare := dst[len(dst):cap(dst)]
	for i := range spare {
		spare[i] = 0xee
	}
	got, err := testMessage().AppendBinary(dst)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := testMessage().AppendBinary(nil)
	if &got[0] != &dst[0] || !bytes.Equal(got[:len(before)], before) || !bytes.Equal(got[len(before):], want) {
		t.Errorf("got % x", got)
	}
}

func TestAppendBinaryEncodesNoAddressAsZeros(t *testing.T) {
	m := Message{CIAddr: netip.Addr{}, YIAddr: netip.IPv4Unspecified(), SIAddr: testAddr("::ffff:10.0.0.3")}
	got, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 3, 0, 0, 0, 0}
	if !bytes.Equal(got[12:28], want) {
		t.Errorf("addresses are % x, want % x", got[12:28], want)
	}
}

func TestAppendBinarySplitsLongOptions(t *testing.T) {
	for _, tt := range []struct {
		size  int
		parts []int
	}{
		{0, []int{0}},
		{1, []int{1}},
		{255, []int{255}},
		{256, []int{255, 1}},
		{510, []int{255, 255}},
		{511, []int{255, 255, 1}},
		{65_507 - 241 - 2*254, nil}, // the longest that fits, in 254 parts
	} {
		data := make([]byte, tt.size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		m := Message{Options: option.Options{opt(43, data...), opt(53, 5)}}
		if tt.parts == nil {
			m.Options = m.Options[:1]
		}
		packet, err := m.AppendBinary(nil)
		if err != nil {
			t.Errorf("%d octets: %v", tt.size, err)
			continue
		}
		rest := packet[240:]
		for _, n := range tt.parts {
			if rest[0] != 43 || int(rest[1]) != n {
				t.Errorf("%d octets: a part of option %d with %d octets, want 43 with %d", tt.size, rest[0], rest[1], n)
				break
			}
			rest = rest[2+n:]
		}
		if tt.parts != nil && (!bytes.HasPrefix(rest, []byte{53, 1, 5, 255}) || len(packet) > 300 && len(rest) != 4) {
			t.Errorf("%d octets: % x behind the option, want 53, End and no padding above 300 octets", tt.size, rest)
		}
		var back Message
		if err := back.Unmarshal(packet); err != nil || !back.Equal(&m) {
			t.Errorf("%d octets: decoded again it is another message (%v)", tt.size, err)
		}
	}
}

func TestEncodedLenIsWhatAppendBinaryAppends(t *testing.T) {
	for _, size := range []int{0, 1, 56, 57, 58, 255, 256, 510, 511, 40_000} {
		m := Message{Options: option.Options{opt(43, make([]byte, size)...)}}
		packet, err := m.AppendBinary(nil)
		if err != nil || m.encodedLen() != len(packet) {
			t.Errorf("%d octets: encodedLen is %d, want %d (%v)", size, m.encodedLen(), len(packet), err)
		}
	}
}

func TestAppendBinaryRefuses(t *testing.T) {
	v6 := testAddr("2001:db8::1")
	for _, tt := range []struct {
		name   string
		change func(m *Message)
		want   EncodeError
	}{
		{"IPv6 ciaddr", func(m *Message) { m.CIAddr = v6 }, EncodeError{Field: "ciaddr", Reason: "not an IPv4 address"}},
		{"IPv6 yiaddr", func(m *Message) { m.YIAddr = v6 }, EncodeError{Field: "yiaddr", Reason: "not an IPv4 address"}},
		{"IPv6 siaddr", func(m *Message) { m.SIAddr = v6 }, EncodeError{Field: "siaddr", Reason: "not an IPv4 address"}},
		{"IPv6 giaddr", func(m *Message) { m.GIAddr = netip.IPv6Unspecified() }, EncodeError{Field: "giaddr", Reason: "not an IPv4 address"}},
		{
			"chaddr of 17 octets",
			func(m *Message) { m.HardwareAddr, _ = lease.HardwareAddrFrom(make([]byte, 17)) },
			EncodeError{Field: "chaddr", Reason: "more than 16 octets"},
		},
		{"sname of 65 octets", func(m *Message) { m.SName = bytes.Repeat([]byte("s"), 65) }, EncodeError{Field: "sname", Reason: "more than 64 octets"}},
		{"file of 129 octets", func(m *Message) { m.File = bytes.Repeat([]byte("f"), 129) }, EncodeError{Field: "file", Reason: "more than 128 octets"}},
		{"sname with NUL", func(m *Message) { m.SName = []byte("a\x00b") }, EncodeError{Field: "sname", Reason: "NUL inside"}},
		{"file with NUL", func(m *Message) { m.File = []byte("a\x00") }, EncodeError{Field: "file", Reason: "NUL inside"}},
		{"Pad", func(m *Message) { m.Options[1].Code = 0 }, EncodeError{Field: "options", Reason: "not an option of its own but part of the layout"}},
		{"End", func(m *Message) { m.Options[1].Code = 255 }, EncodeError{Field: "options", Code: 255, Reason: "not an option of its own but part of the layout"}},
		{"Option Overload", func(m *Message) { m.Options[1] = opt(52, 1) }, EncodeError{Field: "options", Code: 52, Reason: "not an option of its own but part of the layout"}},
		{"Never", func(m *Message) { m.Options[1] = option.Never(6) }, EncodeError{Field: "options", Code: 6, Reason: "made by Never, which is for a configuration only"}},
		{
			"a value that New could not encode", func(m *Message) { m.Options[1] = option.Routers.New(v6) },
			EncodeError{Field: "options", Code: 3, Reason: "value 0: 2001:db8::1 is not an IPv4 address"},
		},
		{"an option twice", func(m *Message) { m.Options[2].Code = 53 }, EncodeError{Field: "options", Code: 53, Reason: "occurs twice"}},
		{
			"more than a datagram", func(m *Message) { m.Options[1] = opt(43, make([]byte, 65_507-241-2*254-3+1)...) },
			EncodeError{Field: "options", Reason: "message longer than 65,507 octets"},
		},
		{
			"much more than a datagram",
			func(m *Message) {
				for c := option.Code(100); c < 200; c++ {
					m.Options = append(m.Options, opt(c, make([]byte, 60_000)...))
				}
			},
			EncodeError{Field: "options", Reason: "message longer than 65,507 octets"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := testMessage()
			tt.change(m)
			dst := []byte("before")
			b, err := m.AppendBinary(dst)
			var got *EncodeError
			if !errors.As(err, &got) {
				t.Fatalf("AppendBinary: %v, want an *EncodeError", err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if string(b) != "before" {
				t.Errorf("dst is now %q", b)
			}
		})
	}
}

func TestEncodeErrorNamesFieldOrOption(t *testing.T) {
	got := (&EncodeError{Field: "yiaddr", Reason: "bad"}).Error()
	if want := "dhcp4: encode yiaddr: bad"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	got = (&EncodeError{Field: "options", Code: 6, Reason: "bad"}).Error()
	if want := "dhcp4: encode domain-name-servers (6): bad"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
