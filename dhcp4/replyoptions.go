package dhcp4

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/embedhcp/embedhcp/option"
)

// Codes that the reply's options are sorted out by.
const (
	codeSubnetMask        option.Code = 1
	codeRouters           option.Code = 3
	codeDomainNameServers option.Code = 6
	codeHostName          option.Code = 12
	codeDomainName        option.Code = 15
	codeLeaseTime         option.Code = 51
	codeServerID          option.Code = 54
	codeParameters        option.Code = 55
	codeRenewalTime       option.Code = 58
	codeRebindingTime     option.Code = 59
	codeClientID          option.Code = 61
	codeAgentOptions      option.Code = 82
	codeVendorClasses     option.Code = 124
	codeVendorOptions     option.Code = 125
)

// answer makes the reply of type t that gives the client the address a, or,
// to an INFORM, none.
func (s *Server) answer(x *Exchange, t MessageType, a netip.Addr) {
	if a.IsValid() {
		x.settle(a)
	}
	r := x.startReply(t)
	r.YIAddr = a
	if t == TypeACK {
		r.CIAddr = x.Request.CIAddr
	}
	boot := &x.sub.conf.Boot
	if x.host != nil {
		boot = &x.host.conf.Boot
	}
	r.SIAddr = boot.NextServer
	x.bootText = append(append(x.bootText[:0], boot.ServerName...), boot.File...)
	r.SName = x.bootText[:len(boot.ServerName):len(boot.ServerName)]
	r.File = x.bootText[len(boot.ServerName):]
	x.Reply = r
	if err := x.addOptions(a); err != nil {
		s.logFunc(x, err)
		x.drop(ReasonFuncFailed)
		return
	}
	x.finishReply(s)
}

// nak makes a NAK (RFC 2131, table 3): no addresses, no options but its own and
// the echoed ones.
func (s *Server) nak(x *Exchange, why Reason) {
	x.startReply(TypeNAK)
	x.reason = why
	x.stateless = true // there is nothing that a sync would make durable
	x.addServerID()
	x.add(option.DHCPMessage.NewIn(&x.arena, why.Error()))
	if id, ok := x.echoedClientID(); ok {
		x.add(id)
	}
	if link, ok := x.subnetSelection(); ok {
		x.add(link)
	}
	x.finishReply(s)
}

// startReply sets what a reply copies from the request, and the message type
// as the first option.
func (x *Exchange) startReply(t MessageType) *Message {
	q, r := x.Request, &x.reply
	*r = Message{
		Op: OpReply, HType: q.HType, XID: q.XID, Flags: q.Flags,
		GIAddr: q.GIAddr, HardwareAddr: q.HardwareAddr,
		Hops: q.Hops,
	}
	x.replyOptions = x.replyOptions[:0]
	x.arena.Reset()
	x.add(option.DHCPMessageType.NewIn(&x.arena, uint8(t)))
	x.replyType = t
	return r
}

// finishReply adds the relay agent information last (RFC 3046, section 2.2).
func (x *Exchange) finishReply(s *Server) {
	if info := x.agentInfo(); len(info) > 0 {
		x.add(option.Option{Code: codeAgentOptions, Data: info})
	}
	x.reply.Options = x.replyOptions
	x.Reply = &x.reply
	x.verdict = answered
}

func (x *Exchange) add(o option.Option) { x.replyOptions = append(x.replyOptions, o) }

// addOptions adds, by ascending code, the options that the Server computes,
// and of the configured ones those that the client gets unasked and those
// that it asks for. a is the address that the client gets; invalid in the
// answer to an INFORM, which says nothing about a lease.
func (x *Exchange) addOptions(a netip.Addr) error {
	levels, err := x.optionLevels(a)
	if err != nil {
		return err
	}
	var want codeSet
	asked, _ := x.Request.Options.Lookup(codeParameters)
	for _, c := range asked {
		want.add(option.Code(c))
	}
	vendorsAsked := [2]bool{want.has(codeVendorClasses), want.has(codeVendorOptions)}
	want.add(codeVendorClasses)
	want.add(codeVendorOptions)
	want.add(codeRouters)
	want.add(codeDomainNameServers)
	want.add(codeDomainName)
	for _, l := range levels.all() {
		want.union(&l.always)
	}
	c := x.computed(a, &want)
	want.union(&c.has)

	for w, word := range want {
		for ; word != 0; word &= word - 1 {
			code := option.Code(w<<6 | bits.TrailingZeros64(word))
			o, ok, never := levels.pick(code)
			if ok && (code == codeVendorClasses || code == codeVendorOptions) && !levels.always(code) {
				o, ok = x.forVendors(o, vendorsAsked[code-codeVendorClasses])
			}
			switch computed, has := c.lookup(code); {
			case never:
			case ok && !c.wins.has(code):
				x.add(o)
			case has:
				x.add(computed)
			}
		}
	}
	return nil
}

// computedOptions are those that the Server makes up itself.
type computedOptions struct {
	has, wins codeSet // wins: stronger than a configured one
	list      [8]option.Option
	n         int
}

func (c *computedOptions) add(o option.Option, wins bool) {
	c.list[c.n] = o
	c.n++
	c.has.add(o.Code)
	if wins {
		c.wins.add(o.Code)
	}
}

func (c *computedOptions) lookup(code option.Code) (option.Option, bool) {
	if c.has.has(code) {
		for _, o := range c.list[:c.n] {
			if o.Code == code {
				return o, true
			}
		}
	}
	return option.Option{}, false
}

func (x *Exchange) computed(a netip.Addr, want *codeSet) computedOptions {
	var c computedOptions
	c.add(option.DHCPServerIdentifier.NewIn(&x.arena, x.serverID), true)
	if id, ok := x.echoedClientID(); ok {
		c.add(id, true)
	}
	if link, ok := x.subnetSelection(); ok {
		c.add(link, true)
	}
	if bits := int(x.sub.bits); bits > 0 && !x.snap.onlyConfigured && (a.IsValid() || want.has(codeSubnetMask)) {
		c.add(option.SubnetMask.NewIn(&x.arena, maskOf(bits)), false)
	}
	if !a.IsValid() {
		return c
	}
	// As in Kea, the client's name counts more than a configured option.
	reserved := x.host != nil && x.host.conf.Hostname != ""
	if name := x.hostname(); name != "" && (reserved || !x.snap.onlyConfigured) {
		c.add(option.HostName.NewIn(&x.arena, name), true)
	}
	promise := x.promise()
	c.add(option.DHCPLeaseTime.NewIn(&x.arena, promise), true)
	t1, t2 := x.sub.terms.renewalTimes(x.lifetime(), promise)
	if x.snap.onlyConfigured && !x.sub.terms.teeConfigured {
		t1, t2 = 0, 0
	}
	if t1 > 0 {
		c.add(option.DHCPRenewalTime.NewIn(&x.arena, t1), true)
	}
	if t2 > 0 {
		c.add(option.DHCPRebindingTime.NewIn(&x.arena, t2), true)
	}
	return c
}

func maskOf(bits int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], ^uint32(0)<<(32-bits))
	return netip.AddrFrom4(b)
}

func (x *Exchange) addServerID() {
	x.add(option.DHCPServerIdentifier.NewIn(&x.arena, x.serverID))
}

// echoedClientID returns option 61 as it came (RFC 6842), unless the
// configuration says that it stays away. One that is too long
// for an identifier is not worth a reply that it may not fit into.
func (x *Exchange) echoedClientID() (o option.Option, ok bool) {
	id, ok := x.Request.Options.Lookup(codeClientID)
	return option.Option{Code: codeClientID, Data: id}, ok && len(id) <= 255 && x.snap.echoClientID
}
