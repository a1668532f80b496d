package option

import "net/netip"

// The sub-options of DHCPAgentOptions. Their methods take what its Get returns.
var (
	// AgentCircuitID names the circuit that the request came in by (RFC 3046, section 3.1).
	AgentCircuitID = Def[[]byte]{Definition{Space: "dhcp-agent-options-space", Name: "circuit-id", Code: 1, Kind: KindBinary}, &Bytes}
	// AgentRemoteID names the remote end of the circuit (RFC 3046, section 3.2).
	AgentRemoteID = Def[[]byte]{Definition{Space: "dhcp-agent-options-space", Name: "remote-id", Code: 2, Kind: KindBinary}, &Bytes}
	// AgentDOCSISDeviceClass has bit 0 set for a self-provisioned device (RFC 3256).
	AgentDOCSISDeviceClass = Def[uint32]{Definition{Space: "dhcp-agent-options-space", Name: "docsis-device-class", Code: 4, Kind: KindUint32}, &Uint32}
	// AgentLinkSelection is an address on the client's link, if giaddr is not (RFC 3527).
	AgentLinkSelection = Def[netip.Addr]{Definition{Space: "dhcp-agent-options-space", Name: "link-selection", Code: 5, Kind: KindIPv4Address}, &Address}
	// AgentSubscriberID names the subscriber, wherever connected (RFC 3993).
	AgentSubscriberID = Def[string]{Definition{Space: "dhcp-agent-options-space", Name: "subscriber-id", Code: 6, Kind: KindString}, &Text}
	// AgentRADIUS are attributes of the client's authentication (RFC 4014).
	AgentRADIUS = ListDef[RADIUSAttribute]{Definition{Space: "dhcp-agent-options-space", Name: "radius", Code: 7, Kind: KindBinary}, &radiusAttributeWire}
	// AgentAuth authenticates the relay agent's message (RFC 4030).
	AgentAuth = Def[AgentAuthentication]{Definition{Space: "dhcp-agent-options-space", Name: "auth", Code: 8, Kind: KindBinary}, &agentAuthenticationWire}
	// AgentVendorSpecificInfo are options of the relay agent by vendor (RFC 4243).
	AgentVendorSpecificInfo = ListDef[VendorData]{Definition{Space: "dhcp-agent-options-space", Name: "vendor-specific-info", Code: 9, Kind: KindBinary}, &vendorDataWire}
	// AgentRelayFlags has bit 7 set if the client sent to a unicast address (RFC 5010).
	AgentRelayFlags = Def[uint8]{Definition{Space: "dhcp-agent-options-space", Name: "relay-flags", Code: 10, Kind: KindUint8}, &Uint8}
	// AgentServerIDOverride is what the server is to send as DHCPServerIdentifier (RFC 5107).
	AgentServerIDOverride = Def[netip.Addr]{Definition{Space: "dhcp-agent-options-space", Name: "server-id-override", Code: 11, Kind: KindIPv4Address}, &Address}
	// AgentRelayID is the relay agent's DUID (RFC 6925).
	AgentRelayID = Def[[]byte]{Definition{Space: "dhcp-agent-options-space", Name: "relay-id", Code: 12, Kind: KindBinary}, &Bytes}
	// AgentAccessTechnoType is the type of the access technology, as PMIPv6 numbers it (RFC 7839).
	AgentAccessTechnoType = Def[uint16]{Definition{Space: "dhcp-agent-options-space", Name: "access-techno-type", Code: 13, Kind: KindUint16}, &Uint16}
	// AgentAccessNetworkName is the name of the access network, such as an SSID (RFC 7839).
	AgentAccessNetworkName = Def[string]{Definition{Space: "dhcp-agent-options-space", Name: "access-network-name", Code: 14, Kind: KindString}, &Text}
	// AgentAccessPointName is the name of the access point (RFC 7839).
	AgentAccessPointName = Def[string]{Definition{Space: "dhcp-agent-options-space", Name: "access-point-name", Code: 15, Kind: KindString}, &Text}
	// AgentAccessPointBSSID is the BSSID of the access point (RFC 7839).
	AgentAccessPointBSSID = Def[[6]byte]{Definition{Space: "dhcp-agent-options-space", Name: "access-point-bssid", Code: 16, Kind: KindBinary}, &bssidWire}
	// AgentOperatorID is IANA's number of the operator's enterprise (RFC 7839).
	AgentOperatorID = Def[uint32]{Definition{Space: "dhcp-agent-options-space", Name: "operator-id", Code: 17, Kind: KindUint32}, &Uint32}
	// AgentOperatorRealm is the realm of the operator (RFC 7839).
	AgentOperatorRealm = Def[string]{Definition{Space: "dhcp-agent-options-space", Name: "operator-realm", Code: 18, Kind: KindString}, &Text}
	// AgentRelayPort asks that replies go to the port that the relay agent sent from (RFC 8357).
	AgentRelayPort = EmptyDef{Definition{Space: "dhcp-agent-options-space", Name: "relay-port", Code: 19, Kind: KindEmpty}}
	// AgentVirtualSubnetSelect is the VPN of the client (RFC 6607, section 3.2).
	AgentVirtualSubnetSelect = Def[VSS]{Definition{Space: "dhcp-agent-options-space", Name: "virtual-subnet-select", Code: 151, Kind: KindBinary}, &vssWire}
	// AgentVirtualSubnetSelectCtrl is there until a server has used AgentVirtualSubnetSelect (RFC 6607, section 3.3).
	AgentVirtualSubnetSelectCtrl = EmptyDef{Definition{Space: "dhcp-agent-options-space", Name: "virtual-subnet-select-ctrl", Code: 152, Kind: KindEmpty}}
)

// The sub-options of VendorEncapsulatedOptions for clients whose
// VendorClassIdentifier begins with PXEClient (PXE 2.1, table 2-1).
var (
	// PXEMTFTPIP is the multicast address of MTFTP.
	PXEMTFTPIP = Def[netip.Addr]{Definition{Space: "PXEClient", Name: "mtftp-ip", Code: 1, Kind: KindIPv4Address}, &Address}
	// PXEMTFTPClientPort is the client's port for MTFTP.
	PXEMTFTPClientPort = Def[uint16]{Definition{Space: "PXEClient", Name: "mtftp-cport", Code: 2, Kind: KindUint16}, &Uint16}
	// PXEMTFTPServerPort is the server's port for MTFTP.
	PXEMTFTPServerPort = Def[uint16]{Definition{Space: "PXEClient", Name: "mtftp-sport", Code: 3, Kind: KindUint16}, &Uint16}
	// PXEMTFTPTimeout is the time in seconds to listen before the client starts MTFTP.
	PXEMTFTPTimeout = Def[uint8]{Definition{Space: "PXEClient", Name: "mtftp-tmout", Code: 4, Kind: KindUint8}, &Uint8}
	// PXEMTFTPDelay is the time in seconds to wait before MTFTP starts again.
	PXEMTFTPDelay = Def[uint8]{Definition{Space: "PXEClient", Name: "mtftp-delay", Code: 5, Kind: KindUint8}, &Uint8}
	// PXEDiscoveryControl has bit 0 set against broadcast, 1 against multicast, 2 for PXEBootServers only, 3 to boot at once.
	PXEDiscoveryControl = Def[uint8]{Definition{Space: "PXEClient", Name: "discovery-control", Code: 6, Kind: KindUint8}, &Uint8}
	// PXEDiscoveryAddress is the multicast address of boot server discovery.
	PXEDiscoveryAddress = Def[netip.Addr]{Definition{Space: "PXEClient", Name: "discovery-mcast-addr", Code: 7, Kind: KindIPv4Address}, &Address}
	// PXEBootServers are the boot servers by type.
	PXEBootServers = ListDef[PXEServers]{Definition{Space: "PXEClient", Name: "boot-servers", Code: 8, Kind: KindBinary}, &pxeServersWire}
	// PXEBootMenu are the items of the boot menu.
	PXEBootMenu = ListDef[PXEMenuItem]{Definition{Space: "PXEClient", Name: "boot-menu", Code: 9, Kind: KindBinary}, &pxeMenuItemWire}
	// PXEMenuPrompt is the prompt before the boot menu.
	PXEMenuPrompt = Def[PXEPrompt]{Definition{Space: "PXEClient", Name: "menu-prompt", Code: 10, Kind: KindRecord, Fields: []Kind{KindUint8, KindString}}, &pxePromptWire}
	// PXEBootItem is the item that the client chose, or the server answers for.
	PXEBootItem = Def[PXEItem]{Definition{Space: "PXEClient", Name: "boot-item", Code: 71, Kind: KindRecord, Fields: []Kind{KindUint16, KindUint16}}, &pxeItemWire}
)

// The sub-options of CableLabsClientConf.
var (
	// TSPPrimaryServer is the primary DHCP server of the provider (RFC 3495, section 5.1).
	TSPPrimaryServer = Def[netip.Addr]{Definition{Space: "cablelabs-client-conf", Name: "tsp-primary-server", Code: 1, Kind: KindIPv4Address}, &Address}
	// TSPSecondaryServer is the secondary DHCP server of the provider (RFC 3495, section 5.1).
	TSPSecondaryServer = Def[netip.Addr]{Definition{Space: "cablelabs-client-conf", Name: "tsp-secondary-server", Code: 2, Kind: KindIPv4Address}, &Address}
	// TSPProvisioningServer is the provisioning server, by name or address (RFC 3495, section 5.2).
	TSPProvisioningServer = Def[ProvisioningServer]{Definition{Space: "cablelabs-client-conf", Name: "tsp-provisioning-server", Code: 3, Kind: KindBinary}, &provisioningServerWire}
	// TSPASParameters are the timers of AS requests (RFC 3495, section 5.3).
	TSPASParameters = Def[KerberosRetries]{Definition{Space: "cablelabs-client-conf", Name: "tsp-as-parameters", Code: 4, Kind: KindRecord, Fields: []Kind{KindUint32, KindUint32, KindUint32}}, &kerberosRetriesWire}
	// TSPAPParameters are the timers of AP requests (RFC 3495, section 5.4).
	TSPAPParameters = Def[KerberosRetries]{Definition{Space: "cablelabs-client-conf", Name: "tsp-ap-parameters", Code: 5, Kind: KindRecord, Fields: []Kind{KindUint32, KindUint32, KindUint32}}, &kerberosRetriesWire}
	// TSPRealm is the Kerberos realm (RFC 3495, section 5.5).
	TSPRealm = Def[string]{Definition{Space: "cablelabs-client-conf", Name: "tsp-realm", Code: 6, Kind: KindFQDN}, &FQDN}
	// TSPUseTGT says whether to get a ticket granting ticket (RFC 3495, section 5.6).
	TSPUseTGT = Def[bool]{Definition{Space: "cablelabs-client-conf", Name: "tsp-use-tgt", Code: 7, Kind: KindBoolean}, &Bool}
	// TSPProvisioningTimer is the longest time in minutes to provision (RFC 3495, section 5.7).
	TSPProvisioningTimer = Def[uint8]{Definition{Space: "cablelabs-client-conf", Name: "tsp-provisioning-timer", Code: 8, Kind: KindUint8}, &Uint8}
	// TSPSCT says which security tickets to drop (RFC 3594).
	TSPSCT = Def[uint16]{Definition{Space: "cablelabs-client-conf", Name: "tsp-sct", Code: 9, Kind: KindUint16}, &Uint16}
	// KDCServer are the key distribution centers, the preferred one first (RFC 3634).
	KDCServer = ListDef[netip.Addr]{Definition{Space: "cablelabs-client-conf", Name: "kdc-server", Code: 10, Kind: KindIPv4Address, Array: true}, &Address}
)

// The sub-options of IPv4AddressMoS.
var (
	// MoSAddressIS are the addresses of information services (RFC 5678).
	MoSAddressIS = ListDef[netip.Addr]{Definition{Space: "ipv4-address-mos", Name: "is-addresses", Code: 1, Kind: KindIPv4Address, Array: true}, &Address}
	// MoSAddressCS are the addresses of command services (RFC 5678).
	MoSAddressCS = ListDef[netip.Addr]{Definition{Space: "ipv4-address-mos", Name: "cs-addresses", Code: 2, Kind: KindIPv4Address, Array: true}, &Address}
	// MoSAddressES are the addresses of event services (RFC 5678).
	MoSAddressES = ListDef[netip.Addr]{Definition{Space: "ipv4-address-mos", Name: "es-addresses", Code: 3, Kind: KindIPv4Address, Array: true}, &Address}
)

// The sub-options of IPv4FQDNMoS.
var (
	// MoSNamesIS are the names of information services (RFC 5678).
	MoSNamesIS = ListDef[string]{Definition{Space: "ipv4-fqdn-mos", Name: "is-names", Code: 1, Kind: KindFQDN, Array: true}, &FQDN}
	// MoSNamesCS are the names of command services (RFC 5678).
	MoSNamesCS = ListDef[string]{Definition{Space: "ipv4-fqdn-mos", Name: "cs-names", Code: 2, Kind: KindFQDN, Array: true}, &FQDN}
	// MoSNamesES are the names of event services (RFC 5678).
	MoSNamesES = ListDef[string]{Definition{Space: "ipv4-fqdn-mos", Name: "es-names", Code: 3, Kind: KindFQDN, Array: true}, &FQDN}
)

// The options of CableLabs, enterprise 4491, in VIVSOSuboptions (DOCSIS 3.0);
// see VendorData.AppendOptions.
var (
	// DOCSISORO are the options that the client asks for.
	DOCSISORO = ListDef[Code]{Definition{Space: "vendor-4491", Name: "oro", Code: 1, Kind: KindUint8, Array: true}, &OptionCode}
	// DOCSISTFTPServers are the TFTP servers, the preferred one first.
	DOCSISTFTPServers = ListDef[netip.Addr]{Definition{Space: "vendor-4491", Name: "tftp-servers", Code: 2, Kind: KindIPv4Address, Array: true}, &Address}
)
