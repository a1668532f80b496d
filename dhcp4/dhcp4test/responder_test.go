package dhcp4test_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/option"
)

var (
	addr   = netip.MustParseAddr("192.168.1.100")
	server = netip.MustParseAddr("192.168.1.1")
	relay  = netip.MustParseAddr("172.16.0.1")
)

// A responder is as little of a server as a Client needs: it has one address
// and gives it to everybody.
type responder struct {
	conn   dhcp4.Conn
	answer func(req *dhcp4.Message) []*dhcp4.Message // If nil, answers.

	got []received
}

// A received message and how it came.
type received struct {
	path string // link: source > destination
	msg  *dhcp4.Message
}

// run answers until conn is closed.
func (r *responder) run() {
	buf := make([]byte, 2048)
	for {
		ps := []dhcp4.Packet{{Data: buf}}
		if _, err := r.conn.ReadBatch(ps); err != nil {
			return
		}
		var m dhcp4.Message
		if err := m.Unmarshal(ps[0].Data); err != nil {
			panic(err)
		}
		req := m.Clone()
		r.got = append(r.got, received{fmt.Sprintf("%s: %v > %v", ps[0].Link.Name, ps[0].Peer, ps[0].Local), req})
		answer := r.answer
		if answer == nil {
			answer = answers
		}
		for _, reply := range answer(req) {
			p := dhcp4.Packet{Link: ps[0].Link}
			switch { // RFC 2131, section 4.1
			case !reply.GIAddr.IsUnspecified():
				p.Peer = netip.AddrPortFrom(reply.GIAddr, 67)
			case reply.Type() == dhcp4.TypeNAK || reply.IsBroadcast():
				p.Peer = netip.MustParseAddrPort("255.255.255.255:68")
			case !reply.CIAddr.IsUnspecified():
				p.Peer = netip.AddrPortFrom(reply.CIAddr, 68)
			default:
				p.Peer, p.HardwareAddr = netip.AddrPortFrom(reply.YIAddr, 68), reply.HardwareAddr
			}
			p.Data, _ = reply.AppendBinary(nil)
			if _, err := r.conn.WriteBatch([]dhcp4.Packet{p}); err != nil && !errors.Is(err, net.ErrClosed) {
				panic(err)
			}
		}
	}
}

func answers(req *dhcp4.Message) []*dhcp4.Message {
	switch req.Type() {
	case dhcp4.TypeDiscover:
		return []*dhcp4.Message{replyTo(req, dhcp4.TypeOffer, addr)}
	case dhcp4.TypeRequest:
		return []*dhcp4.Message{replyTo(req, dhcp4.TypeACK, addr)}
	case dhcp4.TypeInform:
		return []*dhcp4.Message{replyTo(req, dhcp4.TypeACK, netip.Addr{})}
	}
	return nil
}

func replyTo(req *dhcp4.Message, t dhcp4.MessageType, yiaddr netip.Addr) *dhcp4.Message {
	m := &dhcp4.Message{
		Op: dhcp4.OpReply, HType: req.HType, XID: req.XID, Flags: req.Flags,
		CIAddr: req.CIAddr, YIAddr: yiaddr, GIAddr: req.GIAddr, HardwareAddr: req.HardwareAddr,
		Options: option.Options{option.DHCPMessageType.New(uint8(t)), option.DHCPServerIdentifier.New(server)},
	}
	if t != dhcp4.TypeNAK && yiaddr.IsValid() {
		m.Options = append(m.Options, option.DHCPLeaseTime.New(2*time.Hour),
			option.DHCPRenewalTime.New(time.Hour), option.DHCPRebindingTime.New(90*time.Minute))
	}
	return m
}

// bubble runs f with a client and a responder on one link, in virtual time.
func bubble(t *testing.T, o *dhcp4test.NetworkOptions, f func(t *testing.T, n *dhcp4test.Network, c *dhcp4test.Client, r *responder)) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(o)
		defer n.Close()
		r := &responder{conn: n.Server(link("lan", "192.168.1.1/24"))}
		c := &dhcp4test.Client{Conn: n.Client("lan", mac1), HardwareAddr: mac1}
		go r.run()
		f(t, n, c, r)
	})
}

// state is what a Client knows about its lease.
type state struct {
	Addr, ServerID   netip.Addr
	Lifetime, T1, T2 time.Duration
}

func stateOf(c *dhcp4test.Client) state { return state{c.Addr, c.ServerID, c.Lifetime, c.T1, c.T2} }

var bound = state{addr, server, 2 * time.Hour, time.Hour, 90 * time.Minute}
