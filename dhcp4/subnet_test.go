package dhcp4

import (
	"hash/maphash"
	"net/netip"
	"testing"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// Links of the tests of subnet selection: one with addresses in two subnets,
// one that only its name ties to a subnet, and one without anything.
var (
	linkA    = &Link{Name: "a", Addrs: []netip.Prefix{netip.MustParsePrefix("198.51.100.9/24"), netip.MustParsePrefix("10.1.0.1/24")}}
	linkB    = &Link{Name: "b", Addrs: []netip.Prefix{netip.MustParsePrefix("10.2.0.1/24")}}
	linkBare = &Link{Name: "bare"}
)

// subnetsSnapshot has prefixes of two lengths and one subnet on a link by name.
func subnetsSnapshot(t *testing.T, serverID netip.Addr) *snapshot {
	t.Helper()
	c := Config{ServerID: serverID, Subnets: []Subnet{
		{ID: 1, Prefix: netip.MustParsePrefix("10.1.0.0/24")},
		{ID: 2, Prefix: netip.MustParsePrefix("10.2.0.0/24"), Interface: "b"},
		{ID: 3, Prefix: netip.MustParsePrefix("10.3.0.0/24"), Interface: "bare", ServerID: netip.MustParseAddr("10.3.0.3")},
		{ID: 4, Prefix: netip.MustParsePrefix("10.99.0.0/16")},
		{ID: 5, Prefix: netip.MustParsePrefix("203.0.113.77/24")}, // host bits are ignored
	}}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	return compile(&c, maphash.MakeSeed(), trie[*hostOverlay]{}, (*snapshot).newLive)
}

func TestSubnetSelection(t *testing.T) {
	tests := []struct {
		name                   string
		link                   *Link
		giaddr, ciaddr, source string
		want                   uint32 // 0: none
	}{
		{"giaddr before all else", linkA, "10.2.0.2", "10.1.0.9", "10.1.0.9", 2},
		{"giaddr that nobody knows", linkA, "192.0.2.1", "10.1.0.9", "10.1.0.9", 0},
		{"giaddr broadcast", linkA, "255.255.255.255", "10.1.0.9", "", 0},
		{"giaddr multicast", linkA, "224.0.0.1", "10.1.0.9", "", 0},
		{"giaddr, host bits in the prefix", linkA, "203.0.113.1", "", "", 5},
		{"a long prefix", linkBare, "10.2.0.2", "", "", 2},
		{"a shorter prefix", linkBare, "10.99.0.2", "", "", 4},
		{"ciaddr before the source", linkB, "", "10.1.0.9", "10.99.0.9", 1},
		{"ciaddr that nobody knows", linkB, "", "192.0.2.9", "10.1.0.9", 1},
		{"ciaddr broadcast", linkB, "", "255.255.255.255", "", 2},
		{"source before the link", linkB, "", "", "10.1.0.9", 1},
		{"source is IPv4 in IPv6", linkB, "", "", "::ffff:10.1.0.9", 1},
		{"the link's name", linkBare, "", "", "", 3},
		{"the link's name, source unknown", linkBare, "", "", "192.0.2.9", 3},
		{"the link's second address", linkA, "", "", "", 1},
		{"an address of another link's subnet", &Link{Name: "c", Addrs: []netip.Prefix{netip.MustParsePrefix("10.2.0.7/24")}}, "", "", "", 0},
		{"the link's name before its addresses", &Link{Name: "b", Addrs: linkA.Addrs}, "", "", "", 2},
		{"no link", nil, "", "", "", 0},
		{"no link, giaddr", nil, "10.1.0.2", "", "", 1},
		{"no link, source", nil, "", "", "10.1.0.2", 1},
		{"a link without anything", &Link{}, "", "", "", 0},
	}
	s := subnetsSnapshot(t, netip.Addr{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := &Exchange{Request: &Message{GIAddr: someAddr(tt.giaddr), CIAddr: someAddr(tt.ciaddr)}, Link: tt.link}
			if tt.source != "" {
				x.Peer = netip.AddrPortFrom(netip.MustParseAddr(tt.source), 68)
			}
			var got uint32
			if n := s.selectSubnet(x); n != nil {
				got = n.conf.ID
			}
			if got != tt.want {
				t.Errorf("subnet %d, want %d", got, tt.want)
			}
		})
	}
}

// The sender of a broadcast may have come from anywhere: what counts is where
// the packet came in.
func TestSubnetSelectionOfBroadcasts(t *testing.T) {
	tests := []struct {
		name                   string
		link                   *Link
		giaddr, ciaddr, source string
		want                   uint32 // 0: none
	}{
		{"the link before ciaddr", linkB, "", "10.1.0.9", "", 2},
		{"the link before the source", linkB, "", "", "10.1.0.9", 2},
		{"the link's address before ciaddr", linkA, "", "10.3.0.9", "", 1},
		{"giaddr before the link", linkB, "10.3.0.1", "10.1.0.9", "", 3},
		{"a link without subnet", &Link{Name: "c"}, "", "10.1.0.9", "10.1.0.9", 0},
		{"no link: ciaddr", nil, "", "10.1.0.9", "10.3.0.9", 1},
		{"no link: source", nil, "", "", "10.3.0.9", 3},
	}
	s := subnetsSnapshot(t, netip.Addr{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := &Exchange{
				Request: &Message{GIAddr: someAddr(tt.giaddr), CIAddr: someAddr(tt.ciaddr)}, Link: tt.link,
				Peer: netip.AddrPortFrom(someAddr(tt.source), 68), Local: netip.AddrPortFrom(broadcastAddr, 67),
			}
			var got uint32
			if n := s.selectSubnet(x); n != nil {
				got = n.conf.ID
			}
			if got != tt.want {
				t.Errorf("subnet %d, want %d", got, tt.want)
			}
		})
	}
}

func TestServerIdentifier(t *testing.T) {
	tests := []struct {
		name   string
		global string // Config.ServerID
		subnet uint32
		link   *Link
		local  string
		want   string
		us     []string // all that mean this Server
		others []string
	}{
		{"the subnet's", "", 3, linkA, "10.1.0.1", "10.3.0.3", []string{"10.3.0.3", "10.1.0.1", "198.51.100.9"}, []string{"10.3.0.1"}},
		{"the subnet's before the Config's", "10.9.9.9", 3, linkA, "10.1.0.1", "10.3.0.3", []string{"10.3.0.3", "10.9.9.9"}, nil},
		{"the Config's", "10.9.9.9", 1, linkA, "10.1.0.1", "10.9.9.9", []string{"10.9.9.9", "10.3.0.3", "10.1.0.1"}, nil},
		{"the link's address inside the subnet", "", 1, linkA, "198.51.100.9", "10.1.0.1", []string{"10.1.0.1", "198.51.100.9", "10.3.0.3"}, []string{"10.1.0.2", "10.2.0.1", "0.0.0.0", "255.255.255.255"}},
		{"where it was sent to", "", 2, linkA, "192.0.2.7", "192.0.2.7", []string{"192.0.2.7"}, []string{"192.0.2.8"}},
		{"the link's first", "", 2, linkA, "255.255.255.255", "198.51.100.9", []string{"198.51.100.9", "10.1.0.1"}, []string{"255.255.255.255"}},
		{"where it was sent to, no link", "", 1, nil, "10.1.0.1", "10.1.0.1", nil, nil},
		{"nothing", "", 1, nil, "255.255.255.255", "", nil, nil},
		{"a link without address", "", 1, linkBare, "224.0.0.1", "", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var global netip.Addr
			if tt.global != "" {
				global = netip.MustParseAddr(tt.global)
			}
			s := subnetsSnapshot(t, global)
			x := &Exchange{
				Request: &Message{}, Link: tt.link, snap: s, sub: s.subnets.id(tt.subnet),
				Local: netip.AddrPortFrom(netip.MustParseAddr(tt.local), 67),
			}
			x.setServerID()
			var got string
			if x.serverID.IsValid() {
				got = x.serverID.String()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			for _, id := range tt.us {
				if !x.isUs(netip.MustParseAddr(id)) {
					t.Errorf("%s is not taken for this Server", id)
				}
			}
			for _, id := range tt.others {
				if x.isUs(netip.MustParseAddr(id)) {
					t.Errorf("%s is taken for this Server", id)
				}
			}
		})
	}
}

// TestReplySource covers where replies are sent from.
func TestReplySource(t *testing.T) {
	own := &Link{Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/24")}}
	tests := []struct {
		name            string
		serverID, local string
		link            *Link
		want            string
	}{
		{"the server identifier is the link's own", "10.1.0.1", "255.255.255.255:67", own, "10.1.0.1:67"},
		{"it is, and another address was asked", "10.1.0.1", "10.1.0.2:67", own, "10.1.0.1:67"},
		{"it is not", "10.9.9.9", "10.1.0.2:67", own, "10.1.0.2:67"},
		{"it is not, broadcast", "10.9.9.9", "255.255.255.255:67", own, "10.1.0.1:67"},
		{"it is not, broadcast, and there is none", "10.9.9.9", "255.255.255.255:67", nil, "10.9.9.9:67"},
		{"another port", "10.1.0.1", "255.255.255.255:1067", own, "10.1.0.1:1067"},
		{"nothing known", "10.1.0.1", "0.0.0.0:0", nil, "10.1.0.1:67"},
	}
	for _, tt := range tests {
		x := &Exchange{Link: tt.link, Local: netip.MustParseAddrPort(tt.local), ownID: netip.MustParseAddr(tt.serverID),
			Subnet: &Subnet{}, sub: &subnet{conf: Subnet{Prefix: netip.MustParsePrefix("10.1.0.0/24")}}}
		if got := x.source(); got.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestReservationIsFoundByHardwareAddressFirst(t *testing.T) {
	mac, id := lease.MustParseHardwareAddr("02:00:00:00:00:01"), lease.MustParseClientID("00:01")
	c := Config{Subnets: []Subnet{{ID: 1, Prefix: netip.MustParsePrefix("10.1.0.0/24"), Reservations: []Reservation{
		{ClientID: id, Hostname: "by-id"},
		{HardwareAddr: mac, Hostname: "by-mac"},
		{AnyClient: true, Hostname: "anybody"},
	}}}}
	s := compile(&c, maphash.MakeSeed(), trie[*hostOverlay]{}, (*snapshot).newLive)
	n := s.subnets.id(1)
	tests := []struct {
		mac  lease.HardwareAddr
		id   string
		want string
	}{
		{mac, id.Octets(), "by-mac"},
		{mac, "", "by-mac"},
		{lease.HardwareAddr{}, id.Octets(), "by-id"},
		{lease.MustParseHardwareAddr("02:00:00:00:00:02"), id.Octets(), "by-id"},
		{lease.HardwareAddr{}, "\x00\x02", ""},
	}
	for _, tt := range tests {
		x := &Exchange{Request: &Message{HardwareAddr: tt.mac}, snap: s, sub: n}
		if tt.id != "" {
			x.Request.Options = option.Options{{Code: codeClientID, Data: []byte(tt.id)}}
		}
		if err := x.identifyHost(); err != nil {
			t.Fatal(err)
		}
		var got string
		if r := s.hostFor(x, n); r != nil {
			got = r.hostname
		}
		if got != tt.want {
			t.Errorf("%v %x: %q, want %q", tt.mac, tt.id, got, tt.want)
		}
	}
}
