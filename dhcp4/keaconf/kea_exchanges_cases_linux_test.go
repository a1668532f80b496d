package keaconf_test

import (
	"fmt"
	"net/netip"
	"strings"

	dhcp "github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
)

// situations are what a client may be in. Unless it says otherwise, nobody
// has the address that its requests are about, and it is in a pool.
var situations = []struct {
	name string
	set  func(c *exchangeCase)
}{
	{"no lease", func(c *exchangeCase) {}},
	{"own lease", func(c *exchangeCase) { c.hold(c.want, c.me, 0, false) }},
	{"own lease of another address", func(c *exchangeCase) { c.hold(c.second, c.me, 0, false) }},
	{"own lease expired", func(c *exchangeCase) { c.hold(c.want, c.me, 0, true) }},
	{"own lease of another address expired", func(c *exchangeCase) { c.hold(c.second, c.me, 0, true) }},
	{"own lease reclaimed", func(c *exchangeCase) { c.hold(c.want, c.me, lease.StateExpiredReclaimed, true) }},
	{"another's lease", func(c *exchangeCase) { c.hold(c.want, c.other, 0, false) }},
	{"another's lease, and an own one", func(c *exchangeCase) {
		c.hold(c.want, c.other, 0, false)
		c.hold(c.second, c.me, 0, false)
	}},
	{"another's lease expired", func(c *exchangeCase) { c.hold(c.want, c.other, 0, true) }},
	{"another's lease reclaimed", func(c *exchangeCase) { c.hold(c.want, c.other, lease.StateExpiredReclaimed, true) }},
	{"declined address", func(c *exchangeCase) { c.hold(c.want, c.other, lease.StateDeclined, false) }},
	{"declined address after probation", func(c *exchangeCase) { c.hold(c.want, c.other, lease.StateDeclined, true) }},

	{"reserved in the pool", func(c *exchangeCase) { c.reserve(c.want, c.me) }},
	{"reserved in the pool and leased", func(c *exchangeCase) {
		c.reserve(c.want, c.me)
		c.hold(c.want, c.me, 0, false)
	}},
	{"reserved out of the pool", func(c *exchangeCase) {
		c.want = c.outside
		c.reserve(c.want, c.me)
	}},
	{"reserved out of the pool and leased", func(c *exchangeCase) {
		c.want = c.outside
		c.reserve(c.want, c.me)
		c.hold(c.want, c.me, 0, false)
	}},
	{"another address is reserved", func(c *exchangeCase) { c.reserve(c.second, c.me) }},
	{"another address is reserved out of the pool", func(c *exchangeCase) { c.reserve(c.outside, c.me) }},
	{"another address is reserved, this one leased", func(c *exchangeCase) {
		c.reserve(c.second, c.me)
		c.hold(c.want, c.me, 0, false)
	}},
	{"reserved, but another has it", func(c *exchangeCase) {
		c.reserve(c.want, c.me)
		c.hold(c.want, c.other, 0, false)
	}},
	{"another address is reserved, but another has it", func(c *exchangeCase) {
		c.reserve(c.second, c.me)
		c.hold(c.second, c.other, 0, false)
	}},
	{"another address is reserved, but another has it, this one leased", func(c *exchangeCase) {
		c.reserve(c.second, c.me)
		c.hold(c.second, c.other, 0, false)
		c.hold(c.want, c.me, 0, false)
	}},
	{"reserved and declined", func(c *exchangeCase) {
		c.reserve(c.want, c.me)
		c.hold(c.want, c.me, lease.StateDeclined, false)
	}},
	{"reserved, another had it until it expired", func(c *exchangeCase) {
		c.reserve(c.want, c.me)
		c.hold(c.want, c.other, 0, true)
	}},
	{"reserved for another", func(c *exchangeCase) { c.reserve(c.want, c.other) }},
	{"reserved for another, who has it", func(c *exchangeCase) {
		c.reserve(c.want, c.other)
		c.hold(c.want, c.other, 0, false)
	}},
	{"reserved for another, but leased", func(c *exchangeCase) {
		c.reserve(c.want, c.other)
		c.hold(c.want, c.me, 0, false)
	}},
	{"reserved for another out of the pool", func(c *exchangeCase) {
		c.want = c.outside
		c.reserve(c.want, c.other)
	}},
	{"reserved by client id", func(c *exchangeCase) {
		c.hosts = append(c.hosts, fmt.Sprintf(`{ "client-id": "%x", "ip-address": "%v", "hostname": "By-Id" }`, c.me.id, c.want))
	}},
	{"reservation without address", func(c *exchangeCase) {
		c.reserve(netip.Addr{}, c.me, `"hostname": "Printer"`, `"next-server": "10.1.0.77"`, `"server-hostname": "own"`, `"boot-file-name": "own.0"`,
			`"option-data": [ { "name": "ntp-servers", "data": "10.1.0.78" } ]`)
	}},

	{"foreign network", func(c *exchangeCase) { c.want = netip.MustParseAddr("192.0.2.77") }},
	{"foreign network, and an own lease", func(c *exchangeCase) {
		c.want = netip.MustParseAddr("192.0.2.77")
		c.hold(c.second, c.me, 0, false)
	}},
	{"another subnet", func(c *exchangeCase) { c.want = c.elsewhere }},
	{"another subnet, where the lease is", func(c *exchangeCase) {
		c.want = c.elsewhere
		c.hold(c.want, c.me, 0, false)
	}},
	{"out of every pool", func(c *exchangeCase) { c.want = c.outside }},
	{"out of every pool, and an own lease", func(c *exchangeCase) {
		c.want = c.outside
		c.hold(c.second, c.me, 0, false)
	}},
	{"own lease out of every pool", func(c *exchangeCase) {
		c.want = c.outside
		c.hold(c.want, c.me, 0, false)
	}},

	{"lease with another client id", func(c *exchangeCase) {
		c.hold(c.want, dhcpClient{c.me.hardwareAddr, c.other.id}, 0, false)
	}},
	{"lease with another hardware address", func(c *exchangeCase) {
		c.hold(c.want, dhcpClient{c.other.hardwareAddr, c.me.id}, 0, false)
	}},
	{"lease with a client id, which is not sent", func(c *exchangeCase) {
		c.hold(c.want, c.me, 0, false)
		c.me.id = nil
	}},
	{"lease without the client id that is sent", func(c *exchangeCase) {
		c.hold(c.want, dhcpClient{hardwareAddr: c.me.hardwareAddr}, 0, false)
	}},
	{"lease without client id", func(c *exchangeCase) {
		c.me.id = nil
		c.hold(c.want, c.me, 0, false)
	}},
	{"leases by client id and by hardware address", func(c *exchangeCase) {
		c.hold(c.want, dhcpClient{c.other.hardwareAddr, c.me.id}, 0, false)
		c.hold(c.second, dhcpClient{hardwareAddr: c.me.hardwareAddr}, 0, false)
	}},
	{"client id of one octet", func(c *exchangeCase) { c.me.id = []byte{7} }},
}

// messages are what a client may send, by its state (RFC 2131, section 4.3.6,
// table 4, and section 4.4).
var messages = []exchangeStep{
	{name: "DISCOVER", kind: dhcp.TypeDiscover},
	{name: "DISCOVER asking for it", kind: dhcp.TypeDiscover, requested: true},
	{name: "SELECTING", kind: dhcp.TypeRequest, requested: true, server: "ours"},
	{name: "SELECTING another server", kind: dhcp.TypeRequest, requested: true, server: "other"},
	{name: "SELECTING nothing", kind: dhcp.TypeRequest, server: "ours"},
	{name: "INIT-REBOOT", kind: dhcp.TypeRequest, requested: true},
	{name: "RENEWING", kind: dhcp.TypeRequest, ciaddr: true, unicast: true},
	{name: "REBINDING", kind: dhcp.TypeRequest, ciaddr: true},
	{name: "REQUEST asking nothing", kind: dhcp.TypeRequest},
	{name: "RELEASE", kind: dhcp.TypeRelease, ciaddr: true, server: "ours", unicast: true},
	{name: "RELEASE to no server", kind: dhcp.TypeRelease, ciaddr: true, unicast: true},
	{name: "RELEASE to another server", kind: dhcp.TypeRelease, ciaddr: true, server: "other", unicast: true},
	{name: "DECLINE", kind: dhcp.TypeDecline, requested: true, server: "ours"},
	{name: "DECLINE to no server", kind: dhcp.TypeDecline, requested: true},
	{name: "DECLINE to another server", kind: dhcp.TypeDecline, requested: true, server: "other"},
	{name: "INFORM", kind: dhcp.TypeInform, ciaddr: true, unicast: true},
}

// An exchangePath is a way from a client to the server.
type exchangePath struct {
	name  string
	relay bool
	agent bool
}

var paths = []exchangePath{
	{"direct", false, false},
	{"relayed", true, false},
	{"relayed with option 82", true, true},
}

// An exchangeTable makes cases.
type exchangeTable struct {
	variant string
	only    string
	cases   []*exchangeCase
	subnets int // of single cases
}

// add makes a case of its own addresses and clients, of which set may change
// anything.
func (b *exchangeTable) add(name string, relay, agent bool, set func(c *exchangeCase), steps ...exchangeStep) *exchangeCase {
	n := len(b.cases)
	network, other := byte(1), byte(2)
	if relay {
		network, other = other, network
	}
	at := func(network byte, host int) netip.Addr {
		return netip.AddrFrom4([4]byte{10, network, byte(host >> 8), byte(host)})
	}
	client := func(last byte) dhcpClient {
		mac := []byte{2, 0, 0, byte(n >> 8), byte(n), last}
		return dhcpClient{hardwareAddr(mac), append([]byte{1}, mac...)}
	}
	c := &exchangeCase{
		name: b.variant + "/" + name, link: exchangeLinks[0], subnet: uint32(network), elsewhereID: uint32(other), agent: agent,
		me: client(1), other: client(2), want: at(network, 128<<8+2*n), second: at(network, 128<<8+2*n+1),
		outside: at(network, 1<<8+n), elsewhere: at(other, 192<<8+n), steps: steps,
	}
	if relay {
		c.giaddr = at(network, 2)
	}
	set(c)
	b.cases = append(b.cases, c)
	return c
}

// addSubnet makes a case behind a relay agent, with a subnet of its own that
// has two addresses.
func (b *exchangeTable) addSubnet(name string, set func(c *exchangeCase), steps ...exchangeStep) {
	b.add(name, true, false, func(c *exchangeCase) {
		b.subnets++
		at := func(host int) netip.Addr { return netip.AddrFrom4([4]byte{10, 5, byte(b.subnets), byte(host)}) }
		c.subnet = uint32(100 + b.subnets)
		c.want, c.second, c.outside, c.giaddr = at(10), at(11), at(30), at(2)
		set(c)
	}, steps...)
}

// paths returns those of the variant.
func (b *exchangeTable) paths() (ps []exchangePath) {
	for _, p := range paths {
		if strings.HasPrefix(p.name, b.only) {
			ps = append(ps, p)
		}
	}
	return ps
}

// everySituation makes a case of each message in each situation.
func everySituation(b *exchangeTable) {
	for _, s := range situations {
		for _, m := range messages {
			for _, p := range b.paths() {
				b.add(s.name+"/"+m.name+", "+p.name, p.relay, p.agent, s.set, m)
			}
		}
	}
}
