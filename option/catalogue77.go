package option

import (
	"net/netip"
	"time"
)

// The options from 77 to 135.
var (
	// UserClass are classes of the client's user; a bare string as iPXE sends it is read as one class (RFC 3004).
	UserClass = ListDef[[]byte]{Definition{Space: "dhcp4", Name: "user-class", Code: 77, Kind: KindBinary}, &userClassWire}
	// SLPDirectoryAgent are the directory agents of the Service Location Protocol (RFC 2610, section 3).
	SLPDirectoryAgent = Def[SLPDirectoryAgents]{Definition{Space: "dhcp4", Name: "slp-directory-agent", Code: 78, Kind: KindRecord, Array: true, Fields: []Kind{KindBoolean, KindIPv4Address}}, &slpDirectoryAgentsWire}
	// SLPServiceScope are the scopes of the Service Location Protocol (RFC 2610, section 4).
	SLPServiceScope = Def[SLPScopes]{Definition{Space: "dhcp4", Name: "slp-service-scope", Code: 79, Kind: KindRecord, Fields: []Kind{KindBoolean, KindString}}, &slpScopesWire}
	// RapidCommit asks for, or marks, an ACK that answers a DISCOVER (RFC 4039).
	RapidCommit = EmptyDef{Definition{Space: "dhcp4", Name: "rapid-commit", Code: 80, Kind: KindEmpty}}
	// ClientFQDN is the client's name, and who updates DNS; Kea's name is taken by the Wire FQDN (RFC 4702).
	ClientFQDN = Def[ClientName]{Definition{Space: "dhcp4", Name: "fqdn", Code: 81, Kind: KindRecord, Fields: []Kind{KindUint8, KindUint8, KindUint8, KindFQDN}}, &clientNameWire}
	// DHCPAgentOptions are the sub-options of the relay agent, such as AgentCircuitID (RFC 3046).
	DHCPAgentOptions = ListDef[Option]{Definition{Space: "dhcp4", Name: "dhcp-agent-options", Code: 82, Kind: KindEmpty, Encapsulates: "dhcp-agent-options-space"}, &SubOption}
	// ISNS are the iSNS servers and their roles (RFC 4174, section 2).
	ISNS = Def[ISNSServers]{Definition{Space: "dhcp4", Name: "isns", Code: 83, Kind: KindRecord, Array: true, Fields: []Kind{KindUint16, KindUint16, KindUint16, KindUint32, KindIPv4Address}}, &isnsServersWire}
	// NDSServers are the Novell directory servers, the preferred one first (RFC 2241, section 2).
	NDSServers = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "nds-servers", Code: 85, Kind: KindIPv4Address, Array: true}, &Address}
	// NDSTreeName is the NDS tree to which the client attaches, in UTF-8 (RFC 2241, section 3).
	NDSTreeName = Def[string]{Definition{Space: "dhcp4", Name: "nds-tree-name", Code: 86, Kind: KindString}, &StrictText}
	// NDSContext is the NDS context to start with, in UTF-8 (RFC 2241, section 4).
	NDSContext = Def[string]{Definition{Space: "dhcp4", Name: "nds-context", Code: 87, Kind: KindString}, &StrictText}
	// BCMSControllerNames are the names of broadcast and multicast controllers (RFC 4280).
	BCMSControllerNames = ListDef[string]{Definition{Space: "dhcp4", Name: "bcms-controller-names", Code: 88, Kind: KindFQDN, Array: true}, &FQDN}
	// BCMSControllerAddress are the addresses of broadcast and multicast controllers (RFC 4280).
	BCMSControllerAddress = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "bcms-controller-address", Code: 89, Kind: KindIPv4Address, Array: true}, &Address}
	// Authenticate authenticates the message (RFC 3118, section 2).
	Authenticate = Def[Authentication]{Definition{Space: "dhcp4", Name: "authenticate", Code: 90, Kind: KindBinary}, &authenticationWire}
	// ClientLastTransactionTime is the time since the client was last heard of (RFC 4388).
	ClientLastTransactionTime = Def[time.Duration]{Definition{Space: "dhcp4", Name: "client-last-transaction-time", Code: 91, Kind: KindUint32}, &Seconds}
	// AssociatedIP are the addresses that the client has (RFC 4388).
	AssociatedIP = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "associated-ip", Code: 92, Kind: KindIPv4Address, Array: true}, &Address}
	// ClientSystem are the client's architectures, 0 for BIOS, 7 for x64 UEFI and so on (RFC 4578, section 2.1).
	ClientSystem = ListDef[uint16]{Definition{Space: "dhcp4", Name: "client-system", Code: 93, Kind: KindUint16, Array: true}, &Uint16}
	// ClientNDI is the client's interface to its network card (RFC 4578, section 2.2).
	ClientNDI = Def[NetworkInterface]{Definition{Space: "dhcp4", Name: "client-ndi", Code: 94, Kind: KindRecord, Fields: []Kind{KindUint8, KindUint8, KindUint8}}, &networkInterfaceWire}
	// LDAP is the URL of an LDAP server, as Apple's clients use it (RFC 3679).
	LDAP = Def[string]{Definition{Space: "dhcp4", Name: "ldap", Code: 95, Kind: KindString}, &Text}
	// UUIDGUID is the identifier of the client's machine (RFC 4578, section 2.3).
	UUIDGUID = Def[MachineID]{Definition{Space: "dhcp4", Name: "uuid-guid", Code: 97, Kind: KindRecord, Fields: []Kind{KindUint8, KindBinary}}, &machineIDWire}
	// UAPServers are URLs of user authentication servers with blanks between them (RFC 2485).
	UAPServers = Def[string]{Definition{Space: "dhcp4", Name: "uap-servers", Code: 98, Kind: KindString}, &Text}
	// GeoConfCivic is the client's civic address, raw (RFC 4776).
	GeoConfCivic = Def[[]byte]{Definition{Space: "dhcp4", Name: "geoconf-civic", Code: 99, Kind: KindBinary}, &Bytes}
	// PCode is the client's time zone as a POSIX TZ string (RFC 4833).
	PCode = Def[string]{Definition{Space: "dhcp4", Name: "pcode", Code: 100, Kind: KindString}, &Text}
	// TCode is the client's time zone as a name of the TZ database (RFC 4833).
	TCode = Def[string]{Definition{Space: "dhcp4", Name: "tcode", Code: 101, Kind: KindString}, &Text}
	// V6OnlyPreferred is how long the client is to do without IPv4, at least 300 s (RFC 8925).
	V6OnlyPreferred = Def[time.Duration]{Definition{Space: "dhcp4", Name: "v6-only-preferred", Code: 108, Kind: KindUint32}, &Seconds}
	// DHCP4O6S46SAddr is the IPv6 address of the client's softwire (RFC 8539).
	DHCP4O6S46SAddr = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "dhcp4o6-s46-saddr", Code: 109, Kind: KindIPv6Address}, &Address6}
	// NetinfoServerAddress are the NetInfo parent servers (RFC 3679).
	NetinfoServerAddress = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "netinfo-server-address", Code: 112, Kind: KindIPv4Address, Array: true}, &Address}
	// NetinfoServerTag is the tag of the NetInfo parent server (RFC 3679).
	NetinfoServerTag = Def[string]{Definition{Space: "dhcp4", Name: "netinfo-server-tag", Code: 113, Kind: KindString}, &Text}
	// V4CaptivePortal is the URI of the captive portal's API (RFC 8910, section 2.1).
	V4CaptivePortal = Def[string]{Definition{Space: "dhcp4", Name: "v4-captive-portal", Code: 114, Kind: KindString}, &StrictText}
	// AutoConfig is 1 if a client without address may choose a link-local one, else 0 (RFC 2563).
	AutoConfig = Def[uint8]{Definition{Space: "dhcp4", Name: "auto-config", Code: 116, Kind: KindUint8}, &Uint8}
	// NameServiceSearch are the options of name services in the order to ask them; 0 is local (RFC 2937).
	NameServiceSearch = ListDef[uint16]{Definition{Space: "dhcp4", Name: "name-service-search", Code: 117, Kind: KindUint16, Array: true}, &Uint16}
	// SubnetSelection is an address in the subnet that the client asks for (RFC 3011).
	SubnetSelection = Def[netip.Addr]{Definition{Space: "dhcp4", Name: "subnet-selection", Code: 118, Kind: KindIPv4Address}, &Address}
	// DomainSearch are the domains in which the client looks names up, in this order (RFC 3397).
	DomainSearch = ListDef[string]{Definition{Space: "dhcp4", Name: "domain-search", Code: 119, Kind: KindFQDN, Array: true}, &CompressedFQDN}
	// SIPServers are the outbound SIP proxies, by name or address (RFC 3361).
	SIPServers = Def[SIPProxies]{Definition{Space: "dhcp4", Name: "sip-servers", Code: 120, Kind: KindBinary}, &sipProxiesWire}
	// ClasslessStaticRoute are routes; a client that takes them ignores Routers (RFC 3442).
	ClasslessStaticRoute = ListDef[Route]{Definition{Space: "dhcp4", Name: "classless-static-route", Code: 121, Kind: KindInternal}, &ClasslessRoute}
	// CableLabsClientConf are the sub-options for PacketCable clients, such as TSPPrimaryServer (RFC 3495).
	CableLabsClientConf = ListDef[Option]{Definition{Space: "dhcp4", Name: "cablelabs-client-conf", Code: 122, Kind: KindEmpty, Encapsulates: "cablelabs-client-conf"}, &SubOption}
	// GeoConf is the client's coordinates, raw (RFC 6225).
	GeoConf = Def[[]byte]{Definition{Space: "dhcp4", Name: "geoconf", Code: 123, Kind: KindBinary}, &Bytes}
	// VIVCOSuboptions are the client's classes by vendor (RFC 3925, section 3).
	VIVCOSuboptions = ListDef[VendorData]{Definition{Space: "dhcp4", Name: "vivco-suboptions", Code: 124, Kind: KindRecord, Fields: []Kind{KindUint32, KindBinary}}, &vendorDataWire}
	// VIVSOSuboptions are options by vendor (RFC 3925, section 4).
	VIVSOSuboptions = ListDef[VendorData]{Definition{Space: "dhcp4", Name: "vivso-suboptions", Code: 125, Kind: KindUint32}, &vendorDataWire}
	// PXEVendor128 has no one meaning, raw: IANA lists PXE, Etherboot and telephones (RFC 4578).
	PXEVendor128 = Def[[]byte]{Definition{Space: "dhcp4", Name: "pxe-vendor-128", Code: 128, Kind: KindBinary}, &Bytes}
	// PXEVendor129 has no one meaning, raw: IANA lists PXE, Etherboot and telephones (RFC 4578).
	PXEVendor129 = Def[[]byte]{Definition{Space: "dhcp4", Name: "pxe-vendor-129", Code: 129, Kind: KindBinary}, &Bytes}
	// PXEVendor130 has no one meaning, raw: IANA lists PXE, Etherboot and telephones (RFC 4578).
	PXEVendor130 = Def[[]byte]{Definition{Space: "dhcp4", Name: "pxe-vendor-130", Code: 130, Kind: KindBinary}, &Bytes}
	// PXEVendor131 has no one meaning, raw: IANA lists PXE, Etherboot and telephones (RFC 4578).
	PXEVendor131 = Def[[]byte]{Definition{Space: "dhcp4", Name: "pxe-vendor-131", Code: 131, Kind: KindBinary}, &Bytes}
	// PXEVendor132 has no one meaning, raw: IANA lists PXE, Etherboot and telephones (RFC 4578).
	PXEVendor132 = Def[[]byte]{Definition{Space: "dhcp4", Name: "pxe-vendor-132", Code: 132, Kind: KindBinary}, &Bytes}
	// PXEVendor133 has no one meaning, raw: IANA lists PXE, Etherboot and telephones (RFC 4578).
	PXEVendor133 = Def[[]byte]{Definition{Space: "dhcp4", Name: "pxe-vendor-133", Code: 133, Kind: KindBinary}, &Bytes}
	// PXEVendor134 has no one meaning, raw: IANA lists PXE, Etherboot and telephones (RFC 4578).
	PXEVendor134 = Def[[]byte]{Definition{Space: "dhcp4", Name: "pxe-vendor-134", Code: 134, Kind: KindBinary}, &Bytes}
	// PXEVendor135 has no one meaning, raw: IANA lists PXE, Etherboot and telephones (RFC 4578).
	PXEVendor135 = Def[[]byte]{Definition{Space: "dhcp4", Name: "pxe-vendor-135", Code: 135, Kind: KindBinary}, &Bytes}
)
