package option

import (
	"net/netip"
	"time"
)

// The options, by code. To add one: write its composite literal here, with
// the name and kind that Kea gives it and the RFC in its comment; put it at
// its place in the array standard, which is sorted by space and code; run the
// tests, which compare both with Kea's table and IANA's registry. An option
// of a form that no Wire has yet needs one in a file of its own (see
// route.go), with a row in the tests of wires. No literal may call a function
// or hold a map: that would be code run at start, which keeps every
// definition in every program.
var (
	// SubnetMask is the mask of the client's subnet (RFC 2132, section 3.3).
	SubnetMask = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "subnet-mask", Code: 1, Kind: KindIPv4Address}, &Address}
	// Routers are the routers on the client's subnet, the preferred one first
	// (RFC 2132, section 3.5).
	Routers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "routers", Code: 3, Kind: KindIPv4Address, Array: true}, &Address}
	// TimeServers are servers of the time protocol of RFC 868 (RFC 2132, section
	// 3.6).
	TimeServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "time-servers", Code: 4, Kind: KindIPv4Address, Array: true}, &Address}
	// DomainNameServers are the DNS servers, the preferred one first (RFC 2132,
	// section 3.8).
	DomainNameServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "domain-name-servers", Code: 6, Kind: KindIPv4Address, Array: true}, &Address}
	// LogServers are MIT-LCS UDP log servers (RFC 2132, section 3.9).
	LogServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "log-servers", Code: 7, Kind: KindIPv4Address, Array: true}, &Address}
	// HostName is the client's name, with or without its domain (RFC 2132,
	// section 3.14).
	HostName = Def[string]{Definition{Space: "dhcp4", Name: "host-name", Code: 12, Kind: KindString}, &Text}
	// DomainName is the domain in which the client resolves names (RFC 2132,
	// section 3.17).
	DomainName = Def[string]{Definition{Space: "dhcp4", Name: "domain-name", Code: 15, Kind: KindString}, &Text}
	// InterfaceMTU is the MTU of the client's interface in octets, at least 68
	// (RFC 2132, section 5.1).
	InterfaceMTU = Def[uint16]{Definition{Space: "dhcp4", Name: "interface-mtu", Code: 26, Kind: KindUint16}, &Uint16}
	// BroadcastAddress is the broadcast address of the client's subnet (RFC 2132,
	// section 5.3).
	BroadcastAddress = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "broadcast-address", Code: 28, Kind: KindIPv4Address}, &Address}
	// NTPServers are the NTP servers, the preferred one first (RFC 2132, section
	// 8.3).
	NTPServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "ntp-servers", Code: 42, Kind: KindIPv4Address, Array: true}, &Address}
	// VendorEncapsulatedOptions are options whose meaning the vendor class rules
	// (RFC 2132, section 8.4).
	VendorEncapsulatedOptions = ListDef[Option]{Definition{Space: "dhcp4", Name: "vendor-encapsulated-options", Code: 43, Kind: KindEmpty, Encapsulates: "vendor-encapsulated-options-space"}, &VendorOption}
	// DHCPRequestedAddress is the address that the client asks for (RFC 2132,
	// section 9.1).
	DHCPRequestedAddress = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "dhcp-requested-address", Code: 50, Kind: KindIPv4Address}, &Address}
	// DHCPLeaseTime is the lifetime of the lease, asked for or given (RFC 2132,
	// section 9.2).
	DHCPLeaseTime = Def[time.Duration]{Definition{Space: "dhcp4", Name: "dhcp-lease-time", Code: 51, Kind: KindUint32}, &Seconds}
	// DHCPOptionOverload says which header fields hold options: 1 file, 2 sname,
	// 3 both (RFC 2132, section 9.3).
	DHCPOptionOverload = Def[uint8]{Definition{Space: "dhcp4", Name: "dhcp-option-overload", Code: 52, Kind: KindUint8}, &Uint8}
	// DHCPMessageType is the type of the message, 1 (DISCOVER) and so on (RFC
	// 2132, section 9.6).
	DHCPMessageType = Def[uint8]{Definition{Space: "dhcp4", Name: "dhcp-message-type", Code: 53, Kind: KindUint8}, &Uint8}
	// DHCPServerIdentifier is the address of the server that sends, or that the
	// client chose (RFC 2132, section 9.7).
	DHCPServerIdentifier = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "dhcp-server-identifier", Code: 54, Kind: KindIPv4Address}, &Address}
	// DHCPParameterRequestList are the options that the client asks for, in its
	// order of preference (RFC 2132, section 9.8).
	DHCPParameterRequestList = ListDef[Code]{Definition{Space: "dhcp4", Name: "dhcp-parameter-request-list", Code: 55, Kind: KindUint8, Array: true}, &OptionCode}
	// DHCPMessage is an error message for people, in a NAK or DECLINE (RFC 2132,
	// section 9.9).
	DHCPMessage = Def[string]{Definition{Space: "dhcp4", Name: "dhcp-message", Code: 56, Kind: KindString}, &Text}
	// DHCPMaxMessageSize is the length in octets of the longest IP packet that
	// the sender accepts, at least 576 (RFC 2132, section 9.10).
	DHCPMaxMessageSize = Def[uint16]{Definition{Space: "dhcp4", Name: "dhcp-max-message-size", Code: 57, Kind: KindUint16}, &Uint16}
	// DHCPRenewalTime is T1, from which on the client renews (RFC 2132, section
	// 9.11).
	DHCPRenewalTime = Def[time.Duration]{Definition{Space: "dhcp4", Name: "dhcp-renewal-time", Code: 58, Kind: KindUint32}, &Seconds}
	// DHCPRebindingTime is T2, from which on the client rebinds (RFC 2132,
	// section 9.12).
	DHCPRebindingTime = Def[time.Duration]{Definition{Space: "dhcp4", Name: "dhcp-rebinding-time", Code: 59, Kind: KindUint32}, &Seconds}
	// VendorClassIdentifier tells the client's vendor and configuration (RFC
	// 2132, section 9.13).
	VendorClassIdentifier = Def[string]{Definition{Space: "dhcp4", Name: "vendor-class-identifier", Code: 60, Kind: KindString}, &Text}
	// DHCPClientIdentifier is the client's identifier, its type octet included
	// (RFC 2132, section 9.14).
	DHCPClientIdentifier = Def[[]byte]{Definition{Space: "dhcp4", Name: "dhcp-client-identifier", Code: 61, Kind: KindBinary}, &Bytes}
	// TFTPServerName is the TFTP server's name when sname holds options (RFC
	// 2132, section 9.4).
	TFTPServerName = Def[string]{Definition{Space: "dhcp4", Name: "tftp-server-name", Code: 66, Kind: KindString}, &Text}
	// BootFileName is the boot file's name when file holds options (RFC 2132,
	// section 9.5).
	BootFileName = Def[string]{Definition{Space: "dhcp4", Name: "boot-file-name", Code: 67, Kind: KindString}, &Text}
	// DHCPAgentOptions are the sub-options of the relay agent, such as
	// AgentCircuitID (RFC 3046).
	DHCPAgentOptions = ListDef[Option]{Definition{Space: "dhcp4", Name: "dhcp-agent-options", Code: 82, Kind: KindEmpty, Encapsulates: "dhcp-agent-options-space"}, &SubOption}
	// DomainSearch are the domains in which the client looks names up, in this
	// order (RFC 3397).
	DomainSearch = ListDef[string]{Definition{Space: "dhcp4", Name: "domain-search", Code: 119, Kind: KindFQDN, Array: true}, &CompressedFQDN}
	// ClasslessStaticRoute are routes; a client that takes them ignores Routers
	// (RFC 3442).
	ClasslessStaticRoute = ListDef[Route]{Definition{Space: "dhcp4", Name: "classless-static-route", Code: 121, Kind: KindInternal}, &ClasslessRoute}
)

// The sub-options of DHCPAgentOptions, by code. Their methods take what its Get
// returns.
var (
	// AgentCircuitID names the circuit that the request came in by (RFC 3046,
	// section 3.1).
	AgentCircuitID = Def[[]byte]{Definition{Space: "dhcp-agent-options-space", Name: "circuit-id", Code: 1, Kind: KindBinary}, &Bytes}
	// AgentRemoteID names the remote end of the circuit (RFC 3046, section 3.2).
	AgentRemoteID = Def[[]byte]{Definition{Space: "dhcp-agent-options-space", Name: "remote-id", Code: 2, Kind: KindBinary}, &Bytes}
	// AgentLinkSelection is an address on the client's link, if giaddr is not
	// (RFC 3527).
	AgentLinkSelection = Def[netip.Addr]{Definition{Space: "dhcp-agent-options-space", Name: "link-selection", Code: 5, Kind: KindIPv4Address}, &Address}
	// AgentSubscriberID names the subscriber, wherever connected (RFC 3993).
	AgentSubscriberID = Def[string]{Definition{Space: "dhcp-agent-options-space", Name: "subscriber-id", Code: 6, Kind: KindString}, &Text}
	// AgentServerIDOverride is what the server is to send as DHCPServerIdentifier
	// (RFC 5107).
	AgentServerIDOverride = Def[netip.Addr]{Definition{Space: "dhcp-agent-options-space", Name: "server-id-override", Code: 11, Kind: KindIPv4Address}, &Address}
)
