package dhcp4

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// diffMessage returns how got differs from want, field by field.
func diffMessage(want, got *Message) string {
	return cmp.Diff(*want, *got,
		cmpopts.EquateComparable(netip.Addr{}, lease.HardwareAddr{}),
		cmpopts.IgnoreUnexported(Message{}),
		cmp.Comparer(func(a, b option.Option) bool { return a.Code == b.Code && bytes.Equal(a.Data, b.Data) }))
}

func testAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func opt(c option.Code, data ...byte) option.Option { return option.Option{Code: c, Data: data} }

func optText(c option.Code, s string) option.Option { return option.Option{Code: c, Data: []byte(s)} }

// testMessage has something in every field.
func testMessage() *Message {
	return &Message{
		Op: OpRequest, HType: HTypeEthernet, Hops: 3,
		XID: 0x01020304, Secs: 0x0506, Flags: FlagBroadcast,
		CIAddr: testAddr("10.0.0.1"), YIAddr: testAddr("10.0.0.2"),
		SIAddr: testAddr("10.0.0.3"), GIAddr: testAddr("10.0.0.4"),
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
		SName:        []byte("boot.example"), File: []byte("pxelinux.0"),
		Options: option.Options{opt(53, 1), optText(12, "lap"), opt(80)},
	}
}

func TestMessageTypeIsNamedAsTcpdumpDoes(t *testing.T) {
	for typ, want := range map[MessageType]string{
		TypeDiscover: "Discover",
		TypeOffer:    "Offer",
		TypeRequest:  "Request",
		TypeDecline:  "Decline",
		TypeACK:      "ACK",
		TypeNAK:      "NACK",
		TypeRelease:  "Release",
		TypeInform:   "Inform",
		0:            "Unknown (0)",
		9:            "Unknown (9)",
	} {
		if got := typ.String(); got != want {
			t.Errorf("MessageType(%d).String() = %q, want %q", uint8(typ), got, want)
		}
	}
}

func TestTypeIsFirstOctetOfOption53(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options option.Options
		want    MessageType
	}{
		{"absent", option.Options{opt(12, 'a')}, 0},
		{"empty", option.Options{opt(53)}, 0},
		{"one octet", option.Options{opt(12, 'a'), opt(53, 3)}, TypeRequest},
		{"two octets", option.Options{opt(53, 1, 2)}, TypeDiscover},
	} {
		m := Message{Options: tt.options}
		if got := m.Type(); got != tt.want {
			t.Errorf("%s: Type() = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestEqualSeesEveryField(t *testing.T) {
	if !testMessage().Equal(testMessage()) {
		t.Fatal("two equal messages are not Equal")
	}
	for name, change := range map[string]func(m *Message){
		"op":            func(m *Message) { m.Op++ },
		"htype":         func(m *Message) { m.HType++ },
		"hops":          func(m *Message) { m.Hops++ },
		"xid":           func(m *Message) { m.XID++ },
		"secs":          func(m *Message) { m.Secs++ },
		"flags":         func(m *Message) { m.Flags++ },
		"ciaddr":        func(m *Message) { m.CIAddr = m.CIAddr.Next() },
		"yiaddr":        func(m *Message) { m.YIAddr = netip.Addr{} },
		"siaddr":        func(m *Message) { m.SIAddr = testAddr("2001:db8::1") },
		"giaddr":        func(m *Message) { m.GIAddr = m.GIAddr.Next() },
		"chaddr":        func(m *Message) { m.HardwareAddr = lease.HardwareAddr{} },
		"sname":         func(m *Message) { m.SName = nil },
		"file":          func(m *Message) { m.File[0]++ },
		"option code":   func(m *Message) { m.Options[0].Code++ },
		"option data":   func(m *Message) { m.Options[1].Data[0]++ },
		"option order":  func(m *Message) { m.Options[0], m.Options[1] = m.Options[1], m.Options[0] },
		"fewer options": func(m *Message) { m.Options = m.Options[:2] },
	} {
		m := testMessage()
		change(m)
		if m.Equal(testMessage()) || testMessage().Equal(m) {
			t.Errorf("%s: a change is not seen", name)
		}
	}
}

func TestEqualTakesAddressesAsTheyAreEncoded(t *testing.T) {
	none, zero := &Message{}, &Message{CIAddr: netip.IPv4Unspecified(), YIAddr: testAddr("::ffff:0.0.0.0")}
	if !none.Equal(zero) || !zero.Equal(none) {
		t.Error("the zero Addr and 0.0.0.0 are not Equal")
	}
	if (&Message{}).Equal(&Message{CIAddr: testAddr("::")}) {
		t.Error("the zero Addr and :: are Equal")
	}
	short, long := &Message{CIAddr: testAddr("10.0.0.1")}, &Message{CIAddr: testAddr("::ffff:10.0.0.1")}
	if !short.Equal(long) {
		t.Error("the two forms of an IPv4 address are not Equal")
	}
	var absent *Message
	if !absent.Equal(nil) || absent.Equal(none) || none.Equal(nil) {
		t.Error("nil Messages are compared wrongly")
	}
}

func TestCloneBorrowsNothing(t *testing.T) {
	packet, err := testMessage().AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	// A split option is in the Message's own scratch space, not in packet.
	packet = append(packet[:bytes.IndexByte(packet[headerLen:], 255)+headerLen], 12, 3, 't', 'o', 'p', 255)
	var m Message
	if err := m.Unmarshal(packet); err != nil {
		t.Fatal(err)
	}
	want := testMessage()
	want.Options[1] = optText(12, "laptop")
	clone := m.Clone()

	// Reuse of a clone must not write into the scratch space of its origin.
	if err := m.Clone().Unmarshal(rawMessage(12, 1, 'x', 12, 2, 'y', 'z', 255)); err != nil {
		t.Fatal(err)
	}
	if diff := diffMessage(want, &m); diff != "" {
		t.Errorf("the origin changed with its clone (-want +got):\n%s", diff)
	}
	clear(packet[12:])
	clear(m.scratch[:cap(m.scratch)])
	m.Reset()
	m.Options = append(m.Options, opt(1), opt(2), opt(3))
	if diff := diffMessage(want, clone); diff != "" {
		t.Errorf("clone changed with its origin (-want +got):\n%s", diff)
	}
}

func TestStringReadsLikeTcpdump(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    *Message
		want string
	}{
		{
			"every field of the header",
			&Message{
				Op: OpReply, HType: HTypeEthernet, Hops: 1, XID: 0x1a, Secs: 7, Flags: FlagBroadcast | 1,
				CIAddr: testAddr("10.0.0.1"), YIAddr: testAddr("10.0.0.2"),
				SIAddr: testAddr("10.0.0.3"), GIAddr: testAddr("::ffff:10.0.0.4"),
				HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
				SName:        []byte("srv\x07\"x"), File: []byte("boot"),
			},
			`BOOTP/DHCP, Reply, length 300, hops 1, xid 0x1a, secs 7, Flags [Broadcast] (0x8001), ` +
				`Client-IP 10.0.0.1, Your-IP 10.0.0.2, Server-IP 10.0.0.3, Gateway-IP 10.0.0.4, ` +
				`Client-Ethernet-Address 00:0c:29:aa:bb:cc, sname "srv\a\"x", file "boot"`,
		},
		{
			"a client's DISCOVER",
			&Message{
				Op: OpRequest, HType: HTypeEthernet, XID: 0x68d21e44,
				HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:20:01"),
				Options: option.Options{
					opt(53, 1), optText(12, "lap-dhclient"), opt(55, 1, 28, 2), opt(57, 5, 220),
					opt(61, 1, 2, 0, 0, 0, 0x20, 1), optText(60, "MSFT 5.0"), opt(50, 192, 168, 1, 100),
				},
			},
			`BOOTP/DHCP, Request from 02:00:00:00:20:01, length 300, xid 0x68d21e44, Flags [none], ` +
				`DHCP-Message Discover, Hostname "lap-dhclient", Parameter-Request 1,28,2, MSZ 1500, ` +
				`Client-ID ether 02:00:00:00:20:01, Vendor-Class "MSFT 5.0", Requested-IP 192.168.1.100`,
		},
		{
			"options with a structure",
			&Message{
				Op: 3, HType: 32,
				Options: option.Options{
					opt(51, 0xff, 0xff, 0xff, 0xff), opt(6, 192, 168, 1, 1, 9, 9, 9, 9),
					opt(33, 10, 0, 0, 1, 192, 168, 1, 1),
					opt(121, 8, 10, 192, 168, 1, 1, 0, 192, 168, 1, 2),
					opt(61, 255, 1, 2), opt(81, 1|8, 2, 3, 'l', 'a', 'p'),
					opt(82, 1, 4, 'e', 't', 'h', '0', 2, 1, 0xff, 5, 4, 10, 0, 0, 1, 6, 0, 151, 1, 'v'),
					opt(224, 0, 1),
				},
			},
			`BOOTP/DHCP, unknown (0x03), length 319, htype 32, hlen 0, xid 0x0, Flags [none], ` +
				`Lease-Time 4294967295, Domain-Name-Server 192.168.1.1,9.9.9.9, Static-Route (10.0.0.1:192.168.1.1), ` +
				`Classless-Static-Route (10.0.0.0/8:192.168.1.1),(0.0.0.0/0:192.168.1.2), ` +
				`Client-ID hardware-type 255 01:02, FQDN [NS] 2/3 "lap", ` +
				`Agent-Information [Circuit-ID "eth0", Remote-ID 0xff, Link-selection 10.0.0.1, Subscriber-ID "", Unknown (151) "v"], ` +
				`option 224 0x0001`,
		},
		{
			"malformed options",
			&Message{
				Op: OpRequest, HType: 6, HardwareAddr: lease.MustParseHardwareAddr("01:02"),
				Options: option.Options{
					opt(53), opt(6, 1, 2, 3), opt(51), opt(33, 1), opt(121, 33, 1, 2, 3, 4, 5), opt(121), opt(61, 1),
					opt(81, 1), opt(82, 1, 9), opt(82), opt(12), opt(224),
				},
			},
			`BOOTP/DHCP, Request, length 300, htype 6, hlen 2, xid 0x0, Flags [none], Client-Hardware-Address 01:02, ` +
				`DHCP-Message (empty), Domain-Name-Server 0x010203, Lease-Time (empty), Static-Route 0x01, ` +
				`Classless-Static-Route 0x210102030405, Classless-Static-Route (empty), Client-ID 0x01, ` +
				`FQDN 0x01, Agent-Information 0x0109, Agent-Information (empty), Hostname "", option 224 (empty)`,
		},
		{
			"options that tcpdump does not know, and one that cannot be encoded",
			&Message{Op: OpReply, HType: HTypeEthernet, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:20:01"),
				Options: option.Options{opt(119, 0), option.Routers.New(testAddr("::1"))}},
			`BOOTP/DHCP, Reply, length 300, xid 0x0, Flags [none], Client-Ethernet-Address 02:00:00:00:20:01, ` +
				`domain-search (119) "", invalid routers (3): value 0: ::1 is not an IPv4 address`,
		},
		{
			"options that tcpdump shows in hexadecimal",
			&Message{Op: OpReply, HType: HTypeEthernet, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:20:01"),
				Options: option.Options{
					opt(119, 3, 'l', 'a', 'b', 2, 'a', '"', 0, 1, 'b', 0xc0, 4, 0xc0, 0), opt(41, 10, 0, 0, 1), opt(116, 1), opt(13, 1, 0),
					opt(108, 0, 0, 1, 44), optText(252, "http://wpad/\x00"), opt(21, 10, 0, 0, 0, 255, 0, 0, 0),
				}},
			`BOOTP/DHCP, Reply, length 301, xid 0x0, Flags [none], Client-Ethernet-Address 02:00:00:00:20:01, ` +
				`domain-search (119) "lab.a\"","b.a\"","lab.a\"", nis-servers (41) 10.0.0.1, auto-config (116) 1, boot-size (13) 256, ` +
				`v6-only-preferred (108) 300, option 252 "http://wpad/\x00", policy-filter (21) (10.0.0.0:255.0.0.0)`,
		},
		{
			"malformed domain names",
			&Message{Op: OpReply, HType: HTypeEthernet, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:20:01"),
				Options: option.Options{opt(119, 0xc0, 0), opt(119), opt(119, 1), opt(119, 64), opt(119, 1, 'a'), opt(119, 1, 'a', 0xc0), opt(119, 1, 'a', 0xc0, 0),
					opt(119, bytes.Repeat([]byte{1, 'a'}, 128)...)}},
			`BOOTP/DHCP, Reply, length 528, xid 0x0, Flags [none], Client-Ethernet-Address 02:00:00:00:20:01, ` +
				`domain-search (119) 0xc000, domain-search (119) (empty), domain-search (119) 0x01, domain-search (119) 0x40, domain-search (119) 0x0161, domain-search (119) 0x0161c0, ` +
				`domain-search (119) 0x0161c000, domain-search (119) 0x` + strings.Repeat("0161", 128),
		},
		{
			"a long option",
			&Message{Op: OpReply, HType: HTypeEthernet, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:20:01"),
				Options: option.Options{opt(56, bytes.Repeat([]byte{'x'}, 511)...)}},
			`BOOTP/DHCP, Reply, length 758, xid 0x0, Flags [none], Client-Ethernet-Address 02:00:00:00:20:01, ` +
				`MSG "` + strings.Repeat("x", 256) + `"...`,
		},
	} {
		if diff := cmp.Diff(tt.want, tt.m.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLinesHoldOneThingEach(t *testing.T) {
	m := testMessage()
	m.Options = append(m.Options, opt(54, 10, 0, 0, 1), option.Routers.New(testAddr("::1")), optText(56, "two\nlines"))
	want := `before BOOTP/DHCP, Request from 00:0c:29:aa:bb:cc, length 318, hops 3, xid 0x1020304, secs 1286, Flags [Broadcast]
	Client-IP 10.0.0.1
	Your-IP 10.0.0.2
	Server-IP 10.0.0.3
	Gateway-IP 10.0.0.4
	sname "boot.example"
	file "pxelinux.0"
	dhcp-message-type (53), length 1: Discover
	host-name (12), length 3: "lap"
	rapid-commit (80), length 0: (empty)
	dhcp-server-identifier (54), length 4: 10.0.0.1
	invalid routers (3): value 0: ::1 is not an IPv4 address
	dhcp-message (56), length 9: "two\nlines"
`
	if diff := cmp.Diff(want, string(m.AppendLines([]byte("before ")))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
