package option

import (
	"reflect"
	"testing"
)

// A typedDef is a definition of the catalogue without its type parameter.
type typedDef struct {
	*Definition
	typ      reflect.Type // of a value, nil if it has none
	list     bool
	survives func(t *testing.T, payload []byte) // see survives and listSurvives
	size     func(payload []byte) int           // of the payload written again, -1 if it is not readable
}

func one[T any](d *Def[T]) typedDef {
	return typedDef{&d.Definition, reflect.TypeFor[T](), false,
		func(t *testing.T, p []byte) { survives(t, d, p) },
		func(p []byte) int {
			v, ok, err := d.Get(Options{{Code: d.Code, Data: p}})
			if !ok || err != nil {
				return -1
			}
			return len(d.New(v).Data)
		}}
}

func list[E any](d *ListDef[E]) typedDef {
	return typedDef{&d.Definition, reflect.TypeFor[E](), true,
		func(t *testing.T, p []byte) { listSurvives(t, d, p) },
		func(p []byte) int {
			vs, ok, err := d.Get(Options{{Code: d.Code, Data: p}})
			if !ok || err != nil {
				return -1
			}
			return len(d.New(vs...).Data)
		}}
}

func empty(d *EmptyDef) typedDef {
	return typedDef{&d.Definition, nil, false,
		func(t *testing.T, p []byte) {
			ok, err := d.Get(Options{{Code: d.Code, Data: p}})
			if ok != (len(p) == 0) || (err == nil) != ok {
				t.Fatal(d.Name, p, ok, err)
			}
		},
		func(p []byte) int {
			if ok, _ := d.Get(Options{{Code: d.Code, Data: p}}); !ok {
				return -1
			}
			return len(d.New().Data)
		}}
}

// typedDefs returns the catalogue, in the order of standard.
func typedDefs() []typedDef {
	return []typedDef{
		one(&PXEMTFTPIP),
		one(&PXEMTFTPClientPort),
		one(&PXEMTFTPServerPort),
		one(&PXEMTFTPTimeout),
		one(&PXEMTFTPDelay),
		one(&PXEDiscoveryControl),
		one(&PXEDiscoveryAddress),
		list(&PXEBootServers),
		list(&PXEBootMenu),
		one(&PXEMenuPrompt),
		one(&PXEBootItem),
		one(&TSPPrimaryServer),
		one(&TSPSecondaryServer),
		one(&TSPProvisioningServer),
		one(&TSPASParameters),
		one(&TSPAPParameters),
		one(&TSPRealm),
		one(&TSPUseTGT),
		one(&TSPProvisioningTimer),
		one(&TSPSCT),
		list(&KDCServer),
		one(&AgentCircuitID),
		one(&AgentRemoteID),
		one(&AgentDOCSISDeviceClass),
		one(&AgentLinkSelection),
		one(&AgentSubscriberID),
		list(&AgentRADIUS),
		one(&AgentAuth),
		list(&AgentVendorSpecificInfo),
		one(&AgentRelayFlags),
		one(&AgentServerIDOverride),
		one(&AgentRelayID),
		one(&AgentAccessTechnoType),
		one(&AgentAccessNetworkName),
		one(&AgentAccessPointName),
		one(&AgentAccessPointBSSID),
		one(&AgentOperatorID),
		one(&AgentOperatorRealm),
		empty(&AgentRelayPort),
		one(&AgentVirtualSubnetSelect),
		empty(&AgentVirtualSubnetSelectCtrl),
		one(&SubnetMask),
		one(&TimeOffset),
		list(&Routers),
		list(&TimeServers),
		list(&NameServers),
		list(&DomainNameServers),
		list(&LogServers),
		list(&CookieServers),
		list(&LPRServers),
		list(&ImpressServers),
		list(&ResourceLocationServers),
		one(&HostName),
		one(&BootSize),
		one(&MeritDump),
		one(&DomainName),
		one(&SwapServer),
		one(&RootPath),
		one(&ExtensionsPath),
		one(&IPForwarding),
		one(&NonLocalSourceRouting),
		list(&PolicyFilter),
		one(&MaxDgramReassembly),
		one(&DefaultIPTTL),
		one(&PathMTUAgingTimeout),
		list(&PathMTUPlateauTable),
		one(&InterfaceMTU),
		one(&AllSubnetsLocal),
		one(&BroadcastAddress),
		one(&PerformMaskDiscovery),
		one(&MaskSupplier),
		one(&RouterDiscovery),
		one(&RouterSolicitationAddress),
		list(&StaticRoutes),
		one(&TrailerEncapsulation),
		one(&ARPCacheTimeout),
		one(&IEEE8023Encapsulation),
		one(&DefaultTCPTTL),
		one(&TCPKeepaliveInterval),
		one(&TCPKeepaliveGarbage),
		one(&NISDomain),
		list(&NISServers),
		list(&NTPServers),
		list(&VendorEncapsulatedOptions),
		list(&NetBIOSNameServers),
		list(&NetBIOSDDServer),
		one(&NetBIOSNodeType),
		one(&NetBIOSScope),
		list(&FontServers),
		list(&XDisplayManager),
		one(&DHCPRequestedAddress),
		one(&DHCPLeaseTime),
		one(&DHCPOptionOverload),
		one(&DHCPMessageType),
		one(&DHCPServerIdentifier),
		list(&DHCPParameterRequestList),
		one(&DHCPMessage),
		one(&DHCPMaxMessageSize),
		one(&DHCPRenewalTime),
		one(&DHCPRebindingTime),
		one(&VendorClassIdentifier),
		one(&DHCPClientIdentifier),
		one(&NWIPDomainName),
		list(&NWIPSuboptions),
		one(&NISPlusDomainName),
		list(&NISPlusServers),
		one(&TFTPServerName),
		one(&BootFileName),
		list(&MobileIPHomeAgent),
		list(&SMTPServer),
		list(&POPServer),
		list(&NNTPServer),
		list(&WWWServer),
		list(&FingerServer),
		list(&IRCServer),
		list(&StreetTalkServer),
		list(&StreetTalkDirectoryAssistanceServer),
		list(&UserClass),
		one(&SLPDirectoryAgent),
		one(&SLPServiceScope),
		empty(&RapidCommit),
		one(&ClientFQDN),
		list(&DHCPAgentOptions),
		one(&ISNS),
		list(&NDSServers),
		one(&NDSTreeName),
		one(&NDSContext),
		list(&BCMSControllerNames),
		list(&BCMSControllerAddress),
		one(&Authenticate),
		one(&ClientLastTransactionTime),
		list(&AssociatedIP),
		list(&ClientSystem),
		one(&ClientNDI),
		one(&LDAP),
		one(&UUIDGUID),
		one(&UAPServers),
		one(&GeoConfCivic),
		one(&PCode),
		one(&TCode),
		one(&V6OnlyPreferred),
		one(&DHCP4O6S46SAddr),
		list(&NetinfoServerAddress),
		one(&NetinfoServerTag),
		one(&V4CaptivePortal),
		one(&AutoConfig),
		list(&NameServiceSearch),
		one(&SubnetSelection),
		list(&DomainSearch),
		one(&SIPServers),
		list(&ClasslessStaticRoute),
		list(&CableLabsClientConf),
		one(&GeoConf),
		list(&VIVCOSuboptions),
		list(&VIVSOSuboptions),
		one(&PXEVendor128),
		one(&PXEVendor129),
		one(&PXEVendor130),
		one(&PXEVendor131),
		one(&PXEVendor132),
		one(&PXEVendor133),
		one(&PXEVendor134),
		one(&PXEVendor135),
		list(&PANAAgent),
		one(&V4LOST),
		list(&CAPWAPACV4),
		list(&IPv4AddressMoS),
		list(&IPv4FQDNMoS),
		list(&SIPUACSDomains),
		list(&IPv4AddressANDSF),
		list(&V4SZTPRedirect),
		one(&GeoLoc),
		list(&ForcerenewNonceCapable),
		one(&RDNSSSelection),
		one(&V4DOTSRI),
		list(&V4DOTSAddress),
		list(&TFTPServerAddress),
		one(&StatusCode),
		one(&BaseTime),
		one(&StartTimeOfState),
		one(&QueryStartTime),
		one(&QueryEndTime),
		one(&DHCPState),
		one(&DataSource),
		list(&V4PCPServer),
		one(&V4PortParams),
		one(&MUDURLV4),
		list(&V4DNR),
		list(&Etherboot),
		one(&IPTelephone),
		one(&PacketCable),
		one(&PXELINUXMagic),
		one(&ConfigurationFile),
		one(&PathPrefix),
		one(&RebootTime),
		one(&Option6RD),
		one(&V4AccessDomain),
		one(&SubnetAllocation),
		one(&VirtualSubnetSelection),
		list(&MoSAddressIS),
		list(&MoSAddressCS),
		list(&MoSAddressES),
		list(&MoSNamesIS),
		list(&MoSNamesCS),
		list(&MoSNamesES),
		list(&DOCSISORO),
		list(&DOCSISTFTPServers),
	}
}
