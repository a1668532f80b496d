package main

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

const randomPackets = 5000

func TestInsomniacslkReadsWhatWeWrite(t *testing.T) {
	r := newRandom(t)
	for i := range randomPackets {
		ours := randomMessage(r)
		packet, err := ours.AppendBinary(nil)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		theirs, err := dhcpv4.FromBytes(packet)
		if err != nil {
			t.Fatalf("packet %d: insomniacslk refuses % x: %v", i, packet, err)
		}
		if diff := diffMessages(fromInsomniacslk(theirs), ours); diff != "" {
			t.Fatalf("packet %d: insomniacslk (-) reads other than what we wrote (+) in % x\n%s", i, packet, diff)
		}
	}
}

func TestWeReadWhatInsomniacslkWrites(t *testing.T) {
	r := newRandom(t)
	var ours dhcp4.Message
	for i := range randomPackets {
		theirs := toInsomniacslk(randomMessage(r))
		packet := theirs.ToBytes()
		if err := ours.Unmarshal(packet); err != nil {
			t.Fatalf("packet %d: % x: %v", i, packet, err)
		}
		if diff := diffMessages(fromInsomniacslk(theirs), &ours); diff != "" {
			t.Fatalf("packet %d: insomniacslk wrote (-), we read (+) in % x\n%s", i, packet, diff)
		}
	}
}

// TestInsomniacslkAndWeAgreeOnTypedValues writes values with the typed options
// of one side and reads them with those of the other.
func TestInsomniacslkAndWeAgreeOnTypedValues(t *testing.T) {
	r := newRandom(t)
	for i := range randomPackets {
		want := randomValues(r)

		m := dhcp4.Message{Op: dhcp4.OpReply, HType: dhcp4.HTypeEthernet, Options: want.ours()}
		packet, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		theirs, err := dhcpv4.FromBytes(packet)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if diff := gocmp.Diff(want, theirValues(t, theirs), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Fatalf("packet %d: we wrote (-), insomniacslk reads (+)\n%s", i, diff)
		}

		theirs, err = dhcpv4.New(want.theirs()...)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Unmarshal(theirs.ToBytes()); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if diff := gocmp.Diff(want, ourValues(t, m.Options), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Fatalf("packet %d: insomniacslk wrote (-), we read (+)\n%s", i, diff)
		}
	}
}

// diffMessages compares all but the order of options, which insomniacslk
// forgets.
func diffMessages(a, b *dhcp4.Message) string {
	return gocmp.Diff(sorted(a), sorted(b), cmpopts.EquateComparable(netip.Addr{}))
}

func sorted(m *dhcp4.Message) *dhcp4.Message {
	m = m.Clone()
	slices.SortFunc(m.Options, func(a, b option.Option) int { return cmp.Compare(a.Code, b.Code) })
	return m
}

func fromInsomniacslk(d *dhcpv4.DHCPv4) *dhcp4.Message {
	addr := func(ip net.IP) netip.Addr {
		a, _ := netip.AddrFromSlice(ip.To4())
		return a
	}
	m := &dhcp4.Message{
		Op: uint8(d.OpCode), HType: uint8(d.HWType), Hops: d.HopCount, XID: xid(d.TransactionID), Secs: d.NumSeconds, Flags: d.Flags,
		CIAddr: addr(d.ClientIPAddr), YIAddr: addr(d.YourIPAddr), SIAddr: addr(d.ServerIPAddr), GIAddr: addr(d.GatewayIPAddr),
		SName: []byte(d.ServerHostName), File: []byte(d.BootFileName),
	}
	m.HardwareAddr, _ = lease.HardwareAddrFrom(d.ClientHWAddr)
	for _, c := range slices.Sorted(maps.Keys(d.Options)) {
		m.Options = append(m.Options, option.Option{Code: option.Code(c), Data: d.Options[c]})
	}
	return m
}

func xid(id dhcpv4.TransactionID) uint32 {
	return uint32(id[0])<<24 | uint32(id[1])<<16 | uint32(id[2])<<8 | uint32(id[3])
}

func toInsomniacslk(m *dhcp4.Message) *dhcpv4.DHCPv4 {
	hw, _ := m.HardwareAddr.AppendBinary(nil)
	d := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeType(m.Op), HWType: iana.HWType(m.HType), HopCount: m.Hops,
		TransactionID: dhcpv4.TransactionID{byte(m.XID >> 24), byte(m.XID >> 16), byte(m.XID >> 8), byte(m.XID)},
		NumSeconds:    m.Secs, Flags: m.Flags, ClientHWAddr: hw,
		ClientIPAddr: asIP(m.CIAddr), YourIPAddr: asIP(m.YIAddr), ServerIPAddr: asIP(m.SIAddr), GatewayIPAddr: asIP(m.GIAddr),
		ServerHostName: string(m.SName), BootFileName: string(m.File), Options: dhcpv4.Options{},
	}
	for _, o := range m.Options {
		d.Options[uint8(o.Code)] = o.Data
	}
	return d
}

// values are what both sides have types for.
type values struct {
	Mask, Requested                              netip.Addr
	Routers, NameServers, NTP                    []netip.Addr
	HostName, DomainName                         string
	MaxSize                                      uint16
	Lifetime, T1, T2                             time.Duration
	Codes                                        []option.Code
	ClientID, CircuitID, RemoteID                []byte
	Search                                       []string
	Routes                                       []option.Route
	MessageType                                  uint8
	VendorClass, BootFile, ErrorText, TFTPServer string
}

func randomValues(r *rand.Rand) values {
	text := func() string { return "x" + string(randomText(r, 300)) }
	seconds := func() time.Duration { return time.Duration(r.Uint32()) * time.Second }
	v := values{
		Mask:      netip.AddrFrom4([4]byte(net.CIDRMask(r.IntN(33), 32))),
		Requested: randomAddr(r), Routers: randomAddrs(r), NameServers: randomAddrs(r), NTP: randomAddrs(r),
		HostName: text(), DomainName: text(), MaxSize: uint16(r.Uint32()),
		Lifetime: seconds(), T1: seconds(), T2: seconds(),
		ClientID: randomBytes(r, 1+r.IntN(300)), CircuitID: randomBytes(r, 1+r.IntN(120)), RemoteID: randomBytes(r, 1+r.IntN(120)),
		MessageType: uint8(r.Uint32()), VendorClass: text(), BootFile: text(), ErrorText: text(), TFTPServer: text(),
	}
	for range 1 + r.IntN(30) {
		v.Codes = append(v.Codes, option.Code(r.Uint32()))
		v.Search = append(v.Search, randomName(r))
		prefix, _ := randomAddr(r).Prefix(r.IntN(33))
		v.Routes = append(v.Routes, option.Route{Destination: prefix, Router: randomAddr(r)})
	}
	return v
}

func (v values) ours() option.Options {
	return option.Options{
		option.SubnetMask.New(v.Mask), option.DHCPRequestedAddress.New(v.Requested),
		option.Routers.New(v.Routers...), option.DomainNameServers.New(v.NameServers...), option.NTPServers.New(v.NTP...),
		option.HostName.New(v.HostName), option.DomainName.New(v.DomainName), option.DHCPMaxMessageSize.New(v.MaxSize),
		option.DHCPLeaseTime.New(v.Lifetime), option.DHCPRenewalTime.New(v.T1), option.DHCPRebindingTime.New(v.T2),
		option.DHCPParameterRequestList.New(v.Codes...), option.DHCPClientIdentifier.New(v.ClientID),
		option.DHCPAgentOptions.New(option.AgentCircuitID.New(v.CircuitID), option.AgentRemoteID.New(v.RemoteID)),
		option.DomainSearch.New(v.Search...), option.ClasslessStaticRoute.New(v.Routes...),
		option.DHCPMessageType.New(v.MessageType), option.VendorClassIdentifier.New(v.VendorClass),
		option.BootFileName.New(v.BootFile), option.DHCPMessage.New(v.ErrorText), option.TFTPServerName.New(v.TFTPServer),
	}
}

func ourValues(t *testing.T, o option.Options) values {
	t.Helper()
	agent := getList(t, &option.DHCPAgentOptions, o)
	return values{
		Mask: get(t, &option.SubnetMask, o), Requested: get(t, &option.DHCPRequestedAddress, o),
		Routers: getList(t, &option.Routers, o), NameServers: getList(t, &option.DomainNameServers, o), NTP: getList(t, &option.NTPServers, o),
		HostName: get(t, &option.HostName, o), DomainName: get(t, &option.DomainName, o), MaxSize: get(t, &option.DHCPMaxMessageSize, o),
		Lifetime: get(t, &option.DHCPLeaseTime, o), T1: get(t, &option.DHCPRenewalTime, o), T2: get(t, &option.DHCPRebindingTime, o),
		Codes: getList(t, &option.DHCPParameterRequestList, o), ClientID: get(t, &option.DHCPClientIdentifier, o),
		CircuitID: get(t, &option.AgentCircuitID, agent), RemoteID: get(t, &option.AgentRemoteID, agent),
		Search: getList(t, &option.DomainSearch, o), Routes: getList(t, &option.ClasslessStaticRoute, o),
		MessageType: get(t, &option.DHCPMessageType, o), VendorClass: get(t, &option.VendorClassIdentifier, o),
		BootFile: get(t, &option.BootFileName, o), ErrorText: get(t, &option.DHCPMessage, o), TFTPServer: get(t, &option.TFTPServerName, o),
	}
}

func get[T any](t *testing.T, d *option.Def[T], o option.Options) T {
	t.Helper()
	v, ok, err := d.Get(o)
	if !ok || err != nil {
		t.Fatalf("%s: ok %v, %v", d.Name, ok, err)
	}
	return v
}

func getList[E any](t *testing.T, d *option.ListDef[E], o option.Options) []E {
	t.Helper()
	vs, ok, err := d.Get(o)
	if !ok || err != nil {
		t.Fatalf("%s: ok %v, %v", d.Name, ok, err)
	}
	return vs
}

func (v values) theirs() []dhcpv4.Modifier {
	var codes []dhcpv4.OptionCode
	for _, c := range v.Codes {
		codes = append(codes, dhcpv4.GenericOptionCode(c))
	}
	var routes []*dhcpv4.Route
	for _, r := range v.Routes {
		routes = append(routes, &dhcpv4.Route{
			Dest:   &net.IPNet{IP: asIP(r.Destination.Addr()), Mask: net.CIDRMask(r.Destination.Bits(), 32)},
			Router: asIP(r.Router),
		})
	}
	var modifiers []dhcpv4.Modifier
	for _, o := range []dhcpv4.Option{
		dhcpv4.OptSubnetMask(net.IPMask(asIP(v.Mask))), dhcpv4.OptRequestedIPAddress(asIP(v.Requested)),
		dhcpv4.OptRouter(asIPs(v.Routers)...), dhcpv4.OptDNS(asIPs(v.NameServers)...), dhcpv4.OptNTPServers(asIPs(v.NTP)...),
		dhcpv4.OptHostName(v.HostName), dhcpv4.OptDomainName(v.DomainName), dhcpv4.OptMaxMessageSize(v.MaxSize),
		dhcpv4.OptIPAddressLeaseTime(v.Lifetime), dhcpv4.OptRenewTimeValue(v.T1), dhcpv4.OptRebindingTimeValue(v.T2),
		dhcpv4.OptParameterRequestList(codes...), dhcpv4.OptClientIdentifier(v.ClientID),
		dhcpv4.OptRelayAgentInfo(
			dhcpv4.OptGeneric(dhcpv4.AgentCircuitIDSubOption, v.CircuitID),
			dhcpv4.OptGeneric(dhcpv4.AgentRemoteIDSubOption, v.RemoteID)),
		dhcpv4.OptDomainSearch(&rfc1035label.Labels{Labels: v.Search}), dhcpv4.OptClasslessStaticRoute(routes...),
		dhcpv4.OptMessageType(dhcpv4.MessageType(v.MessageType)), dhcpv4.OptClassIdentifier(v.VendorClass),
		dhcpv4.OptBootFileName(v.BootFile), dhcpv4.OptMessage(v.ErrorText), dhcpv4.OptTFTPServerName(v.TFTPServer),
	} {
		modifiers = append(modifiers, dhcpv4.WithOption(o))
	}
	return modifiers
}

func theirValues(t *testing.T, d *dhcpv4.DHCPv4) values {
	t.Helper()
	addr := func(ip net.IP) netip.Addr { a, _ := netip.AddrFromSlice(ip.To4()); return a }
	addrs := func(ips []net.IP) (as []netip.Addr) {
		for _, ip := range ips {
			as = append(as, addr(ip))
		}
		return as
	}
	maxSize, err := d.MaxMessageSize()
	if err != nil {
		t.Fatal(err)
	}
	search := d.DomainSearch()
	if search == nil {
		t.Fatalf("insomniacslk cannot read the search list % x", d.Options.Get(dhcpv4.OptionDNSDomainSearchList))
	}
	v := values{
		Mask: addr(net.IP(d.SubnetMask())), Requested: addr(d.RequestedIPAddress()),
		Routers: addrs(d.Router()), NameServers: addrs(d.DNS()), NTP: addrs(d.NTPServers()),
		HostName: d.HostName(), DomainName: d.DomainName(), MaxSize: maxSize,
		Lifetime: d.IPAddressLeaseTime(-1), T1: d.IPAddressRenewalTime(-1), T2: d.IPAddressRebindingTime(-1),
		ClientID:    d.Options.Get(dhcpv4.OptionClientIdentifier),
		CircuitID:   d.RelayAgentInfo().Get(dhcpv4.AgentCircuitIDSubOption),
		RemoteID:    d.RelayAgentInfo().Get(dhcpv4.AgentRemoteIDSubOption),
		Search:      search.Labels,
		MessageType: uint8(d.MessageType()), VendorClass: d.ClassIdentifier(),
		BootFile: d.BootFileNameOption(), ErrorText: d.Message(), TFTPServer: d.TFTPServerName(),
	}
	for _, c := range d.ParameterRequestList() {
		v.Codes = append(v.Codes, option.Code(c.Code()))
	}
	for _, r := range d.ClasslessStaticRoute() {
		bits, _ := r.Dest.Mask.Size()
		v.Routes = append(v.Routes, option.Route{Destination: netip.PrefixFrom(addr(r.Dest.IP), bits), Router: addr(r.Router)})
	}
	return v
}
