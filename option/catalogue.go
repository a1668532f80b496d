package option

import (
	"net/netip"
	"time"
)

// The options, by code: this file has those of RFC 2132 and RFC 2242, up to
// 76, catalogue77.go and catalogue136.go the others, and cataloguesub.go
// the sub-options.
//
// To add one: write its composite literal here, with the name and kind that
// Kea gives it, or IANA's name in Kea's spelling, and the RFC in its comment;
// put it at its place in the array standard (standard.go), which is sorted by
// space and code, and in typedDefs (typeddefs_test.go), and its name in
// names.go; run the tests, which compare all with Kea's table and IANA's
// registry. An option of a form that no Wire has yet needs one in a file of
// its own (see route.go), with rows in wirevalues_test.go. No literal may call
// a function or hold a map: that would be code run at start, which keeps every
// definition in every program.
var (
	// SubnetMask is the mask of the client's subnet (RFC 2132, section 3.3).
	SubnetMask = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "subnet-mask", Code: 1, Kind: KindIPv4Address}, &Address}
	// TimeOffset is the offset of local time from UTC in seconds, eastwards; see PCode (RFC 2132, section 3.4).
	TimeOffset = Def[int32]{Definition{Space: "dhcp4", Name: "time-offset", Code: 2, Kind: KindInt32}, &Int32}
	// Routers are the routers on the client's subnet, the preferred one first (RFC 2132, section 3.5).
	Routers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "routers", Code: 3, Kind: KindIPv4Address, Array: true}, &Address}
	// TimeServers are servers of the time protocol of RFC 868 (RFC 2132, section 3.6).
	TimeServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "time-servers", Code: 4, Kind: KindIPv4Address, Array: true}, &Address}
	// NameServers are IEN 116 name servers, not DNS servers (RFC 2132, section 3.7).
	NameServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "name-servers", Code: 5, Kind: KindIPv4Address, Array: true}, &Address}
	// DomainNameServers are the DNS servers, the preferred one first (RFC 2132, section 3.8).
	DomainNameServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "domain-name-servers", Code: 6, Kind: KindIPv4Address, Array: true}, &Address}
	// LogServers are MIT-LCS UDP log servers (RFC 2132, section 3.9).
	LogServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "log-servers", Code: 7, Kind: KindIPv4Address, Array: true}, &Address}
	// CookieServers are servers of the quote of the day (RFC 2132, section 3.10).
	CookieServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "cookie-servers", Code: 8, Kind: KindIPv4Address, Array: true}, &Address}
	// LPRServers are line printer servers (RFC 2132, section 3.11).
	LPRServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "lpr-servers", Code: 9, Kind: KindIPv4Address, Array: true}, &Address}
	// ImpressServers are Imagen Impress servers (RFC 2132, section 3.12).
	ImpressServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "impress-servers", Code: 10, Kind: KindIPv4Address, Array: true}, &Address}
	// ResourceLocationServers are resource location servers of RFC 887 (RFC 2132, section 3.13).
	ResourceLocationServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "resource-location-servers", Code: 11, Kind: KindIPv4Address, Array: true}, &Address}
	// HostName is the client's name, with or without its domain (RFC 2132, section 3.14).
	HostName = Def[string]{Definition{Space: "dhcp4", Name: "host-name", Code: 12, Kind: KindString}, &Text}
	// BootSize is the length of the boot image in blocks of 512 octets (RFC 2132, section 3.15).
	BootSize = Def[uint16]{Definition{Space: "dhcp4", Name: "boot-size", Code: 13, Kind: KindUint16}, &Uint16}
	// MeritDump is the file to which the client dumps its core (RFC 2132, section 3.16).
	MeritDump = Def[string]{Definition{Space: "dhcp4", Name: "merit-dump", Code: 14, Kind: KindString}, &Text}
	// DomainName is the domain in which the client resolves names (RFC 2132, section 3.17).
	DomainName = Def[string]{Definition{Space: "dhcp4", Name: "domain-name", Code: 15, Kind: KindString}, &Text}
	// SwapServer is the client's swap server (RFC 2132, section 3.18).
	SwapServer = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "swap-server", Code: 16, Kind: KindIPv4Address}, &Address}
	// RootPath is the path of the client's root disk (RFC 2132, section 3.19).
	RootPath = Def[string]{Definition{Space: "dhcp4", Name: "root-path", Code: 17, Kind: KindString}, &Text}
	// ExtensionsPath is a file to get by TFTP with more options (RFC 2132, section 3.20).
	ExtensionsPath = Def[string]{Definition{Space: "dhcp4", Name: "extensions-path", Code: 18, Kind: KindString}, &Text}
	// IPForwarding says whether the client forwards IP packets (RFC 2132, section 4.1).
	IPForwarding = Def[bool]{Definition{Space: "dhcp4", Name: "ip-forwarding", Code: 19, Kind: KindBoolean}, &Bool}
	// NonLocalSourceRouting says whether it forwards those with a source route off its link (RFC 2132, section 4.2).
	NonLocalSourceRouting = Def[bool]{Definition{Space: "dhcp4", Name: "non-local-source-routing", Code: 20, Kind: KindBoolean}, &Bool}
	// PolicyFilter are the addresses and masks to which source routes may lead (RFC 2132, section 4.3).
	PolicyFilter = ListDef[AddressPair]{Definition{Space: "dhcp4", Name: "policy-filter", Code: 21, Kind: KindIPv4Address, Array: true}, &addressPairWire}
	// MaxDgramReassembly is the longest datagram in octets to reassemble, at least 576 (RFC 2132, section 4.4).
	MaxDgramReassembly = Def[uint16]{Definition{Space: "dhcp4", Name: "max-dgram-reassembly", Code: 22, Kind: KindUint16}, &Uint16}
	// DefaultIPTTL is the time to live of the client's packets, at least 1 (RFC 2132, section 4.5).
	DefaultIPTTL = Def[uint8]{Definition{Space: "dhcp4", Name: "default-ip-ttl", Code: 23, Kind: KindUint8}, &Uint8}
	// PathMTUAgingTimeout is the age at which a path MTU is found out anew (RFC 2132, section 4.6).
	PathMTUAgingTimeout = Def[time.Duration]{Definition{Space: "dhcp4", Name: "path-mtu-aging-timeout", Code: 24, Kind: KindUint32}, &Seconds}
	// PathMTUPlateauTable are the MTUs in octets to try, ascending, at least 68 (RFC 2132, section 4.7).
	PathMTUPlateauTable = ListDef[uint16]{Definition{Space: "dhcp4", Name: "path-mtu-plateau-table", Code: 25, Kind: KindUint16, Array: true}, &Uint16}
	// InterfaceMTU is the MTU of the client's interface in octets, at least 68 (RFC 2132, section 5.1).
	InterfaceMTU = Def[uint16]{Definition{Space: "dhcp4", Name: "interface-mtu", Code: 26, Kind: KindUint16}, &Uint16}
	// AllSubnetsLocal says whether all subnets have the interface's MTU (RFC 2132, section 5.2).
	AllSubnetsLocal = Def[bool]{Definition{Space: "dhcp4", Name: "all-subnets-local", Code: 27, Kind: KindBoolean}, &Bool}
	// BroadcastAddress is the broadcast address of the client's subnet (RFC 2132, section 5.3).
	BroadcastAddress = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "broadcast-address", Code: 28, Kind: KindIPv4Address}, &Address}
	// PerformMaskDiscovery says whether to find the mask out by ICMP (RFC 2132, section 5.4).
	PerformMaskDiscovery = Def[bool]{Definition{Space: "dhcp4", Name: "perform-mask-discovery", Code: 29, Kind: KindBoolean}, &Bool}
	// MaskSupplier says whether to answer ICMP requests for the mask (RFC 2132, section 5.5).
	MaskSupplier = Def[bool]{Definition{Space: "dhcp4", Name: "mask-supplier", Code: 30, Kind: KindBoolean}, &Bool}
	// RouterDiscovery says whether to find routers by RFC 1256 (RFC 2132, section 5.6).
	RouterDiscovery = Def[bool]{Definition{Space: "dhcp4", Name: "router-discovery", Code: 31, Kind: KindBoolean}, &Bool}
	// RouterSolicitationAddress is where to send router solicitations (RFC 2132, section 5.7).
	RouterSolicitationAddress = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "router-solicitation-address", Code: 32, Kind: KindIPv4Address}, &Address}
	// StaticRoutes are destinations and their routers; see ClasslessStaticRoute (RFC 2132, section 5.8).
	StaticRoutes = ListDef[AddressPair]{Definition{Space: "dhcp4", Name: "static-routes", Code: 33, Kind: KindIPv4Address, Array: true}, &addressPairWire}
	// TrailerEncapsulation says whether to negotiate trailers by ARP (RFC 2132, section 6.1).
	TrailerEncapsulation = Def[bool]{Definition{Space: "dhcp4", Name: "trailer-encapsulation", Code: 34, Kind: KindBoolean}, &Bool}
	// ARPCacheTimeout is the lifetime of ARP entries (RFC 2132, section 6.2).
	ARPCacheTimeout = Def[time.Duration]{Definition{Space: "dhcp4", Name: "arp-cache-timeout", Code: 35, Kind: KindUint32}, &Seconds}
	// IEEE8023Encapsulation says whether to use IEEE 802.3 framing instead of Ethernet II (RFC 2132, section 6.3).
	IEEE8023Encapsulation = Def[bool]{Definition{Space: "dhcp4", Name: "ieee802-3-encapsulation", Code: 36, Kind: KindBoolean}, &Bool}
	// DefaultTCPTTL is the time to live of TCP segments, at least 1 (RFC 2132, section 7.1).
	DefaultTCPTTL = Def[uint8]{Definition{Space: "dhcp4", Name: "default-tcp-ttl", Code: 37, Kind: KindUint8}, &Uint8}
	// TCPKeepaliveInterval is the time between TCP keepalives, 0 for none (RFC 2132, section 7.2).
	TCPKeepaliveInterval = Def[time.Duration]{Definition{Space: "dhcp4", Name: "tcp-keepalive-interval", Code: 38, Kind: KindUint32}, &Seconds}
	// TCPKeepaliveGarbage says whether TCP keepalives have an octet of garbage (RFC 2132, section 7.3).
	TCPKeepaliveGarbage = Def[bool]{Definition{Space: "dhcp4", Name: "tcp-keepalive-garbage", Code: 39, Kind: KindBoolean}, &Bool}
	// NISDomain is the client's NIS domain (RFC 2132, section 8.1).
	NISDomain = Def[string]{Definition{Space: "dhcp4", Name: "nis-domain", Code: 40, Kind: KindString}, &Text}
	// NISServers are the NIS servers, the preferred one first (RFC 2132, section 8.2).
	NISServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "nis-servers", Code: 41, Kind: KindIPv4Address, Array: true}, &Address}
	// NTPServers are the NTP servers, the preferred one first (RFC 2132, section 8.3).
	NTPServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "ntp-servers", Code: 42, Kind: KindIPv4Address, Array: true}, &Address}
	// VendorEncapsulatedOptions are options whose meaning the vendor class rules; see Registry.VendorSpace (RFC 2132, section 8.4).
	VendorEncapsulatedOptions = ListDef[Option]{Definition{Space: "dhcp4", Name: "vendor-encapsulated-options", Code: 43, Kind: KindEmpty, Encapsulates: "vendor-encapsulated-options-space"}, &VendorOption}
	// NetBIOSNameServers are the NetBIOS (WINS) name servers, the preferred one first (RFC 2132, section 8.5).
	NetBIOSNameServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "netbios-name-servers", Code: 44, Kind: KindIPv4Address, Array: true}, &Address}
	// NetBIOSDDServer are the NetBIOS datagram distribution servers (RFC 2132, section 8.6).
	NetBIOSDDServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "netbios-dd-server", Code: 45, Kind: KindIPv4Address, Array: true}, &Address}
	// NetBIOSNodeType is 1 for B-node, 2 P, 4 M, 8 H (RFC 2132, section 8.7).
	NetBIOSNodeType = Def[uint8]{Definition{Space: "dhcp4", Name: "netbios-node-type", Code: 46, Kind: KindUint8}, &Uint8}
	// NetBIOSScope is the NetBIOS over TCP/IP scope (RFC 2132, section 8.8).
	NetBIOSScope = Def[string]{Definition{Space: "dhcp4", Name: "netbios-scope", Code: 47, Kind: KindString}, &Text}
	// FontServers are the X Window font servers (RFC 2132, section 8.9).
	FontServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "font-servers", Code: 48, Kind: KindIPv4Address, Array: true}, &Address}
	// XDisplayManager are hosts with an X Window display manager (RFC 2132, section 8.10).
	XDisplayManager = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "x-display-manager", Code: 49, Kind: KindIPv4Address, Array: true}, &Address}
	// DHCPRequestedAddress is the address that the client asks for (RFC 2132, section 9.1).
	DHCPRequestedAddress = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "dhcp-requested-address", Code: 50, Kind: KindIPv4Address}, &Address}
	// DHCPLeaseTime is the lifetime of the lease, asked for or given (RFC 2132, section 9.2).
	DHCPLeaseTime = Def[time.Duration]{Definition{Space: "dhcp4", Name: "dhcp-lease-time", Code: 51, Kind: KindUint32}, &Seconds}
	// DHCPOptionOverload says which header fields hold options: 1 file, 2 sname, 3 both (RFC 2132, section 9.3).
	DHCPOptionOverload = Def[uint8]{Definition{Space: "dhcp4", Name: "dhcp-option-overload", Code: 52, Kind: KindUint8}, &Uint8}
	// DHCPMessageType is the type of the message, 1 (DISCOVER) and so on (RFC 2132, section 9.6).
	DHCPMessageType = Def[uint8]{Definition{Space: "dhcp4", Name: "dhcp-message-type", Code: 53, Kind: KindUint8}, &Uint8}
	// DHCPServerIdentifier is the server that sends, or that the client chose (RFC 2132, section 9.7).
	DHCPServerIdentifier = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "dhcp-server-identifier", Code: 54, Kind: KindIPv4Address}, &Address}
	// DHCPParameterRequestList are the options that the client asks for, in its order of preference (RFC 2132, section 9.8).
	DHCPParameterRequestList = ListDef[Code]{Definition{Space: "dhcp4", Name: "dhcp-parameter-request-list", Code: 55, Kind: KindUint8, Array: true}, &OptionCode}
	// DHCPMessage is an error message for people, in a NAK or DECLINE (RFC 2132, section 9.9).
	DHCPMessage = Def[string]{Definition{Space: "dhcp4", Name: "dhcp-message", Code: 56, Kind: KindString}, &Text}
	// DHCPMaxMessageSize is the longest IP packet in octets that the sender accepts, at least 576 (RFC 2132, section 9.10).
	DHCPMaxMessageSize = Def[uint16]{Definition{Space: "dhcp4", Name: "dhcp-max-message-size", Code: 57, Kind: KindUint16}, &Uint16}
	// DHCPRenewalTime is T1, from which on the client renews (RFC 2132, section 9.11).
	DHCPRenewalTime = Def[time.Duration]{Definition{Space: "dhcp4", Name: "dhcp-renewal-time", Code: 58, Kind: KindUint32}, &Seconds}
	// DHCPRebindingTime is T2, from which on the client rebinds (RFC 2132, section 9.12).
	DHCPRebindingTime = Def[time.Duration]{Definition{Space: "dhcp4", Name: "dhcp-rebinding-time", Code: 59, Kind: KindUint32}, &Seconds}
	// VendorClassIdentifier tells the client's vendor and configuration (RFC 2132, section 9.13).
	VendorClassIdentifier = Def[string]{Definition{Space: "dhcp4", Name: "vendor-class-identifier", Code: 60, Kind: KindString}, &Text}
	// DHCPClientIdentifier is the client's identifier, its type octet included (RFC 2132, section 9.14).
	DHCPClientIdentifier = Def[[]byte]{Definition{Space: "dhcp4", Name: "dhcp-client-identifier", Code: 61, Kind: KindBinary}, &Bytes}
	// NWIPDomainName is the NetWare/IP domain (RFC 2242).
	NWIPDomainName = Def[string]{Definition{Space: "dhcp4", Name: "nwip-domain-name", Code: 62, Kind: KindString}, &Text}
	// NWIPSuboptions are options of NetWare/IP (RFC 2242).
	NWIPSuboptions = ListDef[Option]{Definition{Space: "dhcp4", Name: "nwip-suboptions", Code: 63, Kind: KindBinary}, &SubOption}
	// NISPlusDomainName is the client's NIS+ domain (RFC 2132, section 8.11).
	NISPlusDomainName = Def[string]{Definition{Space: "dhcp4", Name: "nisplus-domain-name", Code: 64, Kind: KindString}, &Text}
	// NISPlusServers are the NIS+ servers, the preferred one first (RFC 2132, section 8.12).
	NISPlusServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "nisplus-servers", Code: 65, Kind: KindIPv4Address, Array: true}, &Address}
	// TFTPServerName is the TFTP server's name when sname holds options (RFC 2132, section 9.4).
	TFTPServerName = Def[string]{Definition{Space: "dhcp4", Name: "tftp-server-name", Code: 66, Kind: KindString}, &Text}
	// BootFileName is the boot file's name when file holds options (RFC 2132, section 9.5).
	BootFileName = Def[string]{Definition{Space: "dhcp4", Name: "boot-file-name", Code: 67, Kind: KindString}, &Text}
	// MobileIPHomeAgent are the Mobile IP home agents, if any (RFC 2132, section 8.13).
	MobileIPHomeAgent = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "mobile-ip-home-agent", Code: 68, Kind: KindIPv4Address, Array: true}, &Address}
	// SMTPServer are the SMTP servers, the preferred one first (RFC 2132, section 8.14).
	SMTPServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "smtp-server", Code: 69, Kind: KindIPv4Address, Array: true}, &Address}
	// POPServer are the POP3 servers, the preferred one first (RFC 2132, section 8.15).
	POPServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "pop-server", Code: 70, Kind: KindIPv4Address, Array: true}, &Address}
	// NNTPServer are the NNTP servers, the preferred one first (RFC 2132, section 8.16).
	NNTPServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "nntp-server", Code: 71, Kind: KindIPv4Address, Array: true}, &Address}
	// WWWServer are the WWW servers, the preferred one first (RFC 2132, section 8.17).
	WWWServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "www-server", Code: 72, Kind: KindIPv4Address, Array: true}, &Address}
	// FingerServer are the Finger servers, the preferred one first (RFC 2132, section 8.18).
	FingerServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "finger-server", Code: 73, Kind: KindIPv4Address, Array: true}, &Address}
	// IRCServer are the IRC servers, the preferred one first (RFC 2132, section 8.19).
	IRCServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "irc-server", Code: 74, Kind: KindIPv4Address, Array: true}, &Address}
	// StreetTalkServer are the StreetTalk servers, the preferred one first (RFC 2132, section 8.20).
	StreetTalkServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "streettalk-server", Code: 75, Kind: KindIPv4Address, Array: true}, &Address}
	// StreetTalkDirectoryAssistanceServer are the StreetTalk directory assistance servers (RFC 2132, section 8.21).
	StreetTalkDirectoryAssistanceServer = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "streettalk-directory-assistance-server", Code: 76, Kind: KindIPv4Address, Array: true}, &Address}
)
