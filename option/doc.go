// Package option has the options of DHCPv4: their codes, typed definitions
// that turn Go values into payloads and back, Kea's text syntax for them, and
// a registry to find a definition by code or name.
//
//	opts := option.Options{
//		option.SubnetMask.New(netip.MustParseAddr("255.255.255.0")),
//		option.Routers.New(netip.MustParseAddr("192.168.1.1")),
//		option.DHCPLeaseTime.New(12 * time.Hour),
//	}
//	routers, ok, err := option.Routers.Get(opts)
//	// ok is false if the option is absent, err is set if it is malformed.
//
//	// An option of one's own:
//	var Color = option.Define(option.Definition{
//		Space: "dhcp4", Name: "color", Code: 224, Kind: option.KindUint16}, &option.Uint16)
//
// Names are Kea's in Go spelling: dhcp-lease-time is [DHCPLeaseTime],
// dhcp-message-type is [DHCPMessageType].
//
// A definition is static data: a program holds only those that it names,
// unless it calls [Standard], which names them all.
//
// Sub-options are options too: definitions such as [AgentCircuitID] read what
// Get of [DHCPAgentOptions] returns.
//
// The package neither reads nor writes messages: the order of options, their
// split and their overload into other fields are the business of package
// dhcp4. It does not know which options a server may send.
package option
