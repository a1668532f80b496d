package keaconf_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"

	dhcp "github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// The requests that dialogues are made of.
var (
	discover    = exchangeStep{name: "DISCOVER", kind: dhcp.TypeDiscover}
	selects     = exchangeStep{name: "SELECTING", kind: dhcp.TypeRequest, requested: true, server: "ours"}
	selectsIt   = exchangeStep{kind: dhcp.TypeRequest, requested: true, server: "ours", offered: true}
	prefers     = exchangeStep{kind: dhcp.TypeRequest, requested: true, server: "other", offered: true}
	reboots     = exchangeStep{name: "INIT-REBOOT", kind: dhcp.TypeRequest, requested: true}
	renews      = exchangeStep{name: "RENEWING", kind: dhcp.TypeRequest, ciaddr: true, unicast: true}
	renewsIt    = exchangeStep{kind: dhcp.TypeRequest, ciaddr: true, unicast: true, offered: true}
	rebinds     = exchangeStep{name: "REBINDING", kind: dhcp.TypeRequest, ciaddr: true}
	rebindsIt   = exchangeStep{kind: dhcp.TypeRequest, ciaddr: true, offered: true}
	asksNothing = exchangeStep{name: "REQUEST asking nothing", kind: dhcp.TypeRequest}
	releases    = exchangeStep{name: "RELEASE", kind: dhcp.TypeRelease, ciaddr: true, server: "ours", unicast: true}
	releasesIt  = exchangeStep{kind: dhcp.TypeRelease, ciaddr: true, server: "ours", unicast: true, offered: true}
	declines    = exchangeStep{name: "DECLINE", kind: dhcp.TypeDecline, requested: true, server: "ours"}
	declinesIt  = exchangeStep{kind: dhcp.TypeDecline, requested: true, server: "ours", offered: true}
	informs     = exchangeStep{name: "INFORM", kind: dhcp.TypeInform, ciaddr: true, unicast: true}
)

func nothing(*exchangeCase) {}

func ownLease(c *exchangeCase) { c.hold(c.want, c.me, 0, false) }

// dialogues are several requests in a row.
func dialogues(b *exchangeTable) {
	reserved := func(c *exchangeCase) { c.reserve(c.want, c.me) }
	for _, d := range []struct {
		name  string
		set   func(c *exchangeCase)
		steps []exchangeStep
	}{
		{"life of a lease", nothing, []exchangeStep{discover, selectsIt, renewsIt, rebindsIt, releasesIt, discover}},
		{"retransmissions", nothing, []exchangeStep{discover, discover, selectsIt, selectsIt, renewsIt, renewsIt}},
		{"chooses another server", nothing, []exchangeStep{discover, prefers, discover}},
		{"declines", nothing, []exchangeStep{discover, selectsIt, declinesIt, discover, selectsIt}},
		{"declines twice", ownLease, []exchangeStep{declines, declines, discover}},
		{"releases twice", ownLease, []exchangeStep{releases, releases}},
		{"moves to the address that it selects", func(c *exchangeCase) { c.hold(c.second, c.me, 0, false) }, []exchangeStep{selects, discover, selectsIt}},
		{"moves to the address that it renews", func(c *exchangeCase) { c.hold(c.second, c.me, 0, false) }, []exchangeStep{rebinds, rebinds}},
		{"releases and reboots", ownLease, []exchangeStep{releases, reboots}},
		{"releases and renews", ownLease, []exchangeStep{releases, renews}},
		{"releases and asks again", ownLease, []exchangeStep{releases, discover, selectsIt}},
		{"releases and selects", ownLease, []exchangeStep{releases, selects}},
		{"declines and reboots", ownLease, []exchangeStep{declines, reboots}},
		{"declines and renews", ownLease, []exchangeStep{declines, renews}},
		{"reserved, life of a lease", reserved, []exchangeStep{discover, selectsIt, renewsIt, reboots, releasesIt, discover}},
		{"reserved, declines", reserved, []exchangeStep{discover, selectsIt, declinesIt, discover, selectsIt, renewsIt}},
		{"reserved, is moved", func(c *exchangeCase) {
			c.reserve(c.second, c.me)
			ownLease(c)
		}, []exchangeStep{rebinds, discover, selectsIt, rebindsIt}},
		{"reserved out of the pool, is moved", func(c *exchangeCase) {
			c.reserve(c.outside, c.me)
			ownLease(c)
		}, []exchangeStep{rebinds, discover, selectsIt, reboots}},
		{"gives way to a reservation", func(c *exchangeCase) {
			c.reserve(c.want, c.other)
			ownLease(c)
		}, []exchangeStep{discover, rebinds, discover, selectsIt}},
		{"takes an expired lease over", func(c *exchangeCase) { c.hold(c.want, c.other, 0, true) }, []exchangeStep{selects, renews, releases}},
		{"takes a reclaimed lease over", func(c *exchangeCase) { c.hold(c.want, c.other, lease.StateExpiredReclaimed, true) }, []exchangeStep{selects, renews, releases}},
		{"asks nothing, and renews", nothing, []exchangeStep{asksNothing, renewsIt, releasesIt}},
	} {
		for _, p := range b.paths() {
			b.add("dialogue: "+d.name+", "+p.name, p.relay, p.agent, d.set, d.steps...)
		}
	}
}

// contents are requests that ask for something, or say something about the
// client.
func contents(b *exchangeTable) {
	list := func(codes ...option.Code) option.Option { return option.DHCPParameterRequestList.New(codes...) }
	raw := func(code option.Code, data string) option.Option {
		return option.Option{Code: code, Data: []byte(data)}
	}
	for _, v := range []struct {
		name   string
		change func(s *exchangeStep)
	}{
		{"no list", func(s *exchangeStep) { s.noList = true }},
		{"a list of one", func(s *exchangeStep) { s.noList, s.options = true, []option.Option{list(42)} }},
		{"a list in another order", func(s *exchangeStep) {
			s.noList, s.options = true, []option.Option{list(121, 54, 42, 15, 6, 4, 3, 1, 255)}
		}},
		{"an empty list", func(s *exchangeStep) { s.noList, s.options = true, []option.Option{raw(55, "")} }},
		{"broadcast flag", func(s *exchangeStep) { s.flags = dhcp.FlagBroadcast }},
		{"other flags", func(s *exchangeStep) { s.flags = 0x4001 }},
		{"few octets", func(s *exchangeStep) { s.options = []option.Option{option.DHCPMaxMessageSize.New(300)} }},
		{"many octets", func(s *exchangeStep) { s.options = []option.Option{option.DHCPMaxMessageSize.New(1500)} }},
		{"a short lease", func(s *exchangeStep) { s.options = []option.Option{raw(51, "\x00\x00\x00\x3c")} }},
		{"an endless lease", func(s *exchangeStep) { s.options = []option.Option{raw(51, "\xff\xff\xff\xff")} }},
		{"a name", func(s *exchangeStep) { s.options = []option.Option{option.HostName.New("LapTop")} }},
		{"a name with odd characters", func(s *exchangeStep) { s.options = []option.Option{option.HostName.New("My_Host!x")} }},
		{"a name with dots", func(s *exchangeStep) { s.options = []option.Option{option.HostName.New("a.Example.org")} }},
		{"a name with a dot at its end", func(s *exchangeStep) { s.options = []option.Option{option.HostName.New("b.example.org.")} }},
		{"an empty name", func(s *exchangeStep) { s.options = []option.Option{raw(12, "")} }},
		{"a vendor class", func(s *exchangeStep) { s.options = []option.Option{option.VendorClassIdentifier.New("MSFT 5.0")} }},
		{"PXE", func(s *exchangeStep) {
			s.options = []option.Option{raw(60, "PXEClient:Arch:00007"), raw(93, "\x00\x07"), raw(94, "\x01\x03\x00"), raw(97, "\x000123456789abcdef")}
		}},
		{"rapid commit", func(s *exchangeStep) { s.options = []option.Option{raw(80, "")} }},
		{"another type of hardware", func(s *exchangeStep) { s.htype = 6 }},
		{"no hardware address", func(s *exchangeStep) { s.noAddress = true }},
	} {
		for _, step := range []exchangeStep{discover, selects, reboots, renews, rebinds, informs} {
			v.change(&step)
			for _, p := range b.paths() {
				b.add("content: "+v.name+"/"+step.name+", "+p.name, p.relay, p.agent, ownLease, step)
			}
		}
	}
}

// manyOptions are asked for by clients of several kinds.
func manyOptions(b *exchangeTable) {
	list := func(codes ...option.Code) option.Option { return option.DHCPParameterRequestList.New(codes...) }
	raw := func(code option.Code, data string) option.Option {
		return option.Option{Code: code, Data: []byte(data)}
	}
	every := make([]option.Code, 0, 254)
	for code := option.Code(1); code < 255; code++ {
		every = append(every, code)
	}
	for _, v := range []struct {
		name string
		opts []option.Option
	}{
		{"no list", nil},
		{"a list of all", []option.Option{list(every...)}},
		{"a list of common ones", []option.Option{list(1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 42, 121)}},
		{"vendor options", []option.Option{list(43, 60, 125)}},
		{"vendor options of a vendor class", []option.Option{list(43, 60, 124, 125), raw(60, "docsis3.0")}},
		{"vendor options of an enterprise", []option.Option{list(43, 125), raw(124, "\x00\x00\x11\x8b\x04test")}},
		{"vendor options asked for in 125", []option.Option{list(43, 125), raw(125, "\x00\x00\x11\x8b\x03\x01\x01\x02")}},
		{"vendor options of another enterprise", []option.Option{list(43, 125), raw(125, "\x00\x00\x00\x09\x03\x01\x01\x02")}},
		{"times", []option.Option{list(51, 58, 59)}},
		{"own options", []option.Option{list(224, 225, 226)}},
		{"boot", []option.Option{list(66, 67, 150), raw(60, "PXEClient")}},
		{"a name", []option.Option{list(12, 15), option.HostName.New("Laptop")}},
		{"a name that is not asked for", []option.Option{list(15), option.HostName.New("Laptop")}},
	} {
		for _, step := range []exchangeStep{discover, selects, renews, informs} {
			step.noList, step.options = true, v.opts
			for _, p := range b.paths() {
				b.add("options: "+v.name+"/"+step.name+", "+p.name, p.relay, p.agent, ownLease, step)
				b.add("options: reserved, "+v.name+"/"+step.name+", "+p.name, p.relay, p.agent, func(c *exchangeCase) {
					c.reserve(c.want, c.me, `"option-data": [ { "name": "time-servers", "data": "10.1.0.99" }, { "name": "host-name", "data": "by-option" }, { "code": 225, "csv-format": false, "data": "beef" } ]`)
				}, step)
			}
		}
	}
}

// fullPools are subnets with two addresses, which others have. They are behind
// relay agents of their own.
func fullPools(b *exchangeTable) {
	second := func(state lease.State, over bool) func(c *exchangeCase) {
		return func(c *exchangeCase) {
			c.hold(c.second, dhcpClient{lease.MustParseHardwareAddr("02:aa:00:00:00:01"), nil}, state, over)
		}
	}
	taken := second(0, false)
	for _, s := range []struct {
		name string
		set  func(c *exchangeCase)
	}{
		{"full", func(c *exchangeCase) {
			c.hold(c.want, c.other, 0, false)
			taken(c)
		}},
		{"full, one is mine", func(c *exchangeCase) {
			c.hold(c.want, c.me, 0, false)
			taken(c)
		}},
		{"full, one expired", func(c *exchangeCase) {
			c.hold(c.want, c.other, 0, true)
			taken(c)
		}},
		{"full, another one expired", func(c *exchangeCase) {
			c.hold(c.want, c.other, 0, false)
			second(0, true)(c)
		}},
		{"full, another one reclaimed", func(c *exchangeCase) {
			c.hold(c.want, c.other, 0, false)
			second(lease.StateExpiredReclaimed, true)(c)
		}},
		{"full, another one declined", func(c *exchangeCase) {
			c.hold(c.want, c.other, 0, false)
			second(lease.StateDeclined, false)(c)
		}},
		{"full, another one was declined", func(c *exchangeCase) {
			c.hold(c.want, c.other, 0, false)
			second(lease.StateDeclined, true)(c)
		}},
		{"full, one reserved for another", func(c *exchangeCase) {
			c.reserve(c.want, c.other)
			taken(c)
		}},
		{"full, one reserved for me", func(c *exchangeCase) {
			c.reserve(c.want, c.me)
			taken(c)
		}},
		{"full, one out of the pool reserved for me", func(c *exchangeCase) {
			c.hold(c.want, c.other, 0, false)
			c.reserve(c.outside, c.me)
			taken(c)
		}},
		{"one is free", taken},
	} {
		for _, d := range []struct {
			name  string
			steps []exchangeStep
		}{
			{"DISCOVER", []exchangeStep{discover, selectsIt}},
			{"SELECTING", []exchangeStep{selects}},
			{"INIT-REBOOT", []exchangeStep{reboots}},
			{"RENEWING", []exchangeStep{renews}},
			{"REBINDING", []exchangeStep{rebinds}},
			{"REQUEST asking nothing", []exchangeStep{asksNothing}},
		} {
			b.addSubnet(s.name+"/"+d.name, s.set, d.steps...)
		}
	}
}

// fullLink is a link of the server whose pool of four addresses is full.
func fullLink(b *exchangeTable) {
	addr := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 4, 0, last}) }
	holder := dhcpClient{hardwareAddr: lease.MustParseHardwareAddr("02:aa:00:00:00:13")}
	first := true
	for _, s := range []struct {
		name string
		set  func(c *exchangeCase)
	}{
		{"another's lease", func(c *exchangeCase) { c.want = addr(10) }},
		{"out of the pool", func(c *exchangeCase) { c.want = addr(30) }},
		{"own lease", func(c *exchangeCase) { c.want, c.me = addr(13), holder }},
	} {
		for _, step := range []exchangeStep{discover, selects, reboots, renews, rebinds, asksNothing, informs} {
			b.add("full link, "+s.name+"/"+step.name, false, false, func(c *exchangeCase) {
				c.link, c.subnet = exchangeLinks[1], 4
				if first {
					for i := range byte(3) {
						c.hold(addr(10+i), dhcpClient{hardwareAddr: lease.MustParseHardwareAddr(fmt.Sprint("02:aa:00:00:00:", 10+i))}, 0, false)
					}
					c.hold(addr(13), holder, 0, false)
					first = false
				}
				s.set(c)
			}, step)
		}
	}
}

// relaysOfSubnet come from relay agents that the second subnet names, of which
// one is inside the first.
func relaysOfSubnet(b *exchangeTable) {
	for _, giaddr := range []string{"10.66.0.1", "10.1.66.1", "10.66.0.2"} {
		for _, step := range []exchangeStep{discover, selects, reboots, rebinds, asksNothing, informs, declines} {
			step.unicast = false
			b.add("relay agent "+giaddr+"/"+step.name, true, false, func(c *exchangeCase) {
				c.giaddr = netip.MustParseAddr(giaddr)
				ownLease(c)
			}, step)
		}
	}
}

// otherIdentifiers are those of reservations by DUID and circuit id.
func otherIdentifiers(b *exchangeTable) {
	host := func(c *exchangeCase, key, value string, addr netip.Addr) {
		c.hosts = append(c.hosts, fmt.Sprintf(`{ %q: %q, "ip-address": "%v", "hostname": "by-%s" }`, key, value, addr, key))
	}
	duid := func(c *exchangeCase) string {
		d := fmt.Sprintf("00030001%x", c.me.id[1:])
		raw, _ := hex.DecodeString("ff00000001" + d)
		c.me.id = raw
		return d
	}
	port := func(c *exchangeCase) string {
		c.port = "port-" + c.me.hardwareAddr.String()
		return hex.EncodeToString([]byte(c.port))
	}
	for _, s := range []struct {
		name string
		set  func(c *exchangeCase)
	}{
		{"by DUID", func(c *exchangeCase) { host(c, "duid", duid(c), c.want) }},
		{"by DUID, which is not sent as one", func(c *exchangeCase) { host(c, "duid", hex.EncodeToString(c.me.id), c.want) }},
		{"by circuit id", func(c *exchangeCase) { host(c, "circuit-id", port(c), c.want) }},
		{"by circuit id, leased", func(c *exchangeCase) {
			host(c, "circuit-id", port(c), c.want)
			ownLease(c)
		}},
		{"by circuit id and hardware address", func(c *exchangeCase) {
			host(c, "circuit-id", port(c), c.want)
			host(c, "hw-address", c.me.hardwareAddr.String(), c.second)
		}},
		{"by hardware address and DUID", func(c *exchangeCase) {
			host(c, "hw-address", c.me.hardwareAddr.String(), c.want)
			host(c, "duid", duid(c), c.second)
		}},
		{"by DUID and client id", func(c *exchangeCase) {
			host(c, "duid", duid(c), c.want)
			host(c, "client-id", hex.EncodeToString(c.me.id), c.second)
		}},
	} {
		for _, m := range messages {
			for _, p := range b.paths() {
				b.add("reserved "+s.name+"/"+m.name+", "+p.name, p.relay, p.agent, s.set, m)
			}
		}
	}
}

// relayInformation is what relay agents, or clients, tell about the link and
// the server.
func relayInformation(b *exchangeTable) {
	raw := func(code option.Code, data string) option.Option {
		return option.Option{Code: code, Data: []byte(data)}
	}
	foreign := func(c *exchangeCase) { c.giaddr = netip.MustParseAddr("10.77.0.1") }
	otherSubnet := func(c *exchangeCase) {
		c.want, c.subnet = c.elsewhere, c.elsewhereID
		c.hold(c.want, c.me, 0, false)
	}
	for _, v := range []struct {
		name string
		set  func(c *exchangeCase)
		opt  option.Option
	}{
		{"link selection", otherSubnet, raw(82, "\x01\x01x\x05\x04\x0a\x01\x00\x00")},
		{"link selection of the same subnet", ownLease, raw(82, "\x05\x04\x0a\x02\x00\x00")},
		{"link selection of an unknown one", ownLease, raw(82, "\x05\x04\x0a\x4d\x00\x00")},
		{"link selection of zeros", ownLease, raw(82, "\x05\x04\x00\x00\x00\x00")},
		{"link selection cut short", ownLease, raw(82, "\x05\x03\x0a\x01\x00")},
		{"subnet selection", otherSubnet, raw(118, "\x0a\x01\x00\x00")},
		{"subnet selection of an unknown one", ownLease, raw(118, "\x0a\x4d\x00\x00")},
		{"subnet selection of zeros", ownLease, raw(118, "\x00\x00\x00\x00")},
		{"server id override", ownLease, raw(82, "\x01\x01x\x0b\x04\x0a\x02\x00\x02")},
		{"relay source port", ownLease, raw(82, "\x01\x01x\x13\x00")},
		{"relay agent of nowhere and link selection", func(c *exchangeCase) {
			foreign(c)
			otherSubnet(c)
		}, raw(82, "\x05\x04\x0a\x01\x00\x00")},
	} {
		for _, step := range []exchangeStep{discover, selects, reboots, rebinds, asksNothing, informs} {
			step.options = []option.Option{v.opt}
			step.unicast, step.relayPort = false, 1067
			b.add("relay: "+v.name+"/"+step.name, true, false, v.set, step)
		}
	}
	for _, step := range []exchangeStep{discover, selects, reboots, rebinds, asksNothing, informs, releases} {
		step.options = []option.Option{raw(118, "\x0a\x02\x00\x00")}
		b.add("client: subnet selection/"+step.name, false, false, otherSubnet, step)
	}
}

// oddMessages are requests that no good client sends.
func oddMessages(b *exchangeTable) {
	unknown := netip.MustParseAddr("10.77.0.1")
	foreignRelay := func(c *exchangeCase) { c.giaddr = unknown }
	for _, m := range messages {
		b.add("relay of an unknown network/"+m.name, true, false, foreignRelay, m)
		b.add("relay of an unknown network, lease/"+m.name, true, false, func(c *exchangeCase) {
			ownLease(c)
			foreignRelay(c)
		}, m)
	}
	with := func(s exchangeStep, opts ...option.Option) exchangeStep {
		s.options = opts
		return s
	}
	raw := func(code option.Code, data string) option.Option {
		return option.Option{Code: code, Data: []byte(data)}
	}
	for i, s := range []struct {
		name string
		step exchangeStep
	}{
		{"DISCOVER with our server id", exchangeStep{kind: dhcp.TypeDiscover, server: "ours"}},
		{"DISCOVER with another server's id", exchangeStep{kind: dhcp.TypeDiscover, server: "other"}},
		{"DISCOVER with ciaddr", exchangeStep{kind: dhcp.TypeDiscover, ciaddr: true}},
		{"SELECTING with ciaddr", exchangeStep{kind: dhcp.TypeRequest, ciaddr: true, server: "ours", requested: true}},
		{"RENEWING with a server id", exchangeStep{kind: dhcp.TypeRequest, ciaddr: true, server: "ours", unicast: true}},
		{"RENEWING with another server's id", exchangeStep{kind: dhcp.TypeRequest, ciaddr: true, server: "other", unicast: true}},
		{"RENEWING with a requested address", exchangeStep{kind: dhcp.TypeRequest, ciaddr: true, requested: true, unicast: true}},
		{"INIT-REBOOT by unicast", exchangeStep{kind: dhcp.TypeRequest, requested: true, unicast: true}},
		{"INIT-REBOOT to all", exchangeStep{kind: dhcp.TypeRequest, requested: true, flags: dhcp.FlagBroadcast}},
		{"INFORM without address", exchangeStep{kind: dhcp.TypeInform}},
		{"INFORM by broadcast", exchangeStep{kind: dhcp.TypeInform, ciaddr: true}},
		{"INFORM without ciaddr by unicast", exchangeStep{kind: dhcp.TypeInform, unicast: true}},
		{"INFORM to all", exchangeStep{kind: dhcp.TypeInform, ciaddr: true, flags: dhcp.FlagBroadcast}},
		{"INFORM with a server id", exchangeStep{kind: dhcp.TypeInform, ciaddr: true, server: "other"}},
		{"RELEASE by broadcast", exchangeStep{kind: dhcp.TypeRelease, ciaddr: true, server: "ours"}},
		{"RELEASE without address", exchangeStep{kind: dhcp.TypeRelease, server: "ours"}},
		{"RELEASE of a requested address", exchangeStep{kind: dhcp.TypeRelease, requested: true, server: "ours"}},
		{"DECLINE without address", exchangeStep{kind: dhcp.TypeDecline, server: "ours"}},
		{"DECLINE of ciaddr", exchangeStep{kind: dhcp.TypeDecline, ciaddr: true, server: "ours"}},
		{"OFFER", exchangeStep{kind: dhcp.TypeOffer}},
		{"ACK", exchangeStep{kind: dhcp.TypeACK}},
		{"FORCERENEW", exchangeStep{kind: 9}},
		{"LEASEQUERY", exchangeStep{kind: 10, ciaddr: true}},
		{"a type of the future", exchangeStep{kind: 99}},
		{"requested address cut short", with(exchangeStep{kind: dhcp.TypeRequest}, raw(50, "\x0a\x01\x80"))},
		{"requested address of zeros", with(exchangeStep{kind: dhcp.TypeRequest}, raw(50, "\x00\x00\x00\x00"))},
		{"server id cut short", with(exchangeStep{kind: dhcp.TypeRequest, requested: true}, raw(54, "\x0a\x01"))},
		{"agent information from the client", with(discover, raw(82, "\x01\x01x"))},
		{"empty agent information", with(discover, raw(82, ""))},
	} {
		for _, p := range paths[:2] {
			if p.relay && s.step.unicast && !s.step.ciaddr {
				continue // such a client has no address that it could use
			}
			b.add(fmt.Sprintf("odd %d: %s, %s", i+1, s.name, p.name), p.relay, false, ownLease, s.step)
		}
	}
}
