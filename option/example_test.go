package option_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/option"
)

func Example() {
	opts := option.Options{
		option.SubnetMask.New(netip.MustParseAddr("255.255.255.0")),
		option.Routers.New(netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.1.2")),
		option.DHCPLeaseTime.New(12 * time.Hour),
	}
	routers, ok, err := option.Routers.Get(opts)
	fmt.Println(routers, ok, err)
	_, ok, err = option.DomainName.Get(opts)
	fmt.Println(ok, err)
	// Output:
	// [192.168.1.1 192.168.1.2] true <nil>
	// false <nil>
}

func ExampleDef_New() {
	fmt.Println(option.InterfaceMTU.New(1500))
	fmt.Println(option.SubnetMask.New(netip.MustParseAddr("2001:db8::1")).Err())
	// Output:
	// interface-mtu (26) 05dc
	// subnet-mask (1): 2001:db8::1 is not an IPv4 address
}

func ExampleDef_NewIn() {
	var arena option.Arena // one for each exchange, used again and again
	for _, lifetime := range []time.Duration{time.Hour, 2 * time.Hour} {
		arena.Reset()
		fmt.Println(option.DHCPLeaseTime.NewIn(&arena, lifetime))
	}
	// Output:
	// dhcp-lease-time (51) 00000e10
	// dhcp-lease-time (51) 00001c20
}

func ExampleListDef_All() {
	opts := option.Options{{Code: 6, Data: []byte{8, 8, 8, 8, 9, 9}}}
	for server, err := range option.DomainNameServers.All(opts) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(server)
	}
	// Output:
	// 8.8.8.8
	// domain-name-servers (6): offset 4: has 2 octets, needs 4
}

// Sub-options are options within an option.
func ExampleListDef_Get_subOptions() {
	opts := option.Options{option.DHCPAgentOptions.New(
		option.AgentCircuitID.New([]byte("ge-0/0/1")),
		option.AgentLinkSelection.New(netip.MustParseAddr("192.0.2.0")),
	)}
	agent, _, _ := option.DHCPAgentOptions.Get(opts)
	circuit, ok, err := option.AgentCircuitID.Get(agent)
	fmt.Printf("%q %v %v\n", circuit, ok, err)
	// Output: "ge-0/0/1" true <nil>
}

// Option 82 as a relay agent sends it.
func ExampleDHCPAgentOptions() {
	opts := option.Options{{Code: 82, Data: []byte("\x01\x08ge-0/0/1\x02\x06\x02\x00\x00\x00\x00\x01\x05\x04\xc0\x00\x02\x00")}}
	agent, ok, err := option.DHCPAgentOptions.Get(opts)
	if !ok {
		fmt.Println("no option 82, or a malformed one:", err)
		return
	}
	circuit, _, _ := option.AgentCircuitID.Get(agent)
	remote, _, _ := option.AgentRemoteID.Get(agent)
	link, _, _ := option.AgentLinkSelection.Get(agent)
	_, ok, _ = option.AgentSubscriberID.Get(agent)
	fmt.Printf("%q %x %v %v\n", circuit, remote, link, ok)

	// Without types, each as its definition in the registry has it.
	for _, sub := range agent {
		d, _ := option.Standard().Lookup(option.DHCPAgentOptions.Encapsulates, sub.Code)
		text, err := d.FormatText(nil, sub.Data)
		fmt.Printf("%s: %s %v\n", d.Name, text, err)
	}
	// Output:
	// "ge-0/0/1" 020000000001 192.0.2.0 false
	// circuit-id: 67652d302f302f31 <nil>
	// remote-id: 020000000001 <nil>
	// link-selection: 192.0.2.0 <nil>
}

// The options of a vendor, within VIVSOSuboptions: 9 is Cisco's number.
func ExampleDefine_vendorOption() {
	server := option.Define(option.Definition{
		Space: option.EnterpriseSpace(9), Name: "controller", Code: 1, Kind: option.KindIPv4Address,
	}, &option.Address)

	data, err := option.NewVendorOptions(9, server.New(netip.MustParseAddr("192.0.2.1")))
	opts := option.Options{option.VIVSOSuboptions.New(data)}
	fmt.Println(opts, err)

	for data, err := range option.VIVSOSuboptions.All(opts) {
		if err != nil || data.Enterprise != 9 {
			continue
		}
		subs, err := data.AppendOptions(nil)
		fmt.Println(subs, err)
		fmt.Println(server.Get(subs))
	}
	// Output:
	// [vivso-suboptions (125) 00000009060104c0000201] <nil>
	// [subnet-mask (1) c0000201] <nil>
	// 192.0.2.1 true <nil>
}

// The options of a vendor, within VendorEncapsulatedOptions.
func ExampleRegistry_VendorSpace() {
	opts := option.Options{
		option.VendorClassIdentifier.New("PXEClient:Arch:00007:UNDI:003016"),
		option.VendorEncapsulatedOptions.New(option.PXEDiscoveryControl.New(8)),
	}
	class, _, _ := option.VendorClassIdentifier.Get(opts)
	space := option.Standard().VendorSpace(class)
	subs, _, err := option.VendorEncapsulatedOptions.Get(opts)
	for _, sub := range subs {
		d, ok := option.Standard().Lookup(space, sub.Code)
		fmt.Println(space, d.Name, ok, err)
	}
	// Output: PXEClient discovery-control true <nil>
}

// A definition made at run time, as one of Kea's option-defs gives it.
func ExampleDefinition_Validate() {
	d := option.Definition{Space: "dhcp4", Name: "color", Code: 224, Encapsulates: "paint"}
	var err error
	if d.Kind, d.Fields, err = option.ParseKinds("record", "uint8, ipv4-address"); err != nil {
		fmt.Println(err)
		return
	}
	if err := d.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	registry := option.Standard().With(d)

	d, _ = registry.LookupName("dhcp4", "color")
	payload, err := d.AppendText(nil, "7, 192.0.2.1")
	fmt.Printf("%x %v\n", payload, err)
	payload, err = d.AppendSubOptions(payload, option.Option{Code: 1, Data: []byte("red")})
	fmt.Printf("%x %v\n", payload, err)
	subs, own, err := d.SubOptions(nil, payload)
	text, _ := d.FormatText(nil, payload[:own])
	fmt.Printf("%s %q %v\n", text, subs[0].Data, err)
	// Output:
	// 07c0000201 <nil>
	// 07c00002010103726564 <nil>
	// 7, 192.0.2.1 "red" <nil>
}

func ExampleAppendRawText() {
	for _, text := range []string{"0a0b", "0x0a0b", "a:b", "0a 0b", "'text'", "0a:0b 0c"} {
		payload, err := option.AppendRawText(nil, text)
		fmt.Printf("%x %v\n", payload, err)
	}
	// Output:
	// 0a0b <nil>
	// 0a0b <nil>
	// 0a0b <nil>
	// 0a0b <nil>
	// 74657874 <nil>
	//  is neither hexadecimal digits, such as 0a0b, 0x0a0b, 0a:0b or 0a 0b, nor 'text'
}

func ExampleClientName() {
	opts := option.Options{option.ClientFQDN.New(option.ClientName{
		Flags: option.FQDNFlagS | option.FQDNFlagE, Name: "laptop.example.com.",
	})}
	name, ok, err := option.ClientFQDN.Get(opts)
	fmt.Println(name.Name, name.Flags&option.FQDNFlagS != 0, ok, err)
	// Output: laptop.example.com. true true <nil>
}

// An option that this package does not know, of a type that it knows.
func ExampleDefine() {
	color := option.Define(option.Definition{
		Space: "dhcp4", Name: "color", Code: 224, Kind: option.KindUint16,
	}, &option.Uint16)

	opts := option.Options{color.New(0xf00)}
	v, ok, err := color.Get(opts)
	fmt.Println(v, ok, err, opts)
	// Output: 3840 true <nil> [option 224 0f00]
}

// A type that this package does not know.
func ExampleNewWire() {
	type point struct{ x, y int8 }
	points := option.DefineList(option.Definition{
		Space: "dhcp4", Name: "points", Code: 225, Kind: option.KindInt8, Array: true,
	}, option.NewWire(
		func(dst []byte, p point) ([]byte, error) { return append(dst, byte(p.x), byte(p.y)), nil },
		func(b []byte) (point, int, error) {
			if len(b) < 2 {
				return point{}, 0, fmt.Errorf("half a point")
			}
			return point{int8(b[0]), int8(b[1])}, 2, nil
		}))

	o := points.New(point{1, 2}, point{-1, 0})
	ps, _, err := points.Get(option.Options{o})
	fmt.Println(o, ps, err)
	// Output: option 225 0102ff00 [{1 2} {-1 0}] <nil>
}

func ExampleRegistry_LookupName() {
	registry := option.Standard().With(option.Definition{
		Space: "dhcp4", Name: "color", Code: 224, Kind: option.KindRecord, Fields: []option.Kind{option.KindUint8, option.KindString},
	})
	d, ok := registry.LookupName("dhcp4", "color")
	payload, err := d.AppendText(nil, "1, dark red")
	fmt.Printf("%v %v %q %v\n", ok, d.Code, payload, err)
	// Output: true option 224 "\x01dark red" <nil>
}

func ExampleDefinition_AppendText() {
	payload, err := option.ClasslessStaticRoute.AppendText(nil, "10.0.0.0/8 - 192.168.1.1, 0.0.0.0/0 - 192.168.1.2")
	fmt.Printf("%x %v\n", payload, err)
	_, err = option.Routers.AppendText(nil, "192.168.1.1, gateway")
	fmt.Println(err)
	// Output:
	// 080ac0a8010100c0a80102 <nil>
	// routers (3): offset 13: "gateway" is not an IPv4 address
}

func ExampleDefinition_FormatText() {
	o := option.DomainSearch.New("lab.example.com", "example.com")
	text, err := option.DomainSearch.FormatText(nil, o.Data)
	fmt.Println(string(text), err)
	// Output: lab.example.com, example.com <nil>
}

func ExampleAlways() {
	fmt.Println(option.Options{
		option.Always(option.DomainName.New("lab.example.com")),
		option.Never(option.Routers.Code),
	})
	// Output:
	// [domain-name (15) 6c61622e6578616d706c652e636f6d "lab.example.com" always routers (3) never]
}

func ExampleOptions_Lookup() {
	opts := option.Options{{Code: 224, Data: []byte("raw")}}
	payload, ok := opts.Lookup(224)
	fmt.Printf("%s %v\n", payload, ok)
	// Output: raw true
}
