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
