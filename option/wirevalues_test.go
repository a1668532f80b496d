package option

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The values of the options of later RFCs on the wire. Where the RFC has an
// example it stands here, otherwise its figure is filled in.

func TestRFC2132PairsOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		are(&PolicyFilter, "0a000000 ff000000 c0a80000 ffff0000",
			AddressPair{addr("10.0.0.0"), addr("255.0.0.0")}, AddressPair{addr("192.168.0.0"), addr("255.255.0.0")}),
		are(&StaticRoutes, "0a000001 c0a80101", AddressPair{addr("10.0.0.1"), addr("192.168.1.1")}),
		rows(&StaticRoutes, nil, "0a000001 c0a80101 0a000002", "error: static-routes (33): offset 8: has 4 octets, needs 8"),
		is(&TimeOffset, -18000, "ffffb9b0"),
		are(&PathMTUPlateauTable, "0044 0128 01fc 03ea", 68, 296, 508, 1002),
		is(&PathMTUAgingTimeout, 10*time.Minute, "00000258"),
		is(&IPForwarding, true, "01"),
		is(&NetBIOSNodeType, 8, "08"),
		is(&BootSize, 2, "0002"),
		rows(&MobileIPHomeAgent, []netip.Addr{}, "", []netip.Addr(nil)), // section 8.13: may be empty
	} {
		tc.check(t)
	}
}

func TestUserClassesOnTheWire(t *testing.T) {
	long := strings.Repeat("78", 256)
	for _, tc := range []wireTest{
		are(&UserClass, "03616363 0568656c6c6f", []byte("acc"), []byte("hello")),
		rows(&UserClass, nil, "69505845", [][]byte{[]byte("iPXE")}),                                // iPXE
		rows(&UserClass, nil, "52524153 2e4d6963726f736f6674", [][]byte{[]byte("RRAS.Microsoft")}), // Microsoft
		rows(&UserClass, nil, "0361626300", [][]byte{{3, 'a', 'b', 'c', 0}}),                       // no list: the empty class
		rows(&UserClass, nil, "00", [][]byte{{0}}),
		rows(&UserClass, nil, "", [][]byte(nil)),
		rows(&UserClass, nil, long, "error: user-class (77): offset 0: is longer than 255 octets"),
	} {
		tc.check(t)
	}
	if err := UserClass.New(nil).Err(); err == nil || err.Error() != "user-class (77): value 0: class is empty" {
		t.Error(err)
	}
}

func TestSLPOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		is(&SLPDirectoryAgent, SLPDirectoryAgents{true, []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}}, "01 c0000201 c0000202"),
		is(&SLPDirectoryAgent, SLPDirectoryAgents{}, "00"),
		row(&SLPDirectoryAgent, nil, "", "error: slp-directory-agent (78): offset 0: has 0 octets, needs 1"),
		row(&SLPDirectoryAgent, nil, "00c00002", "error: slp-directory-agent (78): offset 0: has 3 octets, needs 4"),
		is(&SLPServiceScope, SLPScopes{true, "a,b"}, "01 612c62"),
		is(&SLPServiceScope, SLPScopes{}, "00"),
		row(&SLPServiceScope, nil, "016100", SLPScopes{true, "a"}),
		row(&SLPServiceScope, nil, "0261", "error: slp-service-scope (79): offset 0: is neither 0 nor 1"),
	} {
		tc.check(t)
	}
}

func TestClientNamesOnTheWire(t *testing.T) {
	const wire = FQDNFlagE
	for _, tc := range []wireTest{
		is(&ClientFQDN, ClientName{Flags: wire | FQDNFlagS, Name: "client.example.com."}, "050000 06636c69656e74 076578616d706c65 03636f6d 00"),
		is(&ClientFQDN, ClientName{Flags: wire, Name: "client"}, "040000 06636c69656e74"),
		is(&ClientFQDN, ClientName{Flags: wire, Name: "client.lab"}, "040000 06636c69656e74 036c6162"),
		is(&ClientFQDN, ClientName{Flags: wire, Name: ""}, "040000"),
		is(&ClientFQDN, ClientName{Flags: wire, Name: "."}, "040000 00"),
		is(&ClientFQDN, ClientName{Flags: wire, Name: `a\.`}, "040000 02612e"),
		is(&ClientFQDN, ClientName{Flags: wire, Name: `a\..`}, "040000 02612e 00"),
		is(&ClientFQDN, ClientName{Flags: wire, Name: `a\\.`}, "040000 02615c 00"),
		is(&ClientFQDN, ClientName{Flags: FQDNFlagS, Name: "client.example.com"}, "010000 636c69656e742e6578616d706c652e636f6d"),
		is(&ClientFQDN, ClientName{Flags: 0, Name: "client.example.com."}, "000000 636c69656e742e6578616d706c652e636f6d2e"),
		is(&ClientFQDN, ClientName{Flags: wire | FQDNFlagO | FQDNFlagN, RCode1: 255, RCode2: 255, Name: "a."}, "0effff 016100"),
		row(&ClientFQDN, nil, "000000 6100", ClientName{Name: "a"}),
		row(&ClientFQDN, nil, "0000", "error: fqdn (81): offset 0: has 2 octets, needs 3"),
		row(&ClientFQDN, nil, "040000 0361", "error: fqdn (81): offset 0: domain name goes on after the end"),
		row(&ClientFQDN, nil, "040000 0161 00 01", "error: fqdn (81): offset 0: the payload goes on after the value"),
		row(&ClientFQDN, nil, "040000 0161 c003", "error: fqdn (81): offset 0: domain name is compressed"),
		row(&ClientFQDN, nil, "040000 "+strings.Repeat("0161", 128), "error: fqdn (81): offset 0: domain name is longer than 255 octets"),
		row(&ClientFQDN, nil, "040000 "+strings.Repeat("3f"+strings.Repeat("61", 63), 4), "error: fqdn (81): offset 0: domain name is longer than 255 octets"),
	} {
		tc.check(t)
	}
}

func TestISNSOnTheWire(t *testing.T) {
	v := ISNSServers{Functions: 3, DiscoveryAccess: 0x11, Administrative: 1, Security: 0x80000001, Servers: []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}}
	for _, tc := range []wireTest{
		is(&ISNS, v, "0003 0011 0001 80000001 c0000201 c0000202"),
		row(&ISNS, nil, "0003 0011 0001 800000", "error: isns (83): offset 0: has 9 octets, needs 10"),
	} {
		tc.check(t)
	}
}

func TestAuthenticationOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		is(&Authenticate, Authentication{1, 1, 0, 0x0102030405060708, unhex("00000001 000102030405060708090a0b0c0d0e0f")},
			"01 01 00 0102030405060708 00000001 000102030405060708090a0b0c0d0e0f"),
		is(&Authenticate, Authentication{0, 0, 0, 0, []byte("token")}, "00 00 00 0000000000000000 746f6b656e"),
		row(&Authenticate, nil, "01 01 00 01020304050607", "error: authenticate (90): offset 0: has 10 octets, needs 11"),
		is(&AgentAuth, AgentAuthentication{1, 1, 9, 0xc0000201, unhex("aabb")}, "01 01 0000000000000009 c0000201 aabb"),
		row(&AgentAuth, nil, "01 f1 0000000000000009 c0000201", AgentAuthentication{1, 1, 9, 0xc0000201, []byte{}}),
		row(&AgentAuth, nil, "01 01 0000000000000009 c00002", "error: auth (8): offset 0: has 13 octets, needs 14"),
	} {
		tc.check(t)
	}
	if AgentAuth.New(AgentAuthentication{RDM: 16}).Err() == nil {
		t.Error("no error")
	}
}

func TestPXEOnTheWire(t *testing.T) {
	guid := unhex("00112233445566778899aabbccddeeff")
	for _, tc := range []wireTest{
		are(&ClientSystem, "0000 0007", 0, uint16(7)),
		is(&ClientNDI, NetworkInterface{1, 3, 16}, "010310"),
		row(&ClientNDI, nil, "0103", "error: client-ndi (94): offset 0: has 2 octets, needs 3"),
		is(&UUIDGUID, MachineID{0, guid}, "00 00112233445566778899aabbccddeeff"),
		row(&UUIDGUID, nil, "", "error: uuid-guid (97): offset 0: has 0 octets, needs 1"),
		is(&PXEDiscoveryControl, 3, "03"),
		are(&PXEBootServers, "0001 02 c0000201 c0000202 8000 00",
			PXEServers{1, []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}}, PXEServers{0x8000, nil}),
		rows(&PXEBootServers, nil, "0001 02 c0000201", "error: boot-servers (8): offset 0: goes on after the end"),
		rows(&PXEBootServers, nil, "0001", "error: boot-servers (8): offset 0: has 2 octets, needs 3"),
		are(&PXEBootMenu, "0000 05 4c6f63616c 0001 00", PXEMenuItem{0, "Local"}, PXEMenuItem{1, ""}),
		rows(&PXEBootMenu, nil, "0000 05 4c", "error: boot-menu (9): offset 0: goes on after the end"),
		is(&PXEMenuPrompt, PXEPrompt{10, "Press F8"}, "0a 5072657373204638"),
		row(&PXEMenuPrompt, nil, "", "error: menu-prompt (10): offset 0: has 0 octets, needs 1"),
		is(&PXEBootItem, PXEItem{1, 0x8000}, "0001 8000"),
		are(&VendorEncapsulatedOptions, "06010a 0a 09 0a5072657373204638",
			PXEDiscoveryControl.New(10), PXEMenuPrompt.New(PXEPrompt{10, "Press F8"})),
		is(&PXELINUXMagic, 0xf100747e, "f100747e"), // RFC 5071, section 3
	} {
		tc.check(t)
	}
	for _, o := range []Option{
		PXEBootServers.New(PXEServers{Addrs: make([]netip.Addr, 256)}),
		PXEBootMenu.New(PXEMenuItem{Description: strings.Repeat("x", 256)}),
	} {
		if o.Err() == nil {
			t.Error(o)
		}
	}
}

func TestSIPServersOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		// The examples of RFC 3361, section 3.
		is(&SIPServers, SIPProxies{Names: []string{"example.com", "example.net"}}, "00 076578616d706c65 03636f6d 00 076578616d706c65 036e6574 00"),
		is(&SIPServers, SIPProxies{Addrs: []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}}, "01 c0000201 c0000202"),
		row(&SIPServers, nil, "00 0161 076578616d706c65 00 0162 c002", SIPProxies{Names: []string{"a.example", "b.example"}}),
		row(&SIPServers, nil, "00", "error: sip-servers (120): offset 0: has neither a name nor an address"),
		row(&SIPServers, nil, "02 01020304", "error: sip-servers (120): offset 0: the encoding is neither 0 nor 1"),
		row(&SIPServers, nil, "01 c00002", "error: sip-servers (120): offset 0: has 3 octets, needs 4"),
		are(&SIPUACSDomains, "07 6578616d706c65 00 0161 00", "example", "a"),
		rows(&SIPUACSDomains, nil, "07 6578616d706c65 00 0161 c000", []string{"example", "a.example"}),
	} {
		tc.check(t)
	}
	for _, v := range []SIPProxies{{}, {[]string{"a"}, []netip.Addr{addr("192.0.2.1")}}, {Names: []string{"a..b"}}} {
		if SIPServers.New(v).Err() == nil {
			t.Error(v)
		}
	}
}

func TestVendorDataOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		are(&VIVCOSuboptions, "00000de9 05 04 61636d65 0000118b 00", VendorData{3561, unhex("0461636d65")}, VendorData{4491, []byte{}}),
		are(&VIVSOSuboptions, "0000118b 04 01020102 00000de9 03 010161", VendorData{4491, unhex("01020102")}, VendorData{3561, unhex("010161")}),
		rows(&VIVSOSuboptions, nil, "0000118b 02 0100 0000118b 01 ff 00000001 00", []VendorData{{4491, unhex("0100ff")}, {1, []byte{}}}),
		rows(&VIVSOSuboptions, nil, "0000118b", "error: vivso-suboptions (125): offset 0: goes on after the end"),
		rows(&VIVSOSuboptions, nil, "0000118b 00 0000", "error: vivso-suboptions (125): offset 5: has 2 octets, needs 4"),
		rows(&VIVSOSuboptions, nil, "0000118b 00 0000118b 05 01", "error: vivso-suboptions (125): offset 0: goes on after the end"),
		are(&AgentVendorSpecificInfo, "00000de9 03 010161", VendorData{3561, unhex("010161")}),
	} {
		tc.check(t)
	}
}

func TestRADIUSAttributesOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		are(&AgentRADIUS, "01 05 626f62 1a 02", RADIUSAttribute{1, []byte("bob")}, RADIUSAttribute{26, []byte{}}),
		rows(&AgentRADIUS, nil, "01 01", "error: radius (7): offset 0: attribute is shorter than its head"),
		rows(&AgentRADIUS, nil, "01 05 62", "error: radius (7): offset 0: goes on after the end"),
	} {
		tc.check(t)
	}
	if AgentRADIUS.New(RADIUSAttribute{1, make([]byte, 254)}).Err() == nil {
		t.Error("no error")
	}
}

func TestAgentSubOptionsOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		is(&AgentDOCSISDeviceClass, 1, "00000001"),
		is(&AgentRelayFlags, 0x80, "80"), // RFC 5010: unicast
		is(&AgentAccessTechnoType, 4, "0004"),
		is(&AgentAccessPointBSSID, [6]byte{2, 0, 0, 0, 0, 1}, "020000000001"),
		row(&AgentAccessPointBSSID, nil, "0200000000", "error: access-point-bssid (16): offset 0: has 5 octets, needs 6"),
		is(&AgentOperatorID, 10415, "000028af"),
		is(&AgentVirtualSubnetSelect, VSS{VSSName, []byte("red")}, "00 726564"),
		is(&VirtualSubnetSelection, VSS{VSSID, unhex("0000a1000000ff")}, "01 0000a1000000ff"),
		is(&VirtualSubnetSelection, VSS{VSSGlobal, []byte{}}, "ff"),
		row(&VirtualSubnetSelection, nil, "", "error: virtual-subnet-selection (221): offset 0: has 0 octets, needs 1"),
		row(&VirtualSubnetSelection, nil, "01 00", "error: virtual-subnet-selection (221): offset 0: the VPN-ID has not 7 octets"),
		row(&VirtualSubnetSelection, nil, "ff 00", "error: virtual-subnet-selection (221): offset 0: the global VPN has no information"),
	} {
		tc.check(t)
	}
}

func TestEmptyOptionIsThereOrNot(t *testing.T) {
	for _, d := range []*EmptyDef{&RapidCommit, &AgentRelayPort, &AgentVirtualSubnetSelectCtrl} {
		if ok, err := d.Get(Options{d.New()}); !ok || err != nil {
			t.Error(d.Name, ok, err)
		}
		if ok, err := d.Get(nil); ok || err != nil {
			t.Error(d.Name, ok, err)
		}
		if ok, err := d.Get(Options{{Code: d.Code, Data: []byte{1}}}); ok || err == nil {
			t.Error(d.Name, ok, err)
		}
		if ok, err := d.Get(Options{Never(d.Code)}); ok || err != nil {
			t.Error(d.Name, ok, err)
		}
	}
	own := DefineEmpty(Definition{Space: "dhcp4", Name: "flag", Code: 224})
	if ok, err := own.Get(Options{own.New()}); !ok || err != nil {
		t.Error(ok, err)
	}
}

func TestSZTPRedirectOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		are(&V4SZTPRedirect, "000f 68747470733a2f2f612e6578616d70 0001 62", "https://a.examp", "b"),
		rows(&V4SZTPRedirect, nil, "0003 6162", "error: v4-sztp-redirect (143): offset 0: goes on after the end"),
		rows(&V4SZTPRedirect, nil, "0000", "error: v4-sztp-redirect (143): offset 0: is empty"),
		rows(&V4SZTPRedirect, nil, "00", "error: v4-sztp-redirect (143): offset 0: has 1 octets, needs 2"),
	} {
		tc.check(t)
	}
	if V4SZTPRedirect.New(strings.Repeat("x", MaxLen+1)).Err() == nil || V4SZTPRedirect.New("").Err() == nil {
		t.Error("no error")
	}
}

func TestRDNSSSelectionOnTheWire(t *testing.T) {
	v := RDNSS{1, addr("192.0.2.1"), addr("0.0.0.0"), []string{"example.com", "2.0.192.in-addr.arpa"}}
	for _, tc := range []wireTest{
		is(&RDNSSSelection, v, "01 c0000201 00000000 076578616d706c65 03636f6d 00 0132 0130 03313932 07696e2d61646472 0461727061 00"),
		row(&RDNSSSelection, nil, "ff c0000201 c0000202", RDNSS{3, addr("192.0.2.1"), addr("192.0.2.2"), nil}),
		row(&RDNSSSelection, nil, "ff c0000201 c00002", "error: rdnss-selection (146): offset 0: has 8 octets, needs 9"),
		row(&RDNSSSelection, nil, "ff c0000201 c0000202 01", "error: rdnss-selection (146): offset 0: domain name goes on after the end"),
	} {
		tc.check(t)
	}
	for _, v := range []RDNSS{{Preference: 4, Primary: addr4, Secondary: addr4}, {Primary: addr4}, {0, addr4, addr4, []string{""}}} {
		if RDNSSSelection.New(v).Err() == nil {
			t.Error(v)
		}
	}
}

func TestLeasequeryOptionsOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		is(&ClientLastTransactionTime, 90*time.Second, "0000005a"),
		are(&AssociatedIP, "c0000201", addr("192.0.2.1")),
		is(&StatusCode, Status{3, "bad"}, "03 626164"),
		is(&StatusCode, Status{0, ""}, "00"),
		row(&StatusCode, nil, "", "error: status-code (151): offset 0: has 0 octets, needs 1"),
		row(&StatusCode, nil, "01 610062", "error: status-code (151): offset 0: has a NUL within the text"),
		is(&BaseTime, time.Date(2011, 12, 13, 14, 15, 16, 0, time.UTC), "4ee75df4"),
		row(&BaseTime, ptr(time.Date(2011, 12, 13, 14, 15, 16, 999, time.FixedZone("", 3600))), "4ee74fe4", time.Date(2011, 12, 13, 13, 15, 16, 0, time.UTC)),
		is(&QueryEndTime, time.Date(2106, 2, 7, 6, 28, 15, 0, time.UTC), "ffffffff"),
		row(&QueryStartTime, nil, "00", "error: query-start-time (154): offset 0: has 1 octets, needs 4"),
		is(&StartTimeOfState, time.Minute, "0000003c"),
		is(&DHCPState, 2, "02"),
		is(&DataSource, 1, "01"),
	} {
		tc.check(t)
	}
	for _, v := range []time.Time{{}, time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC)} {
		if BaseTime.New(v).Err() == nil {
			t.Error(v)
		}
	}
}

func TestPCPServersOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		are(&V4PCPServer, "04 c0000201 08 c6336401 c6336402", []netip.Addr{addr("192.0.2.1")}, []netip.Addr{addr("198.51.100.1"), addr("198.51.100.2")}),
		rows(&V4PCPServer, nil, "00", "error: v4-pcp-server (158): offset 0: has no address"),
		rows(&V4PCPServer, nil, "03 c00002", "error: v4-pcp-server (158): offset 0: has 3 octets, needs 4"),
		rows(&V4PCPServer, nil, "04 c00002", "error: v4-pcp-server (158): offset 0: goes on after the end"),
	} {
		tc.check(t)
	}
	for _, v := range [][]netip.Addr{nil, make([]netip.Addr, 64), {{}}} {
		if V4PCPServer.New(v).Err() == nil {
			t.Error(v)
		}
	}
}

func TestPortParamsOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		is(&V4PortParams, PortParams{8, 4, 3}, "08 04 3000"), // 3/4, as Kea writes it
		is(&V4PortParams, PortParams{0, 0, 0}, "00 00 0000"),
		is(&V4PortParams, PortParams{0, 16, 0xffff}, "00 10 ffff"),
		row(&V4PortParams, nil, "08 04 3fff", PortParams{8, 4, 3}),
		row(&V4PortParams, nil, "08 11 0000", "error: v4-portparams (159): offset 0: "+string(errPSID)),
		row(&V4PortParams, nil, "10 01 0000", "error: v4-portparams (159): offset 0: "+string(errPortOffset)),
		row(&V4PortParams, nil, "08 04 30", "error: v4-portparams (159): offset 0: has 3 octets, needs 4"),
	} {
		tc.check(t)
	}
	for _, v := range []PortParams{{Offset: 16}, {PSIDLength: 17}, {PSIDLength: 4, PSID: 16}} {
		if V4PortParams.New(v).Err() == nil {
			t.Error(v)
		}
	}
}

func TestDNROnTheWire(t *testing.T) {
	const name = "03646f74 076578616d706c65 00" // dot.example, 13 octets
	full := DNR{100, "dot.example", []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")},
		[]ServiceParam{{ParamALPN, unhex("03646f74")}, {ParamPort, unhex("2152")}}}
	for _, tc := range []wireTest{
		are(&V4DNR, "0010 00c8 0d "+name+" 0027 0064 0d "+name+" 08 c0000201 c0000202 0001 0004 03646f74 0003 0002 2152",
			DNR{Priority: 200, Name: "dot.example"}, full),
		rows(&V4DNR, nil, "0010 00c8 0d 03646f74 076578616d706c65", "error: v4-dnr (162): offset 0: the resolver goes on after the end"),
		rows(&V4DNR, nil, "0003 00c8 00 0000", "error: v4-dnr (162): offset 0: the resolver goes on after the end"),
		rows(&V4DNR, nil, "0003 00c8 00", "error: v4-dnr (162): offset 0: has 5 octets, needs 6"),
		rows(&V4DNR, nil, "0004 00c8 02 00 00", "error: v4-dnr (162): offset 0: goes on after the end"),
		rows(&V4DNR, nil, "0005 00c8 02 00 00", "error: v4-dnr (162): offset 0: the name does not fill its field"),
		rows(&V4DNR, nil, "0005 00c8 02 c000", "error: v4-dnr (162): offset 0: domain name is compressed"),
		rows(&V4DNR, nil, "0006 00c8 02 0161 00", "error: v4-dnr (162): offset 0: domain name goes on after the end"),
		rows(&V4DNR, nil, "0005 00c8 01 00 00", "error: v4-dnr (162): offset 0: "+string(errDNRNoAddrs)),
		rows(&V4DNR, nil, "0007 00c8 01 00 02 c000", "error: v4-dnr (162): offset 0: has 2 octets, needs 4"),
		rows(&V4DNR, nil, "0006 00c8 01 00 04 c0", "error: v4-dnr (162): offset 0: goes on after the end"),
		rows(&V4DNR, nil, "000c 00c8 01 00 04 c0000201 000300", "error: v4-dnr (162): offset 0: a service parameter goes on after the end"),
		rows(&V4DNR, nil, "000d 00c8 01 00 04 c0000201 00030001", "error: v4-dnr (162): offset 0: a service parameter goes on after the end"),
		rows(&V4DNR, nil, "0011 00c8 01 00 04 c0000201 00030000 00030000", "error: v4-dnr (162): offset 0: the keys of the service parameters do not ascend"),
	} {
		tc.check(t)
	}
	for _, v := range []DNR{
		{Name: ""},
		{Name: "a", Params: full.Params},
		{Name: "a", Addrs: make([]netip.Addr, 64)},
		{Name: "a", Addrs: []netip.Addr{{}}},
		{Name: "a", Addrs: full.Addrs, Params: []ServiceParam{{3, nil}, {1, nil}}},
		{Name: "a", Addrs: full.Addrs, Params: []ServiceParam{{3, make([]byte, MaxLen+1)}}},
		{Name: "a", Addrs: full.Addrs, Params: []ServiceParam{{3, make([]byte, MaxLen)}}},
	} {
		if V4DNR.New(v).Err() == nil {
			t.Error(v.Name, len(v.Addrs), len(v.Params))
		}
	}
}

func TestSixRDOnTheWire(t *testing.T) {
	v := SixRD{8, prefix("2001:db8::/32"), []netip.Addr{addr("192.0.2.1")}}
	for _, tc := range []wireTest{
		is(&Option6RD, v, "08 20 20010db8000000000000000000000000 c0000201"),
		row(&Option6RD, nil, "08 20 20010db8ffff00000000000000000000 c0000201", v),
		row(&Option6RD, nil, "08 20 20010db8000000000000000000000000 c00002", "error: option-6rd (212): offset 0: has 21 octets, needs 22"),
		row(&Option6RD, nil, "08 20 20010db8000000000000000000000000 c0000201 00", "error: option-6rd (212): offset 0: has 1 octets, needs 4"),
		row(&Option6RD, nil, "08 7f 20010db8000000000000000000000000 c0000201", "error: option-6rd (212): offset 0: the IPv4 mask has 8 bits and the prefix 127"),
		row(&Option6RD, nil, "21 20 20010db8000000000000000000000000 c0000201", "error: option-6rd (212): offset 0: the IPv4 mask has 33 bits and the prefix 32"),
	} {
		tc.check(t)
	}
	for _, v := range []SixRD{{Prefix: v.Prefix}, {BorderRelays: v.BorderRelays}, {0, prefix("10.0.0.0/8"), v.BorderRelays}, {0, prefix("2001:db8::/97"), v.BorderRelays}} {
		if Option6RD.New(v).Err() == nil {
			t.Error(v)
		}
	}
}

func TestSubnetAllocationOnTheWire(t *testing.T) {
	v := SubnetRequest{0, []Option{{Code: 1, Data: unhex("0018")}, {Code: 3, Data: []byte("lab")}}}
	for _, tc := range []wireTest{
		is(&SubnetAllocation, v, "00 01020018 03036c6162"),
		is(&SubnetAllocation, SubnetRequest{Flags: 1}, "01"),
		row(&SubnetAllocation, nil, "", "error: subnet-allocation (220): offset 0: has 0 octets, needs 1"),
		row(&SubnetAllocation, nil, "00 0102", "error: subnet-allocation (220): offset 0: sub-option goes on after the end"),
	} {
		tc.check(t)
	}
	if SubnetAllocation.New(SubnetRequest{Options: []Option{Never(1)}}).Err() == nil {
		t.Error("no error")
	}
}

func TestOtherOptionsOnTheWire(t *testing.T) {
	for _, tc := range []wireTest{
		are(&BCMSControllerNames, "0161 0162 00 0163 00", "a.b", "c"),
		rows(&BCMSControllerNames, nil, "0161 00 c000", "error: bcms-controller-names (88): offset 3: domain name is compressed"),
		is(&PCode, "EST5EDT4,M3.2.0/02:00,M11.1.0/02:00", "455354354544 54342c4d332e322e302f30323a30302c4d31312e312e302f30323a3030"), // RFC 4833, section 2
		is(&TCode, "Europe/Zurich", "4575726f70652f5a7572696368"),                                                                    // RFC 4833, section 2
		is(&V6OnlyPreferred, 30*time.Minute, "00000708"),
		is(&DHCP4O6S46SAddr, addr("2001:db8::1"), "20010db8000000000000000000000001"),
		is(&DHCP4O6S46SAddr, addr("::ffff:192.0.2.1"), "00000000000000000000ffffc0000201"),
		row(&DHCP4O6S46SAddr, nil, "2001", "error: dhcp4o6-s46-saddr (109): offset 0: has 2 octets, needs 16"),
		row(&V4CaptivePortal, nil, "6100", "error: v4-captive-portal (114): offset 0: has a NUL within the text"),
		row(&NDSTreeName, nil, "", "error: nds-tree-name (86): offset 0: is empty"),
		is(&V4CaptivePortal, "https://a.example/api", "68747470733a2f2f612e6578616d706c652f617069"),
		is(&AutoConfig, 1, "01"),
		are(&NameServiceSearch, "0006 0029 0000", 6, 41, uint16(0)),
		is(&SubnetSelection, addr("192.0.2.0"), "c0000200"),
		is(&V4LOST, "lost.example", "046c6f7374 076578616d706c65 00"),
		are(&ForcerenewNonceCapable, "01", uint8(1)),
		are(&V4DOTSAddress, "c0000201", addr("192.0.2.1")),
		are(&TFTPServerAddress, "c0000201 c0000202", addr("192.0.2.1"), addr("192.0.2.2")),
		is(&MUDURLV4, "https://a.example/m", "68747470733a2f2f612e6578616d706c652f6d"),
		is(&RebootTime, 30*time.Second, "0000001e"),
		are(&IPv4AddressMoS, "0104c0000201", MoSAddressIS.New(addr("192.0.2.1"))),
		are(&IPv4FQDNMoS, "0203016100", MoSNamesCS.New("a")),
		are(&CableLabsClientConf, "0104c0000201 0701 01", TSPPrimaryServer.New(addr("192.0.2.1")), TSPUseTGT.New(true)),
		is(&TSPProvisioningServer, ProvisioningServer{Name: "a"}, "00 016100"),
		is(&TSPProvisioningServer, ProvisioningServer{Addr: addr("192.0.2.1")}, "01 c0000201"),
		row(&TSPProvisioningServer, nil, "02", "error: tsp-provisioning-server (3): offset 0: "+string(errServerType)),
		row(&TSPProvisioningServer, nil, "", "error: tsp-provisioning-server (3): offset 0: "+string(errServerType)),
		is(&TSPASParameters, KerberosRetries{1000, 30, 5}, "000003e8 0000001e 00000005"),
		row(&TSPASParameters, nil, "000003e8 0000001e", "error: tsp-as-parameters (4): offset 0: has 8 octets, needs 12"),
		rows(&Etherboot, nil, "b10105 00 ff 01", []Option{{Code: 177, Data: []byte{5}}}),
	} {
		tc.check(t)
	}
	if TSPProvisioningServer.New(ProvisioningServer{"a", addr4}).Err() == nil {
		t.Error("no error")
	}
	for _, v := range []netip.Addr{addr4, {}, addr("fe80::1%eth0")} {
		if DHCP4O6S46SAddr.New(v).Err() == nil {
			t.Error(v)
		}
	}
}
