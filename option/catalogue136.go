package option

import (
	"net/netip"
	"time"
)

// The options from 136 on.
var (
	// PANAAgent are the PANA authentication agents, the preferred one first (RFC 5192).
	PANAAgent = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "pana-agent", Code: 136, Kind: KindIPv4Address, Array: true}, &Address}
	// V4LOST is the name of the LoST server (RFC 5223).
	V4LOST = Def[string]{Definition{Space: "dhcp4", Name: "v4-lost", Code: 137, Kind: KindFQDN}, &FQDN}
	// CAPWAPACV4 are the CAPWAP access controllers, the preferred one first (RFC 5417).
	CAPWAPACV4 = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "capwap-ac-v4", Code: 138, Kind: KindIPv4Address, Array: true}, &Address}
	// IPv4AddressMoS are the addresses of mobility servers by service, such as MoSAddressIS (RFC 5678).
	IPv4AddressMoS = ListDef[Option]{Definition{Space: "dhcp4", Name: "ipv4-address-mos", Code: 139, Kind: KindEmpty, Encapsulates: "ipv4-address-mos"}, &SubOption}
	// IPv4FQDNMoS are the names of mobility servers by service, such as MoSNamesIS (RFC 5678).
	IPv4FQDNMoS = ListDef[Option]{Definition{Space: "dhcp4", Name: "ipv4-fqdn-mos", Code: 140, Kind: KindEmpty, Encapsulates: "ipv4-fqdn-mos"}, &SubOption}
	// SIPUACSDomains are the domains in which to find a SIP configuration (RFC 6011).
	SIPUACSDomains = ListDef[string]{Definition{Space: "dhcp4", Name: "sip-ua-cs-domains", Code: 141, Kind: KindFQDN, Array: true}, &UncompressedFQDN}
	// IPv4AddressANDSF are the access network discovery servers, the preferred one first (RFC 6153).
	IPv4AddressANDSF = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "ipv4-address-andsf", Code: 142, Kind: KindIPv4Address, Array: true}, &Address}
	// V4SZTPRedirect are the URIs of SZTP bootstrap servers (RFC 8572, section 8.1).
	V4SZTPRedirect = ListDef[string]{Definition{Space: "dhcp4", Name: "v4-sztp-redirect", Code: 143, Kind: KindTuple, Array: true}, &uriWire}
	// GeoLoc is the client's coordinates with their uncertainty, raw (RFC 6225).
	GeoLoc = Def[[]byte]{Definition{Space: "dhcp4", Name: "geoloc", Code: 144, Kind: KindBinary}, &Bytes}
	// ForcerenewNonceCapable are the algorithms that the client has for FORCERENEW, 1 for HMAC-MD5 (RFC 6704).
	ForcerenewNonceCapable = ListDef[uint8]{Definition{Space: "dhcp4", Name: "forcerenew-nonce-capable", Code: 145, Kind: KindUint8, Array: true}, &Uint8}
	// RDNSSSelection is which DNS servers to ask for which domains (RFC 6731, section 4.3).
	RDNSSSelection = Def[RDNSS]{Definition{Space: "dhcp4", Name: "rdnss-selection", Code: 146, Kind: KindRecord, Array: true, Fields: []Kind{KindUint8, KindIPv4Address, KindIPv4Address, KindFQDN}}, &rdnssWire}
	// V4DOTSRI is the name of the peer DOTS agent (RFC 8973).
	V4DOTSRI = Def[string]{Definition{Space: "dhcp4", Name: "v4-dots-ri", Code: 147, Kind: KindFQDN}, &FQDN}
	// V4DOTSAddress are the addresses of the peer DOTS agent (RFC 8973).
	V4DOTSAddress = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "v4-dots-address", Code: 148, Kind: KindIPv4Address, Array: true}, &Address}
	// TFTPServerAddress are the TFTP servers, the preferred one first (RFC 5859).
	TFTPServerAddress = ListDef[netip.Addr]{Definition{Space: "dhcp4", Name: "tftp-server-address", Code: 150, Kind: KindIPv4Address, Array: true}, &Address}
	// StatusCode is the outcome of a leasequery (RFC 6926, section 6.2.2).
	StatusCode = Def[Status]{Definition{Space: "dhcp4", Name: "status-code", Code: 151, Kind: KindRecord, Fields: []Kind{KindUint8, KindString}}, &statusWire}
	// BaseTime is when the message was sent (RFC 6926, section 6.2.3).
	BaseTime = Def[time.Time]{Definition{Space: "dhcp4", Name: "base-time", Code: 152, Kind: KindUint32}, &UnixTime}
	// StartTimeOfState is the time since the lease got into its state (RFC 6926, section 6.2.4).
	StartTimeOfState = Def[time.Duration]{Definition{Space: "dhcp4", Name: "start-time-of-state", Code: 153, Kind: KindUint32}, &Seconds}
	// QueryStartTime asks for leases that changed from then on (RFC 6926, section 6.2.5).
	QueryStartTime = Def[time.Time]{Definition{Space: "dhcp4", Name: "query-start-time", Code: 154, Kind: KindUint32}, &UnixTime}
	// QueryEndTime asks for leases that changed up to then (RFC 6926, section 6.2.6).
	QueryEndTime = Def[time.Time]{Definition{Space: "dhcp4", Name: "query-end-time", Code: 155, Kind: KindUint32}, &UnixTime}
	// DHCPState is the state of the lease: 1 available, 2 active, 3 expired, 4 released and so on (RFC 6926, section 6.2.7).
	DHCPState = Def[uint8]{Definition{Space: "dhcp4", Name: "dhcp-state", Code: 156, Kind: KindUint8}, &Uint8}
	// DataSource has bit 0 set if the lease is known from another server (RFC 6926, section 6.2.8).
	DataSource = Def[uint8]{Definition{Space: "dhcp4", Name: "data-source", Code: 157, Kind: KindUint8}, &Uint8}
	// V4PCPServer are the PCP servers, each with its addresses (RFC 7291, section 4).
	V4PCPServer = ListDef[[]netip.Addr]{Definition{Space: "dhcp4", Name: "v4-pcp-server", Code: 158, Kind: KindBinary}, &pcpServerWire}
	// V4PortParams are the client's ports on a shared address (RFC 7618, section 9).
	V4PortParams = Def[PortParams]{Definition{Space: "dhcp4", Name: "v4-portparams", Code: 159, Kind: KindRecord, Fields: []Kind{KindUint8, KindPSID}}, &portParamsWire}
	// MUDURLV4 is the URL of the manufacturer's usage description (RFC 8520, section 10).
	MUDURLV4 = Def[string]{Definition{Space: "dhcp4", Name: "mud-url-v4", Code: 161, Kind: KindString}, &Text}
	// V4DNR are the encrypted DNS resolvers (RFC 9463, section 5).
	V4DNR = ListDef[DNR]{Definition{Space: "dhcp4", Name: "v4-dnr", Code: 162, Kind: KindInternal}, &dnrWire}
	// Etherboot are the options of Etherboot, gPXE and iPXE (no RFC; tentative at IANA).
	Etherboot = ListDef[Option]{Definition{Space: "dhcp4", Name: "etherboot", Code: 175, Kind: KindEmpty, Encapsulates: "etherboot"}, &VendorOption}
	// IPTelephone is the settings of an Avaya telephone, NAME=VALUE with commas between them (no RFC; tentative at IANA).
	IPTelephone = Def[string]{Definition{Space: "dhcp4", Name: "ip-telephone", Code: 176, Kind: KindString}, &Text}
	// PacketCable has no one meaning, raw: IANA lists Etherboot and PacketCable before 122 (no RFC; tentative at IANA).
	PacketCable = Def[[]byte]{Definition{Space: "dhcp4", Name: "packetcable", Code: 177, Kind: KindBinary}, &Bytes}
	// PXELINUXMagic is 0xf100747e; without it old PXELINUX ignored the three options below (RFC 5071, section 3).
	PXELINUXMagic = Def[uint32]{Definition{Space: "dhcp4", Name: "pxelinux-magic", Code: 208, Kind: KindUint32}, &Uint32}
	// ConfigurationFile is the configuration file of PXELINUX (RFC 5071, section 4).
	ConfigurationFile = Def[string]{Definition{Space: "dhcp4", Name: "configuration-file", Code: 209, Kind: KindString}, &Text}
	// PathPrefix is what PXELINUX puts before file names (RFC 5071, section 5).
	PathPrefix = Def[string]{Definition{Space: "dhcp4", Name: "path-prefix", Code: 210, Kind: KindString}, &Text}
	// RebootTime is after how long PXELINUX reboots when it cannot load (RFC 5071, section 6).
	RebootTime = Def[time.Duration]{Definition{Space: "dhcp4", Name: "reboot-time", Code: 211, Kind: KindUint32}, &Seconds}
	// Option6RD is the prefix and the border relays of IPv6 rapid deployment (RFC 5969, section 7.1.1).
	Option6RD = Def[SixRD]{Definition{Space: "dhcp4", Name: "option-6rd", Code: 212, Kind: KindRecord, Array: true, Fields: []Kind{KindUint8, KindUint8, KindIPv6Address, KindIPv4Address}}, &sixRDWire}
	// V4AccessDomain is the domain of the access network (RFC 5986).
	V4AccessDomain = Def[string]{Definition{Space: "dhcp4", Name: "v4-access-domain", Code: 213, Kind: KindFQDN}, &FQDN}
	// SubnetAllocation asks for, or gives, whole subnets (RFC 6656).
	SubnetAllocation = Def[SubnetRequest]{Definition{Space: "dhcp4", Name: "subnet-allocation", Code: 220, Kind: KindRecord, Fields: []Kind{KindUint8, KindBinary}}, &subnetRequestWire}
	// VirtualSubnetSelection is the VPN of the client (RFC 6607, section 3.1).
	VirtualSubnetSelection = Def[VSS]{Definition{Space: "dhcp4", Name: "virtual-subnet-selection", Code: 221, Kind: KindRecord, Fields: []Kind{KindUint8, KindBinary}}, &vssWire}
)
