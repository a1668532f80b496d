package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

const (
	insomniacslk = "insomniacslk/dhcp"
	gopacketName = "gopacket, reused"
)

// tasks returns what is measured. It also makes sure that the two sides of a
// task do the same work.
func tasks() ([]task, error) {
	var all []task
	asDiscover, err := discover().AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	replier := &replier{terms: typicalTerms()}
	asACK, err := replier.appendReply(nil, asDiscover)
	if err != nil {
		return nil, err
	}
	asRelayed, err := relayed().AppendBinary(nil)
	if err != nil {
		return nil, err
	}

	for _, p := range []struct {
		name   string
		packet []byte
	}{
		{"DISCOVER", asDiscover},
		{"ACK, 12 options", asACK},
		{"DISCOVER, relayed", asRelayed},
	} {
		ours, theirs := new(dhcp4.Message), (*dhcpv4.DHCPv4)(nil)
		if err := ours.Unmarshal(p.packet); err != nil {
			return nil, err
		}
		if theirs, err = dhcpv4.FromBytes(p.packet); err != nil {
			return nil, err
		}
		into, layer := new(dhcp4.Message), new(layers.DHCPv4)
		buf := make([]byte, 0, 2048)
		decode := func() error { return into.Unmarshal(p.packet) }
		all = append(all,
			task{"decode " + p.name, insomniacslk, decode, func() error {
				_, err := dhcpv4.FromBytes(p.packet)
				return err
			}, 15},
			task{"decode " + p.name, gopacketName, decode, func() error {
				return layer.DecodeFromBytes(p.packet, gopacket.NilDecodeFeedback)
			}, 1},
			task{"encode " + p.name, insomniacslk, func() error {
				_, err := ours.AppendBinary(buf)
				return err
			}, func() error {
				theirs.ToBytes()
				return nil
			}, 8},
		)
	}

	theirTerms := asTheirTerms(typicalTerms())
	theirACK, err := theirTerms.reply(asDiscover)
	if err != nil {
		return nil, err
	}
	if err := sameOptions(asACK, theirACK); err != nil {
		return nil, err
	}
	buf := make([]byte, 0, 2048)
	all = append(all, task{"DISCOVER in, typed ACK out", insomniacslk, func() error {
		_, err := replier.appendReply(buf, asDiscover)
		return err
	}, func() error {
		_, err := theirTerms.reply(asDiscover)
		return err
	}, 15})
	return all, nil
}

// sameOptions returns an error unless the packets a and b hold the same
// options, in whatever order. Only we compress domain names (RFC 3397).
func sameOptions(a, b []byte) error {
	var ma, mb dhcp4.Message
	if err := ma.Unmarshal(a); err != nil {
		return err
	}
	if err := mb.Unmarshal(b); err != nil {
		return err
	}
	if len(ma.Options) != len(mb.Options) {
		return fmt.Errorf("one packet has %d options, the other %d", len(ma.Options), len(mb.Options))
	}
	for _, o := range ma.Options {
		p, ok := mb.Options.Lookup(o.Code)
		same := string(p) == string(o.Data)
		if o.Code == option.DomainSearch.Code {
			inA, _, _ := option.DomainSearch.Get(ma.Options)
			inB, _, _ := option.DomainSearch.Get(mb.Options)
			same = slices.Equal(inA, inB)
		}
		if !ok || !same {
			return fmt.Errorf("option %v differs: %x, %x", o.Code, o.Data, p)
		}
	}
	return nil
}

// theirTerms are terms in insomniacslk's types.
type theirTerms struct {
	terms
	addr, server, broadcast net.IP
	mask                    net.IPMask
	routers, nameServers    []net.IP
	routes                  []*dhcpv4.Route
}

func asTheirTerms(t terms) theirTerms {
	their := theirTerms{
		terms: t, addr: asIP(t.addr), server: asIP(t.server), broadcast: asIP(t.broadcast),
		mask: net.IPMask(asIP(t.mask)), routers: asIPs(t.routers), nameServers: asIPs(t.nameServers),
	}
	for _, r := range t.routes {
		their.routes = append(their.routes, &dhcpv4.Route{
			Dest:   &net.IPNet{IP: asIP(r.Destination.Addr()), Mask: net.CIDRMask(r.Destination.Bits(), 32)},
			Router: asIP(r.Router),
		})
	}
	return their
}

func asIP(a netip.Addr) net.IP { return a.AsSlice() }

func asIPs(as []netip.Addr) (ips []net.IP) {
	for _, a := range as {
		ips = append(ips, asIP(a))
	}
	return ips
}

// reply answers packet as the documentation of insomniacslk/dhcp shows it.
func (t *theirTerms) reply(packet []byte) ([]byte, error) {
	request, err := dhcpv4.FromBytes(packet)
	if err != nil {
		return nil, err
	}
	reply, err := dhcpv4.NewReplyFromRequest(request,
		dhcpv4.WithMessageType(dhcpv4.MessageTypeAck),
		dhcpv4.WithYourIP(t.addr),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(t.server)),
		dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(t.lifetime)),
		dhcpv4.WithOption(dhcpv4.OptRenewTimeValue(t.t1)),
		dhcpv4.WithOption(dhcpv4.OptRebindingTimeValue(t.t2)),
		dhcpv4.WithNetmask(t.mask),
		dhcpv4.WithOption(dhcpv4.OptBroadcastAddress(t.broadcast)),
		dhcpv4.WithRouter(t.routers...),
		dhcpv4.WithDNS(t.nameServers...),
		dhcpv4.WithOption(dhcpv4.OptDomainName(t.domain)),
		dhcpv4.WithOption(dhcpv4.OptDomainSearch(&rfc1035label.Labels{Labels: t.search})),
		dhcpv4.WithOption(dhcpv4.OptClasslessStaticRoute(t.routes...)),
	)
	if err != nil {
		return nil, err
	}
	return reply.ToBytes(), nil
}
