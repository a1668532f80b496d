package dhcp4

// A Reason tells why a request got no reply, or a NAK, or a reply that lacks
// something. As an error it is what
// Respond returns with an empty packet; it allocates nothing. The Server
// counts each one (Server.Count).
type Reason uint8

// Why a request was dropped without an answer.
const (
	reasonNone Reason = iota
	// ReasonMalformed: the datagram is no DHCP message, or an option that
	// matters cannot be read.
	ReasonMalformed
	// ReasonTooLong: the datagram is longer than 2,048 octets.
	ReasonTooLong
	// ReasonNotRequest: op is not BOOTREQUEST, as in another server's reply.
	ReasonNotRequest
	// ReasonMessageType: the message type is missing, unknown, or one that
	// only servers send.
	ReasonMessageType
	// ReasonNoIdentity: neither a client identifier nor a hardware address.
	ReasonNoIdentity
	// ReasonNoSubnet: no configured subnet fits the link and the addresses.
	ReasonNoSubnet
	// ReasonUnknownRelay: no configured subnet fits the relay agent that
	// forwarded the message, or the link that it names.
	ReasonUnknownRelay
	// ReasonNoServerID: the link has no address to be called by.
	ReasonNoServerID
	// ReasonServerID: a DISCOVER with a server identifier (RFC 2131, table 5).
	ReasonServerID
	// ReasonOtherServer: the message names another server.
	ReasonOtherServer
	// ReasonNoAddress: the subnet has no free address for the client.
	ReasonNoAddress
	// ReasonUnknownAddress: the requested address is in none of the pools,
	// and the Server is not authoritative.
	ReasonUnknownAddress
	// ReasonUnknownClient: a rebooting client that the Server does not know,
	// and it is not authoritative (RFC 2131, section 4.3.2).
	ReasonUnknownClient
	// ReasonNoReservation: the subnet is for clients with a reservation only.
	ReasonNoReservation
	// ReasonNotOwner: a RELEASE or DECLINE of a lease that the client does
	// not have.
	ReasonNotOwner
	// ReasonNoReturnPath: an INFORM without an address to answer to.
	ReasonNoReturnPath
	// ReasonPendingFull: too many exchanges wait for the HostFinder, or, after
	// that, for the lease store.
	ReasonPendingFull
	// ReasonSuperseded: a newer message of the client came while this one
	// waited for the HostFinder.
	ReasonSuperseded
	// ReasonIgnored: the HostFinder said ErrIgnore.
	ReasonIgnored
	// ReasonHostFailed: the HostFinder failed, panicked or gave an unusable
	// Reservation.
	ReasonHostFailed
	// ReasonHostTimeout: the HostFinder took longer than DecideTimeout.
	ReasonHostTimeout
	// ReasonStoreFailed: the lease store failed, so nothing is confirmed.
	ReasonStoreFailed
	// ReasonContention: others changed the lease each of 16 times.
	ReasonContention
	// ReasonFuncFailed: a function of the Config panicked, or returned what
	// cannot be used.
	ReasonFuncFailed
	// ReasonEncode: the reply cannot be encoded.
	ReasonEncode
	// ReasonWrite: the reply could not be sent.
	ReasonWrite
	// ReasonAgentInfoOmitted: the reply was sent, but without the relay agent
	// information, for which it has no room (RFC 3046, section 2.2).
	ReasonAgentInfoOmitted
	// ReasonUnanswered: the message was served and is never answered
	// (RELEASE, DECLINE).
	ReasonUnanswered
	// ReasonClosed: the Server, or the Serve that read the message, ended.
	ReasonClosed

	firstNakReason
)

// Why a REQUEST was answered with a NAK.
const (
	// ReasonWrongAddress: the client has another address here than the one
	// it asks for, or none of this network.
	ReasonWrongAddress Reason = firstNakReason + iota
	// ReasonReserved: the requested address is reserved for another client,
	// or another one is reserved for this client.
	ReasonReserved
	// ReasonTaken: the requested address is leased to another client or was
	// declined; or the client named none, and this is so of the one reserved
	// for it, or of all.
	ReasonTaken
	// ReasonRefused: the HostFinder said ErrNak.
	ReasonRefused

	numReasons
)

var reasonTexts = [numReasons]string{
	reasonNone:             "no reason",
	ReasonMalformed:        "malformed message",
	ReasonTooLong:          "datagram too long",
	ReasonNotRequest:       "not a BOOTREQUEST",
	ReasonMessageType:      "no message type that a client sends",
	ReasonNoIdentity:       "no client identifier and no hardware address",
	ReasonNoSubnet:         "no subnet for this link and these addresses",
	ReasonUnknownRelay:     "no subnet for this relay agent",
	ReasonNoServerID:       "the link has no address to use as server identifier",
	ReasonServerID:         "DISCOVER with a server identifier",
	ReasonOtherServer:      "meant for another server",
	ReasonNoAddress:        "no free address",
	ReasonUnknownAddress:   "requested address is in no pool",
	ReasonUnknownClient:    "unknown client reboots",
	ReasonNoReservation:    "the subnet is for clients with a reservation only",
	ReasonNotOwner:         "the client does not have this lease",
	ReasonNoReturnPath:     "no address to answer to",
	ReasonPendingFull:      "too many exchanges wait for the HostFinder",
	ReasonSuperseded:       "a newer message of the client took its place",
	ReasonIgnored:          "ignored by the HostFinder",
	ReasonHostFailed:       "the HostFinder failed",
	ReasonHostTimeout:      "the HostFinder took too long",
	ReasonStoreFailed:      "the lease store failed",
	ReasonContention:       "the lease kept changing",
	ReasonFuncFailed:       "a function of the configuration failed",
	ReasonEncode:           "the reply cannot be encoded",
	ReasonWrite:            "the reply could not be sent",
	ReasonAgentInfoOmitted: "no room for the relay agent information",
	ReasonUnanswered:       "served, never answered",
	ReasonClosed:           "server closed",
	ReasonWrongAddress:     "wrong address",
	ReasonReserved:         "address is reserved",
	ReasonTaken:            "address is taken",
	ReasonRefused:          "refused by the HostFinder",
}

// Error returns a few words of text.
func (r Reason) Error() string {
	if r >= numReasons {
		return "unknown reason"
	}
	return reasonTexts[r]
}
