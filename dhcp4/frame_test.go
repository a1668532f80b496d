package dhcp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/lease"
)

// testPacket is a reply to a client without an address.
func testPacket() Packet {
	return Packet{
		Data:         []byte("an odd payload."),
		Link:         &Link{HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01")},
		Peer:         netip.MustParseAddrPort("192.168.1.100:68"),
		Local:        netip.MustParseAddrPort("192.168.1.1:67"),
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
	}
}

// testFrame is testPacket on the wire, written by hand.
func testFrame() []byte {
	return append([]byte{
		0x00, 0x0c, 0x29, 0xaa, 0xbb, 0xcc, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x00,
		0x45, 0, 0, 43, 0, 0, 0x40, 0, 64, 17, 0xb7, 0x0c, 192, 168, 1, 1, 192, 168, 1, 100,
		0, 67, 0, 68, 0, 23, 0x17, 0x84,
	}, "an odd payload."...)
}

// Where things are in testFrame.
const (
	atIP  = 14
	atUDP = 34
)

// change returns testFrame with octets replaced at an offset.
func change(offset int, octets ...byte) []byte {
	f := testFrame()
	copy(f[offset:], octets)
	return f
}

// fixIP sets the checksum of the IPv4 header at f[14:].
func fixIP(f []byte) []byte {
	binary.BigEndian.PutUint16(f[atIP+10:], 0)
	header := f[atIP : atIP+int(f[atIP]&15)*4]
	binary.BigEndian.PutUint16(f[atIP+10:], ^referenceSum(header))
	return f
}

// referenceSum is the Internet checksum's sum, one octet after another.
func referenceSum(b []byte) uint16 {
	var s uint32
	for i, octet := range b {
		if i%2 == 0 {
			s += uint32(octet) << 8
		} else {
			s += uint32(octet)
		}
		if s > 0xffff {
			s -= 0xffff // the carry comes back in at the low end
		}
	}
	return uint16(s)
}

var packetOptions = cmp.Options{
	cmpopts.EquateComparable(netip.AddrPort{}, lease.HardwareAddr{}),
}

func TestParseFrameReads(t *testing.T) {
	want := Packet{
		Data:         []byte("an odd payload."),
		Peer:         netip.MustParseAddrPort("192.168.1.1:67"),
		Local:        netip.MustParseAddrPort("192.168.1.100:68"),
		HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01"),
	}
	f := testFrame()
	tagged := func(tags ...byte) []byte { return slices.Insert(testFrame(), 12, tags...) }
	pseudo := referenceSum(append(slices.Clone(f[atIP+12:atIP+20]), 0, 17, 0, 23))

	for _, tt := range []struct {
		name  string
		frame []byte
	}{
		{"a plain frame", f},
		{"padding behind the IP packet", append(testFrame(), 0xff, 0xff, 0xff)},
		{"an 802.1Q tag", tagged(0x81, 0, 0, 100)},
		{"an 802.1ad tag", tagged(0x88, 0xa8, 0, 100)},
		{"QinQ", tagged(0x88, 0xa8, 0, 100, 0x81, 0, 0, 7)},
		{"two 802.1Q tags", tagged(0x81, 0, 0, 100, 0x81, 0, 0, 7)},
		{"QinQ as before 802.1ad", tagged(0x91, 0, 0, 100, 0x81, 0, 0, 7)},
		{"no UDP checksum", change(atUDP+6, 0, 0)},
		{"a bare pseudo-header sum", change(atUDP+6, byte(pseudo>>8), byte(pseudo))},
		{"IP options", fixIP(slices.Insert(change(atIP, 0x46, 0, 0, 47), atUDP, 1, 1, 1, 0))},
		{"an IP packet longer than the datagram", fixIP(append(change(atIP+2, 0, 45), 0xff, 0xff))},
		{"may be fragmented, time to live 1", fixIP(change(atIP+6, 0, 0, 1))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseFrame(tt.frame)
			if !ok {
				t.Fatal("not ok")
			}
			if diff := cmp.Diff(want, got, packetOptions); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if cap(got.Data) != len(got.Data) {
				t.Errorf("Data has %d octets of spare capacity", cap(got.Data)-len(got.Data))
			}
		})
	}
}

func TestParseFrameRefuses(t *testing.T) {
	f := testFrame()
	noUDPSum := func(f []byte) []byte { f[atUDP+6], f[atUDP+7] = 0, 0; return f }
	for _, tt := range []struct {
		name  string
		frame []byte
	}{
		{"nothing", nil},
		{"a cut Ethernet header", f[:13]},
		{"ARP", change(12, 8, 6)},
		{"IPv6", change(12, 0x86, 0xdd)},
		{"a cut VLAN tag", slices.Insert(testFrame(), 12, 0x81, 0, 0, 1)[:17]},
		{"three VLAN tags", slices.Insert(testFrame(), 12, 0x81, 0, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3)},
		{"a cut IP header", f[:33]},
		{"IP version 6", fixIP(change(atIP, 0x65))},
		{"IP header length 16", change(atIP, 0x44)},
		{"IP header length beyond the packet", change(atIP, 0x4f)},
		{"a cut datagram", f[:len(f)-1]},
		{"total length without a UDP header", fixIP(change(atIP+2, 0, 27))},
		{"wrong IP checksum", change(atIP+10, 0, 0)},
		{"a first fragment", fixIP(change(atIP+6, 0x20, 0))},
		{"a later fragment", fixIP(change(atIP+6, 0, 1))},
		{"TCP", fixIP(change(atIP+9, 6))},
		{"UDP length 7", noUDPSum(change(atUDP+4, 0, 7))},
		{"UDP length beyond the IP packet", noUDPSum(append(change(atUDP+4, 0, 24), 0))},
		{"wrong UDP checksum", change(atUDP+6, 1, 2)},
		{"a changed payload", change(len(f)-1, '!')},
		{"a changed port", change(atUDP, 0, 68)},
	} {
		if p, ok := ParseFrame(tt.frame); ok || !cmp.Equal(p, Packet{}, packetOptions) {
			t.Errorf("%s: got %+v, %v", tt.name, p, ok)
		}
	}
}

func TestAppendFrameLaysOutTheFrame(t *testing.T) {
	got, err := AppendFrame([]byte("before"), testPacket())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append([]byte("before"), testFrame()...), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVLANTagsOfARequestGoIntoTheReply(t *testing.T) {
	for _, tt := range []struct {
		name string
		tags []byte
		want []VLANTag
	}{
		{"untagged", nil, nil},
		{"802.1Q", []byte{0x81, 0, 0, 100}, []VLANTag{{Type: 0x8100, ID: 100}}},
		{"all of a tag", []byte{0x81, 0, 0xbf, 0xff}, []VLANTag{{Type: 0x8100, ID: 4095, Priority: 5, Drop: true}}},
		{"QinQ", []byte{0x88, 0xa8, 0x10, 1, 0x81, 0, 0xe0, 2}, []VLANTag{{Type: 0x88a8, ID: 1, Drop: true}, {Type: 0x8100, ID: 2, Priority: 7}}},
		{"QinQ as before 802.1ad", []byte{0x91, 0, 0, 1, 0x91, 0, 0, 2}, []VLANTag{{Type: 0x9100, ID: 1}, {Type: 0x9100, ID: 2}}},
	} {
		frame := slices.Insert(testFrame(), 12, tt.tags...)
		tags := AppendVLANTags([]VLANTag{{ID: 7}}, frame)
		if diff := cmp.Diff(append([]VLANTag{{ID: 7}}, tt.want...), tags); diff != "" {
			t.Errorf("%s: tags (-want +got):\n%s", tt.name, diff)
		}
		got, err := AppendFrame([]byte("before"), testPacket(), tags[1:]...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(append([]byte("before"), frame...), got); diff != "" {
			t.Errorf("%s: frame (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestVLANTagsOfADamagedFrame(t *testing.T) {
	frame := slices.Insert(testFrame(), 12, 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2)
	for n := range 22 {
		if tags := AppendVLANTags(nil, frame[:n]); tags != nil {
			t.Errorf("%d octets have the tags %v", n, tags)
		}
	}
	three := slices.Insert(frame, 12, 0x81, 0, 0, 3)
	if tags := AppendVLANTags(nil, three); len(tags) != 2 {
		t.Errorf("of three tags %v are read, want the outer two", tags)
	}
}

func TestZeroVLANTagIsWrittenAs8021Q(t *testing.T) {
	frame, err := AppendFrame(nil, testPacket(), VLANTag{ID: 100})
	if err != nil || !bytes.Equal(frame[12:18], []byte{0x81, 0, 0, 100, 8, 0}) {
		t.Errorf("% x, %v", frame, err)
	}
}

func TestAppendFrameFillsInDefaults(t *testing.T) {
	withAddr := &Link{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("10.0.1.1/24")}}
	for _, tt := range []struct {
		name     string
		p        Packet
		to, from string
		local    string
	}{
		{"no link, no local address", Packet{}, "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "0.0.0.0:67"},
		{"the link's first address", Packet{Link: withAddr}, "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "10.0.0.1:67"},
		{
			"a port alone", Packet{Link: withAddr, Local: netip.AddrPortFrom(netip.Addr{}, 6767)},
			"ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "10.0.0.1:6767",
		},
		{
			"a client without an address", Packet{Link: withAddr, Local: netip.MustParseAddrPort("0.0.0.0:68")},
			"ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "0.0.0.0:68",
		},
		{
			"16-byte addresses", Packet{Local: netip.MustParseAddrPort("[::ffff:10.0.0.9]:67"), HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:09")},
			"02:00:00:00:00:09", "00:00:00:00:00:00", "10.0.0.9:67",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.p.Peer = netip.MustParseAddrPort("255.255.255.255:68")
			frame, err := AppendFrame(nil, tt.p)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := ParseFrame(frame)
			if !ok {
				t.Fatalf("% x is not a good frame", frame)
			}
			to, _ := lease.HardwareAddrFrom(frame[:6])
			if to.String() != tt.to || got.HardwareAddr.String() != tt.from ||
				got.Peer.String() != tt.local || got.Local.String() != "255.255.255.255:68" {
				t.Errorf("from %v %v to %v %v", got.HardwareAddr, got.Peer, to, got.Local)
			}
		})
	}
}

func TestAppendFrameRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(p *Packet)
		field  string
	}{
		{"no Peer", func(p *Packet) { p.Peer = netip.AddrPort{} }, "Peer"},
		{"a Peer without port", func(p *Packet) { p.Peer = netip.AddrPortFrom(p.Peer.Addr(), 0) }, "Peer"},
		{"an IPv6 Peer", func(p *Packet) { p.Peer = netip.MustParseAddrPort("[2001:db8::1]:68") }, "Peer"},
		{"an IPv6 Local", func(p *Packet) { p.Local = netip.MustParseAddrPort("[2001:db8::1]:67") }, "Local"},
		{"an IPv6 link", func(p *Packet) {
			p.Local, p.Link = netip.AddrPort{}, &Link{Addrs: []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64")}}
		}, "Local"},
		{"65,508 octets", func(p *Packet) { p.Data = make([]byte, 65_508) }, "Data"},
		{"InfiniBand", func(p *Packet) { p.HardwareAddr, _ = lease.HardwareAddrFrom(make([]byte, 20)) }, "HardwareAddr"},
		{"an InfiniBand link", func(p *Packet) {
			h, _ := lease.HardwareAddrFrom(make([]byte, 20))
			p.Link = &Link{HardwareAddr: h}
		}, "Link.HardwareAddr"},
	} {
		p := testPacket()
		tt.change(&p)
		b, err := AppendFrame([]byte("before"), p)
		var e *EncodeError
		if !errors.As(err, &e) || e.Field != tt.field || string(b) != "before" {
			t.Errorf("%s: %q, %v, want an *EncodeError for %s", tt.name, b, err, tt.field)
		}
	}
}

func TestAppendFrameRefusesTags(t *testing.T) {
	for name, tags := range map[string][]VLANTag{
		"three":        make([]VLANTag, 3),
		"an EtherType": {{Type: 0x0800}},
		"ID 4096":      {{ID: 1}, {ID: 4096}},
		"priority 8":   {{Priority: 8}},
	} {
		b, err := AppendFrame([]byte("before"), testPacket(), tags...)
		var e *EncodeError
		if !errors.As(err, &e) || e.Field != "tags" || string(b) != "before" {
			t.Errorf("%s: %q, %v, want an *EncodeError for tags", name, b, err)
		}
	}
}

func TestCapturedFramesAreReadAndWritten(t *testing.T) {
	read := 0
	for i, frame := range captures(t) {
		p, ok := ParseFrame(frame)
		if !ok {
			if frame[12] != 8 || frame[13] != 6 { // ARP
				t.Errorf("frame %d is not read", i)
			}
			continue
		}
		read++
		checkRoundTrip(t, p, AppendVLANTags(nil, frame))
	}
	if read < 300 {
		t.Errorf("only %d frames read", read)
	}
}

// checkRoundTrip writes what was read in the opposite direction and reads it
// again.
func checkRoundTrip(t *testing.T, p Packet, tags []VLANTag) {
	t.Helper()
	back := Packet{
		Data: p.Data, Peer: p.Peer, Local: p.Local, HardwareAddr: p.HardwareAddr,
		Link: &Link{HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:fe")},
	}
	frame, err := AppendFrame(nil, back, tags...)
	if p.Peer.Port() == 0 {
		if err == nil {
			t.Error("port 0 was not refused")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got, ok := ParseFrame(frame)
	if !ok {
		t.Fatalf("% x is not a good frame", frame)
	}
	if to, _ := lease.HardwareAddrFrom(frame[:6]); to != p.HardwareAddr {
		t.Errorf("sent to %v, want %v", to, p.HardwareAddr)
	}
	if again := AppendVLANTags(nil, frame); !slices.Equal(again, tags) {
		t.Errorf("the tags are %v, want %v", again, tags)
	}
	want := Packet{Data: p.Data, Peer: p.Local, Local: p.Peer, HardwareAddr: back.Link.HardwareAddr}
	if p.Local.Port() == 0 {
		want.Peer = netip.AddrPortFrom(p.Local.Addr(), 67)
	}
	if !bytes.Equal(want.Data, got.Data) || want.Peer != got.Peer || want.Local != got.Local || want.HardwareAddr != got.HardwareAddr {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got, packetOptions))
	}
}

func TestChecksumAgreesWithSlowReference(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 5_000 {
		b := make([]byte, r.IntN(80))
		for i := range b {
			b[i] = byte(r.Uint32()) | byte(r.IntN(2)*0xff) // carries are likely
		}
		cut := r.IntN(len(b)/2+1) * 2 // a sum may go on at an even offset
		got, want := fold(sum(sum(0, b[:cut]), b[cut:])), referenceSum(b)
		if got != want && got^want != 0xffff { // 0 and 0xffff are the same number
			t.Fatalf("seed %d: sum of % x is %#x, want %#x", seed, b, got, want)
		}
	}
}

// A UDP checksum that comes out as zero is written as 0xffff, for zero says
// that there is none.
func TestZeroChecksumIsWrittenAsOnes(t *testing.T) {
	p := testPacket()
	p.Data = []byte{0, 0}
	frame, err := AppendFrame(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	// Adding the checksum to the payload makes it zero.
	p.Data = bytes.Clone(frame[atUDP+6 : atUDP+8])
	if frame, err = AppendFrame(nil, p); err != nil {
		t.Fatal(err)
	}
	if got := frame[atUDP+6 : atUDP+8]; !bytes.Equal(got, []byte{0xff, 0xff}) {
		t.Errorf("checksum is % x, want ff ff", got)
	}
	if _, ok := ParseFrame(frame); !ok {
		t.Error("the frame is not read back")
	}
}

func frameCases(t testing.TB) []codecCase {
	t.Helper()
	p := testPacket()
	p.Data = make([]byte, 300)
	frame, err := AppendFrame(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	tagged := slices.Insert(slices.Clone(frame), 12, 0x88, 0xa8, 0, 100, 0x81, 0, 0, 7)
	buf := make([]byte, 0, 2048)
	return []codecCase{
		{"parse", func() error {
			if _, ok := ParseFrame(frame); !ok {
				return errors.New("not ok")
			}
			return nil
		}},
		{"append", func() error { _, err := AppendFrame(buf, p); return err }},
		{"append tagged", func() error {
			var room [2]VLANTag
			_, err := AppendFrame(buf, p, AppendVLANTags(room[:0], tagged)...)
			return err
		}},
	}
}

func TestFramesDoNotAllocate(t *testing.T) {
	for _, c := range frameCases(t) {
		if n := testing.AllocsPerRun(100, func() {
			if err := c.run(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, c := range frameCases(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzFrame: ParseFrame never panics, and what it accepts can be answered.
func FuzzFrame(f *testing.F) {
	for _, frame := range captures(f) {
		f.Add(frame)
	}
	f.Add(testFrame())
	f.Add(slices.Insert(testFrame(), 12, 0x88, 0xa8, 0, 100, 0x81, 0, 0, 7))
	f.Add(fixIP(slices.Insert(change(atIP, 0x46, 0, 0, 47), atUDP, 1, 1, 1, 0)))
	f.Add(change(atUDP+6, 0, 0))
	f.Add([]byte{1, 2, 3})
	f.Add(slices.Insert(testFrame(), 12, 0x81, 0, 0x10, 7)[:17])
	f.Add(change(atIP+9, 6))
	f.Add(change(atIP+10, 1))
	f.Add(change(atIP, 0x44))
	f.Add(change(atUDP+4, 0, 7, 0, 0))
	f.Add(change(len(testFrame())-1, '!'))
	f.Fuzz(func(t *testing.T, frame []byte) {
		tags := AppendVLANTags(nil, frame)
		if p, ok := ParseFrame(frame); ok {
			checkRoundTrip(t, p, tags)
		}
	})
}
