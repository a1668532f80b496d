package dhcp4

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// FuzzEncode: AppendBinary refuses what its documentation says, with an
// *EncodeError, and nothing else; what it writes says what the message says.
func FuzzEncode(f *testing.F) {
	four := []byte{10, 0, 0, 1}
	mac := []byte{0, 0x0c, 0x29, 0xaa, 0xbb, 0xcc}
	text := func(s string, n int) []byte { return bytes.Repeat([]byte(s), n) }
	f.Add(four, mac, []byte("srv"), []byte("boot"), []byte{53, 1, 1, 12, 3, 'l', 'a', 'p', 80, 0}, uint8(0))
	f.Add(netip.MustParseAddr("2001:db8::1").AsSlice(), mac, []byte(nil), []byte(nil), []byte{53, 1, 1}, uint8(0))
	for which := range uint8(4) {
		f.Add(text("\x20", 16), mac, []byte(nil), []byte(nil), []byte{53, 1, 1}, which<<4)
	}
	f.Add([]byte(nil), text("h", 17), []byte(nil), []byte(nil), []byte(nil), uint8(0))
	f.Add(four, mac, text("s", 65), []byte(nil), []byte(nil), uint8(0))
	f.Add(four, mac, []byte(nil), text("f", 129), []byte(nil), uint8(0))
	f.Add(four, mac, []byte("a\x00"), []byte(nil), []byte(nil), uint8(0))
	f.Add(four, mac, []byte(nil), []byte("a\x00"), []byte(nil), uint8(0))
	f.Add(four, mac, []byte(nil), []byte(nil), []byte{53, 1, 1, 53, 1, 2}, uint8(0))
	f.Add(four, mac, []byte(nil), []byte(nil), []byte{52, 1, 1}, uint8(0))
	f.Add(four, mac, []byte(nil), []byte(nil), []byte{0, 1, 1}, uint8(0))
	f.Add(four, mac, []byte(nil), []byte(nil), []byte{53, 1, 1}, uint8(addNever))
	f.Add(four, mac, []byte(nil), []byte(nil), []byte{53, 1, 1}, uint8(addInvalid))
	f.Add(four, mac, []byte(nil), []byte(nil), []byte{43, 9, 1}, uint8(addLong))
	f.Fuzz(func(t *testing.T, addr, chaddr, sname, file, options []byte, flags uint8) {
		m := fuzzedMessage(addr, chaddr, sname, file, options, flags)
		b, err := m.AppendBinary([]byte("before"))
		if n := strings.Count(string(m.AppendLines([]byte(m.String()))), "\n"); n < 1+len(m.Options) {
			t.Fatalf("%v has %d lines", m, n)
		}
		if got := err == nil; got != encodable(m) {
			t.Fatalf("error %v for %v", err, m)
		}
		if err != nil {
			var e *EncodeError
			if !errors.As(err, &e) || e.Field == "" || !strings.Contains(err.Error(), e.Reason) || string(b) != "before" {
				t.Fatalf("%q, %v", b, err)
			}
			if _, _, limitErr := m.AppendBinaryLimit(nil, 548, nil); limitErr == nil && e.Reason != tooLong {
				t.Fatalf("AppendBinary says %v, AppendBinaryLimit nothing", err)
			}
			return
		}
		var back Message
		if err := back.Unmarshal(b[len("before"):]); err != nil || !back.Equal(m) {
			t.Fatalf("%v: (-want +got):\n%s", err, diffMessage(m, &back))
		}
	})
}

// What the flags of FuzzEncode add to the message.
const (
	addNever = 1 << iota
	addInvalid
	addLong
)

const tooLong = "message longer than 65,507 octets"

// fuzzedMessage makes a Message without any check of its own.
func fuzzedMessage(addr, chaddr, sname, file, options []byte, flags uint8) *Message {
	m := &Message{Op: OpRequest, HType: HTypeEthernet, SName: sname, File: file}
	m.HardwareAddr, _ = lease.HardwareAddrFrom(chaddr)
	a, _ := netip.AddrFromSlice(addr)
	*[]*netip.Addr{&m.CIAddr, &m.YIAddr, &m.SIAddr, &m.GIAddr}[flags>>4&3] = a
	for len(options) >= 2 {
		n := min(int(options[1]), len(options)-2)
		m.Options = append(m.Options, option.Option{Code: option.Code(options[0]), Data: options[2 : 2+n]})
		options = options[2+n:]
	}
	if flags&addNever != 0 {
		m.Options = append(m.Options, option.Never(200))
	}
	if flags&addInvalid != 0 {
		m.Options = append(m.Options, option.Routers.New(netip.IPv6Unspecified()))
	}
	if flags&addLong != 0 {
		m.Options = append(m.Options, opt(201, make([]byte, 40_000)...), opt(202, make([]byte, 40_000)...))
	}
	return m
}

// encodable is what the documentation of AppendBinary says.
func encodable(m *Message) bool {
	size := 241
	seen := map[option.Code]bool{0: true, 52: true, 255: true}
	for _, o := range m.Options {
		if seen[o.Code] || o.Err() != nil || o.IsNever() {
			return false
		}
		seen[o.Code] = true
		size += len(o.Data) + 2*max(1, (len(o.Data)+254)/255)
	}
	addrs := []netip.Addr{m.CIAddr, m.YIAddr, m.SIAddr, m.GIAddr}
	return size <= 65_507 && m.HardwareAddr.Len() <= 16 &&
		len(m.SName) <= 64 && len(m.File) <= 128 && !bytes.ContainsRune(m.SName, 0) && !bytes.ContainsRune(m.File, 0) &&
		!slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.IsValid() && !a.Unmap().Is4() })
}

// FuzzAppendFrame: what AppendFrame writes ParseFrame reads, and it refuses
// the rest with an *EncodeError.
func FuzzAppendFrame(f *testing.F) {
	four, mac := []byte{10, 0, 0, 1}, []byte{0, 0x0c, 0x29, 0xaa, 0xbb, 0xcc}
	f.Add([]byte("data"), four, four, mac, mac, uint16(68), uint32(0x8100), uint8(0))
	f.Add([]byte("data"), four, four, mac, mac, uint16(68), uint32(0x0064_88a8), uint8(2))
	f.Add([]byte("data"), four, four, mac, mac, uint16(68), uint32(0), uint8(1))
	f.Add([]byte("data"), four, four, mac, mac, uint16(68), uint32(0x1000_8100), uint8(1))
	f.Add([]byte("data"), four, four, mac, mac, uint16(68), uint32(0x1064_0800), uint8(1))
	f.Add([]byte("data"), four, four, mac, mac, uint16(68), uint32(0x8100), uint8(3))
	f.Add([]byte(nil), []byte(nil), four, []byte(nil), []byte(nil), uint16(68), uint32(0), uint8(0))
	f.Add([]byte(nil), []byte(nil), four, []byte(nil), []byte(nil), uint16(68), uint32(0), uint8(4))
	f.Add([]byte(nil), four, four, mac, mac, uint16(0), uint32(0), uint8(0))
	f.Add([]byte(nil), make([]byte, 16), four, mac, mac, uint16(68), uint32(0), uint8(0))
	f.Add([]byte(nil), four, four, mac[1:], mac, uint16(68), uint32(0), uint8(0))
	f.Add([]byte(nil), four, four, mac, mac[1:], uint16(68), uint32(0), uint8(0))
	f.Add(make([]byte, 65_508), four, four, mac, mac, uint16(68), uint32(0), uint8(0))
	// A payload that makes the checksum zero.
	f.Add([]byte{0xff - 0x0a - 0x0a, 0xff - 0x11 - 0x43 - 0x44 - 0x0a - 0x0a - 2}, four, four, mac, mac, uint16(68), uint32(0), uint8(0))
	f.Fuzz(func(t *testing.T, data, local, peer, to, from []byte, port uint16, tag uint32, flags uint8) {
		p := Packet{Data: data}
		localAddr, _ := netip.AddrFromSlice(local)
		peerAddr, _ := netip.AddrFromSlice(peer)
		p.Local, p.Peer = netip.AddrPortFrom(localAddr, 67), netip.AddrPortFrom(peerAddr, port)
		p.HardwareAddr, _ = lease.HardwareAddrFrom(to)
		link := Link{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.9/24")}}
		link.HardwareAddr, _ = lease.HardwareAddrFrom(from)
		if flags&4 == 0 {
			p.Link = &link
		}
		tags := slices.Repeat([]VLANTag{{Type: uint16(tag), ID: uint16(tag >> 16), Priority: flags >> 5, Drop: flags&8 != 0}}, int(flags&3))
		frame, err := AppendFrame([]byte("before"), p, tags...)
		if err != nil {
			var e *EncodeError
			if !errors.As(err, &e) || e.Field == "" || e.Reason == "" || string(frame) != "before" {
				t.Fatalf("%q, %v", frame, err)
			}
			return
		}
		got, ok := ParseFrame(frame[len("before"):])
		if !ok || !bytes.Equal(got.Data, data) || got.Local.Port() != port || got.Local.Addr() != peerAddr.Unmap() {
			t.Fatalf("%v, %+v of %+v", ok, got, p)
		}
		if back := AppendVLANTags(nil, frame[len("before"):]); len(back) != len(tags) || len(tags) > 0 && back[0].ID != tags[0].ID {
			t.Fatalf("tags are %v, want %v", back, tags)
		}
	})
}
