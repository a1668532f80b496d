package dhcp4

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// LogValue returns the message as String writes it.
func (m *Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// enabled reports whether anybody wants records of the level.
func (s *Server) enabled(level slog.Level) bool {
	return s.log != nil && s.log.Enabled(context.Background(), level)
}

// record logs one record with one of Kea's message ids.
func (s *Server) record(level slog.Level, id, text string, attrs ...slog.Attr) {
	s.log.LogAttrs(context.Background(), level, text, append([]slog.Attr{slog.String("id", id)}, attrs...)...)
}

// client tells who sent the request, as Kea does.
func (x *Exchange) client() slog.Attr {
	cid := "no info"
	if len(x.clientID) > 0 {
		cid = lease.ClientIDFrom(x.clientID).String()
	}
	return slog.String("client", fmt.Sprintf("[hwtype=%d %v], cid=[%s], tid=0x%x",
		x.Request.HType, x.Request.HardwareAddr, cid, x.Request.XID))
}

// logOutcome tells what became of x.
func (s *Server) logOutcome(x *Exchange) {
	switch {
	case s.log == nil:
	case x.verdict == dropped:
		s.logDrop(x)
	case x.verdict == served:
		s.logServed(x)
	case x.replyType == TypeNAK:
		if s.enabled(slog.LevelInfo) {
			s.record(slog.LevelInfo, nakIDs[x.reason], "the request is refused", x.client(),
				slog.String("reason", x.reason.Error()))
		}
	case x.msgType == TypeInform:
		if s.enabled(slog.LevelDebug) {
			s.record(slog.LevelDebug, "DHCP4_PACKET_SEND", "the client gets its configuration", x.client())
		}
	case s.enabled(slog.LevelInfo):
		id, text := "DHCP4_LEASE_ADVERT", "an address is offered"
		if x.replyType == TypeACK {
			id, text = "DHCP4_LEASE_ALLOC", "a lease is given"
			if x.cached {
				id, text = "DHCP4_LEASE_REUSE", "a lease is confirmed as it is stored"
			}
			if x.stateless {
				text = "an address is confirmed that is kept elsewhere"
			}
		}
		attrs := []slog.Attr{
			x.client(),
			slog.String("address", x.Reply.YIAddr.String()),
			slog.Duration("lifetime", x.promise()),
		}
		s.record(slog.LevelInfo, id, text, append(attrs, x.relay()...)...)
	}
}

// relay tells which relay agent forwarded the request, from which of its
// circuits, and from which remote host (RFC 3046, sections 3.1 and 3.2).
func (x *Exchange) relay() (attrs []slog.Attr) {
	if isAddr(x.Request.GIAddr) {
		attrs = append(attrs, slog.String("giaddr", x.Request.GIAddr.String()))
	}
	if id, ok := agentSubOption(x.Request, subCircuitID); ok {
		attrs = append(attrs, slog.String("circuit-id", fmt.Sprintf("0x%X", id)))
	}
	if id, ok := agentSubOption(x.Request, subRemoteID); ok {
		attrs = append(attrs, slog.String("remote-id", fmt.Sprintf("0x%X", id)))
	}
	return attrs
}

// reservedAddr tells which address is reserved for the client, and who has it
// instead.
func (x *Exchange) reservedAddr() (attrs []slog.Attr) {
	a := x.reserved()
	if !a.IsValid() {
		return nil
	}
	attrs = append(attrs, slog.String("reserved", a.String()))
	if l := x.leaseAt(a); l != nil {
		attrs = append(attrs, slog.String("lease", l.String()))
	}
	return attrs
}

func (s *Server) logServed(x *Exchange) {
	if !s.enabled(slog.LevelInfo) {
		return
	}
	id, text := "DHCP4_RELEASE", "the client gave its lease back"
	addr := x.Request.CIAddr
	if x.msgType == TypeDecline {
		id, text = "DHCP4_DECLINE_LEASE", "the client found its address in use"
		addr, _ = x.requestedAddr()
	}
	s.record(slog.LevelInfo, id, text, x.client(), slog.String("address", addr.String()))
}

// nakIDs and dropIDs give Kea's message id for a Reason.
var nakIDs = [numReasons]string{
	ReasonWrongAddress: "DHCP4_PACKET_NAK_0002",
	ReasonReserved:     "DHCP4_PACKET_NAK_0003",
	ReasonTaken:        "DHCP4_PACKET_NAK_0004",
	ReasonRefused:      "DHCP4_PACKET_NAK_0003",
}

var dropIDs = [numReasons]string{
	ReasonMalformed:      "DHCP4_PACKET_DROP_0001",
	ReasonTooLong:        "DHCP4_PACKET_DROP_0001",
	ReasonNoSubnet:       "DHCP4_SUBNET_SELECTION_FAILED",
	ReasonUnknownRelay:   "DHCP4_SUBNET_SELECTION_FAILED",
	ReasonOtherServer:    "DHCP4_PACKET_DROP_0003",
	ReasonMessageType:    "DHCP4_PACKET_DROP_0005",
	ReasonUnknownAddress: "DHCP4_UNKNOWN_ADDRESS_REQUESTED",
	ReasonUnknownClient:  "DHCP4_NO_LEASE_INIT_REBOOT",
	ReasonNoAddress:      "ALLOC_ENGINE_V4_ALLOC_FAIL",
	ReasonPendingFull:    "DHCP4_PACKET_QUEUE_FULL",
}

// logDrop tells of a request without an answer. What goes wrong on the
// Server's side is a warning, what a client may cause at will is for
// debugging.
func (s *Server) logDrop(x *Exchange) {
	level := slog.LevelDebug
	switch x.reason {
	case ReasonNoAddress, ReasonPendingFull, ReasonContention:
		level = slog.LevelWarn
	case ReasonNoSubnet, ReasonUnknownRelay, ReasonNoServerID:
		// The usual mistake of a new configuration; not for every packet.
		if s.seldom() {
			level = slog.LevelWarn
		}
	}
	if !s.enabled(level) {
		return
	}
	id := dropIDs[x.reason]
	if id == "" {
		id = "DHCP4_PACKET_DROP_0007"
	}
	attrs := []slog.Attr{slog.String("reason", x.reason.Error())}
	if x.Request != nil && x.Request.Op != 0 {
		attrs = append(attrs, x.client(), slog.String("type", x.Request.Type().String()))
		if isAddr(x.Request.GIAddr) {
			attrs = append(attrs, slog.String("giaddr", x.Request.GIAddr.String()))
		}
	}
	if x.Link != nil {
		attrs = append(attrs, slog.String("link", x.Link.Name))
	}
	if x.reason == ReasonNoAddress {
		attrs = append(attrs, x.reservedAddr()...)
	}
	s.record(level, id, "a message is not answered", attrs...)
}

// seldom reports true once a minute.
func (s *Server) seldom() bool {
	now := int64(time.Since(s.started)) + 1
	last := s.lastHint.Load()
	return (last == 0 || now-last >= int64(time.Minute)) && s.lastHint.CompareAndSwap(last, now)
}

func (s *Server) logMalformed(x *Exchange, err error) {
	if s.enabled(slog.LevelDebug) {
		s.record(slog.LevelDebug, "DHCP4_PACKET_DROP_0001", "a message cannot be read",
			slog.String("from", x.Peer.String()), slog.Any("error", err))
	}
}

func (s *Server) logStore(call storeCall, err error) {
	if s.log != nil {
		s.record(slog.LevelError, "DHCPSRV_STORE_FAILED", "the lease store failed; nothing is confirmed",
			slog.String("call", call.String()), slog.Any("error", err))
	}
}

func (s *Server) logRecovered() {
	if s.enabled(slog.LevelInfo) {
		s.record(slog.LevelInfo, "DHCPSRV_STORE_RECOVERED", "the lease store works again")
	}
}

// logClock tells of a step of the wall clock.
func (s *Server) logClock(by time.Duration, leases int) {
	if s.enabled(slog.LevelWarn) {
		s.record(slog.LevelWarn, "DHCPSRV_CLOCK_STEP", "the wall clock was set, all leases follow it",
			slog.Duration("by", by), slog.Int("leases", leases))
	}
}

// logCut tells of leases that were stored by a clock ahead of this one.
func (s *Server) logCut(leases int) {
	if s.enabled(slog.LevelWarn) {
		s.record(slog.LevelWarn, "DHCPSRV_CLOCK_CUT", "leases expire later than they can, and are cut: the clock is, or was, wrong",
			slog.Int("leases", leases))
	}
}

func (s *Server) logHost(x *Exchange, err error) {
	if s.log != nil {
		s.record(slog.LevelWarn, "HOSTS_FINDER_FAILED", "the HostFinder failed", x.client(), slog.Any("error", err))
	}
}

func (s *Server) logFunc(x *Exchange, err error) {
	if s.log != nil {
		s.record(slog.LevelError, "DHCP4_HOOK_FAILED", "a function of the configuration failed", x.client(), slog.Any("error", err))
	}
}

func (s *Server) logEncode(x *Exchange, err error) {
	if s.log != nil {
		s.record(slog.LevelError, "DHCP4_PACKET_PACK_FAIL", "the reply cannot be encoded", x.client(), slog.Any("error", err))
	}
}

// logOmitted tells which options of the reply the client does not get.
func (s *Server) logOmitted(x *Exchange) {
	if !s.enabled(slog.LevelInfo) {
		return
	}
	var sent Message
	if sent.Unmarshal(x.out) != nil {
		return
	}
	var codes []string
	for _, o := range x.Reply.Options {
		if _, ok := sent.Options.Lookup(o.Code); !ok {
			codes = append(codes, o.Code.String())
		}
	}
	s.record(slog.LevelInfo, "DHCP4_PACKET_OPTIONS_OMITTED", "the client takes no message that holds all options", x.client(),
		slog.Int("limit", x.sizeLimit()), slog.Any("omitted", codes))
}

func (s *Server) logWrite(x *Exchange, err error) {
	if s.log != nil {
		s.record(slog.LevelWarn, "DHCP4_PACKET_SEND_FAIL", "the reply could not be sent", x.client(), slog.Any("error", err))
	}
}

func (s *Server) logRead(err error) {
	if s.log != nil {
		s.record(slog.LevelWarn, "DHCP4_BUFFER_RECEIVE_FAIL", "reading failed", slog.Any("error", err))
	}
}

func (s *Server) logServing(conn Conn) {
	if s.enabled(slog.LevelInfo) {
		s.record(slog.LevelInfo, "DHCP4_STARTED", "serving")
	}
}

func (s *Server) logExpired(l *lease.Lease) {
	if s.enabled(slog.LevelInfo) {
		s.record(slog.LevelInfo, "ALLOC_ENGINE_V4_LEASE_RECLAIM", "a lease ran out",
			slog.String("address", l.Addr.String()), slog.String("hwaddr", l.HardwareAddr.String()))
	}
}
