package dhcp4

import (
	"net/netip"

	"github.com/embedhcp/embedhcp/option"
)

// Sub-options of the relay agent information that the Server itself reads.
const (
	subCircuitID        = 1 // RFC 3046
	subRemoteID         = 2
	subLinkSelection    = 5  // RFC 3527
	subServerIDOverride = 11 // RFC 5107
	subRelayPort        = 19 // RFC 8357
)

const codeSubnetSelection option.Code = 118

// agentSubOption returns a sub-option of the relay agent information of m
// (RFC 3046, section 2.0). Behind a sub-option that is cut off nothing is
// found.
func agentSubOption(m *Message, code byte) (data []byte, ok bool) {
	info, _ := m.Options.Lookup(codeAgentOptions)
	for len(info) >= 2 {
		end := 2 + int(info[1])
		if end > len(info) {
			return nil, false
		}
		if info[0] == code {
			return info[2:end], true
		}
		info = info[end:]
	}
	return nil, false
}

// agentAddr returns a sub-option that holds one address; 0.0.0.0 is none.
func agentAddr(m *Message, code byte) (a netip.Addr, ok bool) {
	data, ok := agentSubOption(m, code)
	if !ok || len(data) != 4 {
		return netip.Addr{}, false
	}
	a = netip.AddrFrom4([4]byte(data))
	return a, isAddr(a)
}

// linkAddr returns the address that the relay agent (RFC 3527) or else the
// client (option 118, RFC 3011) names its link by.
func (s *snapshot) linkAddr(m *Message) (a netip.Addr, ok bool) {
	if !s.ignoreLinkSelection {
		if a, ok = agentAddr(m, subLinkSelection); ok {
			return a, true
		}
	}
	a, ok, err := option.SubnetSelection.Get(m.Options)
	return a, ok && err == nil && isAddr(a)
}

// subnetSelection returns option 118 as it came: who goes by it sends it back
// (RFC 3011), in a NAK too, as Kea does.
func (x *Exchange) subnetSelection() (o option.Option, ok bool) {
	data, ok := x.Request.Options.Lookup(codeSubnetSelection)
	return option.Option{Code: codeSubnetSelection, Data: data}, ok && len(data) == 4
}

// replyPort returns the port that a relay agent wants its replies at: 67, or
// the one that it sent from if it says so (RFC 8357, section 5.1).
func replyPort(req *Message, source netip.AddrPort) uint16 {
	if _, ok := agentSubOption(req, subRelayPort); ok && source.Port() != 0 {
		return source.Port()
	}
	return serverPort
}

// toBroadcast reports whether the request was sent to 255.255.255.255.
func (x *Exchange) toBroadcast() bool { return x.Local.Addr().Unmap() == broadcastAddr }

// agentInfo returns the relay agent information that came with the request,
// or nil.
func (x *Exchange) agentInfo() []byte {
	if x.stashed {
		return nil
	}
	info, _ := x.Request.Options.Lookup(codeAgentOptions)
	return info
}

// contextWithAgentInfo returns the user context of the client's lease, context,
// with the relay agent information of the request as far as it is to be stored.
// If it is there already, context is returned as it is, in whatever form.
func (x *Exchange) contextWithAgentInfo(context string) string {
	info := x.agentInfo()
	if len(info) == 0 || !x.sub.terms.storeAgentInfo {
		return context
	}
	if x.stash = appendAgentInfo(x.stash[:0], context); string(x.stash) == string(info) {
		return context
	}
	return withAgentInfo(context, info)
}

// unstash gives a renewal that came without a relay agent the information
// that the client's lease was made with (RFC 3046, section 2.1; Kea:
// stash-agent-options): who the client is may hang on it. The reply does not
// carry it, for there is no relay agent on its way. It reports whether all
// that x now needs to know about the store has been asked for.
func (s *Server) unstash(x *Exchange) bool {
	q := x.Request
	if !x.snap.stashAgentOptions || x.stashed || x.msgType != TypeRequest || x.state() != renewing ||
		isAddr(q.GIAddr) || x.toBroadcast() || x.agentInfo() != nil {
		return true
	}
	l := x.leaseAt(q.CIAddr)
	if l == nil || !x.owns(l) {
		return true
	}
	if x.stash = appendAgentInfo(x.stash[:0], l.UserContext); len(x.stash) == 0 {
		return true
	}
	x.stashed = true
	q.Options = append(q.Options, option.Option{Code: codeAgentOptions, Data: x.stash})
	if err := x.identifyHost(); err != nil {
		s.logFunc(x, err)
		x.drop(ReasonFuncFailed)
		return false
	}
	if r, n := x.namedHost(); r != nil {
		x.setRecord(r, n)
	}
	return x.knowsReserved()
}
