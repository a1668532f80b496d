package dhcp4

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// pending holds the exchanges that wait for the HostFinder, and the answers
// that may be used again.
type pending struct {
	mu     sync.Mutex
	count  int // calls of FindHost that have not returned
	parked map[parkKey]*parkedExchange
	reuse  map[string]reusable // by the identity and the subnet
}

// parkKey tells whose exchange waits: there is one at a time for each client,
// subnet and Conn.
type parkKey struct {
	on     *serving
	client string
}

// A parkedExchange waits for one call of FindHost. It owns a copy of its
// packet; a newer packet of the same client takes its place.
type parkedExchange struct {
	key     parkKey
	packet  Packet
	arrived time.Time // by the monotonic clock
}

type reusable struct {
	host  *host
	sub   *subnet // that host was compiled for
	until time.Time
}

// maxReuse bounds the answers kept for Reservation.Reuse.
const maxReuse = 8192

// parkKeyOf returns the key of x: its client in its subnet.
func parkKeyOf(x *Exchange) string { return string(appendParkKey(nil, x)) }

func appendParkKey(dst []byte, x *Exchange) []byte {
	return append(binary.BigEndian.AppendUint32(dst, x.sub.id), x.key...)
}

// park puts x aside until the HostFinder has answered, on a goroutine of its
// own. in is x's packet. It reports false if there is no room.
func (s *Server) park(on *serving, x *Exchange, in *Packet) bool {
	key := parkKey{on, parkKeyOf(x)}
	packet := *in
	packet.Data = slices.Clone(in.Data)

	p := &s.pending
	p.mu.Lock()
	defer p.mu.Unlock()
	if waiting := p.parked[key]; waiting != nil {
		// The running call's answer serves the newer message.
		waiting.packet, waiting.arrived = packet, time.Now()
		s.countReason(ReasonSuperseded)
		return true
	}
	limit := x.snap.maxPending
	if x.msgType != TypeRequest {
		limit -= limit / 4
	}
	if p.count >= limit {
		return false
	}
	p.count++
	parked := &parkedExchange{key: key, packet: packet, arrived: time.Now()}
	p.parked[key] = parked
	on.begin()
	go func() {
		defer on.end()
		s.callHosts(on, parked, packet)
	}()
	return true
}

// callHosts asks the HostFinder for the client of a parked exchange and takes
// the exchange on from there. first is the packet that it was parked with; a
// newer one may have taken its place when the answer comes.
func (s *Server) callHosts(on *serving, parked *parkedExchange, first Packet) {
	x := new(Exchange)
	if !s.prepare(x, &first) {
		// The configuration changed just now.
		s.unpark(parked)
		s.finish(x)
		return
	}
	var h *host
	var err error
	if s.needsHost(x) { // unless the configuration changed just now
		h, err = s.findHost(on.ctx, x)
	}
	packet, arrived := s.unpark(parked)
	switch {
	case on.ctx.Err() != nil:
		s.countReason(ReasonClosed)
		return
	case time.Since(arrived) > s.snapshot.Load().decideTimeout:
		s.countReason(ReasonHostTimeout)
		return
	}
	on.resume(readyExchange{packet: packet, host: h, err: err})
}

// unpark ends the wait. From here on a newer message of the client waits anew.
func (s *Server) unpark(parked *parkedExchange) (Packet, time.Time) {
	p := &s.pending
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count--
	delete(p.parked, parked.key)
	return parked.packet, parked.arrived
}

// findHost calls the HostFinder for x, within DecideTimeout. A panic of it is
// an error.
func (s *Server) findHost(ctx context.Context, x *Exchange) (h *host, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.snap.decideTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			h, err = nil, fmt.Errorf("panic in FindHost: %v\n%s", v, debug.Stack())
		}
	}()
	r, err := x.snap.hosts.FindHost(ctx, x)
	if err != nil || r == nil {
		return nil, err
	}
	if err := checkFound(x, r); err != nil {
		return nil, err
	}
	h = foundHost(r, x.sub)
	if r.Reuse > 0 {
		s.pending.keep(parkKeyOf(x), reusable{h, x.sub, time.Now().Add(r.Reuse)})
	}
	return h, nil
}

// checkFound returns what is wrong with the answer of a HostFinder.
func checkFound(x *Exchange, r *Reservation) error {
	var k configChecker
	k.reservation("", r)
	k.foundAddr(x, r.Addr)
	return k.unusable()
}

// unusable returns the problems of an answer of a HostFinder as one error.
func (k *configChecker) unusable() error {
	var errs []error
	for _, p := range k.problems {
		errs = append(errs, fmt.Errorf("unusable answer: Reservation%s: %w", p.Path, p.Err))
	}
	return errors.Join(errs...)
}

// foundAddr checks the address a of an answer of a HostFinder against the
// configuration.
func (k *configChecker) foundAddr(x *Exchange, a netip.Addr) {
	switch {
	case !a.IsValid():
	case x.snap.reservedAt(x.memberOf(a), a) != nil:
		k.add(".Addr", "%v is reserved for another client", a)
	case !x.memberOf(a).conf.Prefix.Contains(a):
		k.add(".Addr", "%v is not inside the subnet %v", a, x.sub.conf.Prefix)
	case x.memberOf(a).conf.isEdge(a):
		k.add(".Addr", noHost, a, x.memberOf(a).conf.Prefix)
	}
}

// keep remembers an answer.
func (p *pending) keep(key string, r reusable) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reuse == nil {
		p.reuse = make(map[string]reusable)
	}
	if _, ok := p.reuse[key]; !ok && len(p.reuse) >= maxReuse {
		for k := range p.reuse { // any one: the client is asked about again
			delete(p.reuse, k)
			break
		}
	}
	p.reuse[key] = r
}

// forget drops all answers that might be given again.
func (p *pending) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.reuse)
}

// recall returns an answer that may be given again, or nil. One that was given
// for a subnet that is no more may not, though another has its ID by now.
func (p *pending) recall(x *Exchange) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.reuse) == 0 {
		return nil
	}
	var buf [64]byte // a client identifier is seldom longer
	key := appendParkKey(buf[:0], x)
	r, ok := p.reuse[string(key)]
	if ok && (r.sub != x.sub || time.Now().After(r.until)) {
		delete(p.reuse, string(key))
		return nil
	}
	return r.host
}

// setFound applies the HostFinder's answer to x. It reports whether to go on;
// if not, x has its verdict.
func (s *Server) setFound(x *Exchange, h *host, err error) bool {
	x.asked = true
	if err == nil && h != nil {
		// The configuration may have changed since the HostFinder was asked.
		var k configChecker
		k.foundAddr(x, h.conf.Addr)
		err = k.unusable()
	}
	switch {
	case err == nil:
		if h == nil {
			x.setRecord(x.anyHost())
		} else {
			x.setHost(h)
		}
		return true
	case errors.Is(err, ErrNak):
		x.refused = true
		return true
	case errors.Is(err, ErrIgnore):
		x.drop(ReasonIgnored)
	case errors.Is(err, context.DeadlineExceeded):
		s.logHost(x, err)
		x.drop(ReasonHostTimeout)
	default:
		s.logHost(x, err)
		x.drop(ReasonHostFailed)
	}
	return false
}
