package dhcp4test_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// TestMessagesAreThoseOfRFC2131 checks what each method sends against RFC
// 2131, tables 4 and 5, and what the Client knows afterwards.
func TestMessagesAreThoseOfRFC2131(t *testing.T) {
	type o = option.Options
	var (
		typ  = func(t dhcp4.MessageType) option.Option { return option.DHCPMessageType.New(uint8(t)) }
		prl  = option.DHCPParameterRequestList.New(1, 3, 6, 12, 15, 119)
		id   = option.DHCPServerIdentifier.New(server)
		want = option.DHCPRequestedAddress.New(addr)
	)
	const (
		broadcast = "lan: 0.0.0.0:68 > 255.255.255.255:67"
		unicast   = "lan: 192.168.1.100:68 > 192.168.1.1:67"
		rebind    = "lan: 192.168.1.100:68 > 255.255.255.255:67"
		relayed   = "lan: 172.16.0.1:67 > 192.168.1.1:67"
	)
	acquired := func(c *dhcp4test.Client) { c.Addr, c.ServerID = addr, server }
	tests := []struct {
		name  string
		setup func(c *dhcp4test.Client)
		call  func(ctx context.Context, c *dhcp4test.Client) error
		want  []received
		state state
	}{
		{
			name: "Acquire",
			call: func(ctx context.Context, c *dhcp4test.Client) error { _, err := c.Acquire(ctx); return err },
			want: []received{
				{broadcast, &dhcp4.Message{Options: o{typ(dhcp4.TypeDiscover), prl}}},
				{broadcast, &dhcp4.Message{Options: o{typ(dhcp4.TypeRequest), want, id, prl}}},
			},
			state: bound,
		},
		{
			name: "Discover with all options",
			setup: func(c *dhcp4test.Client) {
				c.HType = 6
				c.ClientID = lease.ClientIDFrom([]byte{1, 2, 3})
				c.Broadcast = true
				c.Hostname = "host"
				c.ParameterRequestList = []option.Code{}
				c.Options = o{option.VendorClassIdentifier.New("test"), option.HostName.New("other")}
			},
			call: func(ctx context.Context, c *dhcp4test.Client) error { _, err := c.Discover(ctx); return err },
			want: []received{{broadcast, &dhcp4.Message{HType: 6, Flags: dhcp4.FlagBroadcast, Options: o{
				typ(dhcp4.TypeDiscover), option.DHCPClientIdentifier.New([]byte{1, 2, 3}),
				option.HostName.New("other"), option.VendorClassIdentifier.New("test"),
			}}}},
		},
		{
			name:  "Renew",
			setup: acquired,
			call:  func(ctx context.Context, c *dhcp4test.Client) error { _, err := c.Renew(ctx); return err },
			want:  []received{{unicast, &dhcp4.Message{CIAddr: addr, Options: o{typ(dhcp4.TypeRequest), prl}}}},
			state: bound,
		},
		{
			name:  "Rebind",
			setup: func(c *dhcp4test.Client) { c.Addr = addr },
			call:  func(ctx context.Context, c *dhcp4test.Client) error { _, err := c.Rebind(ctx); return err },
			want:  []received{{rebind, &dhcp4.Message{CIAddr: addr, Options: o{typ(dhcp4.TypeRequest), prl}}}},
			state: bound,
		},
		{
			name:  "Reboot",
			call:  func(ctx context.Context, c *dhcp4test.Client) error { _, err := c.Reboot(ctx, addr); return err },
			want:  []received{{broadcast, &dhcp4.Message{Options: o{typ(dhcp4.TypeRequest), want, prl}}}},
			state: bound,
		},
		{
			name:  "Release",
			setup: acquired,
			call:  func(_ context.Context, c *dhcp4test.Client) error { return c.Release() },
			want:  []received{{unicast, &dhcp4.Message{CIAddr: addr, Options: o{typ(dhcp4.TypeRelease), id}}}},
		},
		{
			name:  "Decline",
			setup: acquired,
			call:  func(_ context.Context, c *dhcp4test.Client) error { return c.Decline() },
			want:  []received{{broadcast, &dhcp4.Message{Options: o{typ(dhcp4.TypeDecline), want, id}}}},
		},
		{
			name:  "Inform",
			call:  func(ctx context.Context, c *dhcp4test.Client) error { _, err := c.Inform(ctx, addr); return err },
			want:  []received{{rebind, &dhcp4.Message{CIAddr: addr, Options: o{typ(dhcp4.TypeInform), prl}}}},
			state: state{},
		},
		{
			name: "Acquire and Renew behind a relay",
			setup: func(c *dhcp4test.Client) {
				c.GIAddr = relay
				c.RelayOptions = []option.Option{option.AgentCircuitID.New([]byte("port 1"))}
				c.Server = netip.AddrPortFrom(server, 67)
			},
			call: func(ctx context.Context, c *dhcp4test.Client) error {
				if _, err := c.Acquire(ctx); err != nil {
					return err
				}
				_, err := c.Renew(ctx)
				return err
			},
			want: []received{
				{relayed, &dhcp4.Message{Hops: 1, GIAddr: relay, Options: o{typ(dhcp4.TypeDiscover), prl,
					option.DHCPAgentOptions.New(option.AgentCircuitID.New([]byte("port 1")))}}},
				{relayed, &dhcp4.Message{Hops: 1, GIAddr: relay, Options: o{typ(dhcp4.TypeRequest), want, id, prl,
					option.DHCPAgentOptions.New(option.AgentCircuitID.New([]byte("port 1")))}}},
				{unicast, &dhcp4.Message{CIAddr: addr, Options: o{typ(dhcp4.TypeRequest), prl}}},
			},
			state: bound,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
				if tt.setup != nil {
					tt.setup(c)
				}
				if err := tt.call(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if len(r.got) != len(tt.want) {
					t.Fatalf("the server got %d messages, want %d", len(r.got), len(tt.want))
				}
				for i, w := range tt.want {
					w.msg.Op, w.msg.HardwareAddr, w.msg.XID = dhcp4.OpRequest, mac1, r.got[i].msg.XID
					if w.msg.HType == 0 {
						w.msg.HType = 1
					}
					if r.got[i].path != w.path {
						t.Errorf("message %d went %s, want %s", i, r.got[i].path, w.path)
					}
					if !w.msg.Equal(r.got[i].msg) {
						t.Errorf("message %d:\n got %v\nwant %v", i, r.got[i].msg, w.msg)
					}
				}
				if d := cmp.Diff(tt.state, stateOf(c), cmpopts.EquateComparable(netip.Addr{})); d != "" {
					t.Errorf("state (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestRequestHasTheTransactionOfItsOffer(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		for range 2 {
			if _, err := c.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := r.got[0].msg.XID, r.got[1].msg.XID; a != b {
			t.Errorf("DISCOVER has xid %#x, its REQUEST %#x", a, b)
		}
		if a, b := r.got[0].msg.XID, r.got[2].msg.XID; a == b {
			t.Errorf("two DISCOVERs have the same xid %#x", a)
		}
	})
}

func TestTransactionsDependOnSeedAndHardwareAddr(t *testing.T) {
	xid := func(seed uint64, mac lease.HardwareAddr) uint32 {
		c := dhcp4test.Client{Seed: seed, HardwareAddr: mac}
		return c.NewMessage(dhcp4.TypeDiscover).XID
	}
	if a, b := xid(1, mac1), xid(1, mac1); a != b {
		t.Errorf("same seed and address: %#x and %#x", a, b)
	}
	if a, b, c := xid(1, mac1), xid(2, mac1), xid(1, mac2); a == b || a == c {
		t.Errorf("xids %#x, %#x, %#x are not distinct", a, b, c)
	}
}

func TestNAKClearsTheLeaseAndIsReturned(t *testing.T) {
	bubble(t, nil, func(t *testing.T, n *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		if _, err := c.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.answer = func(req *dhcp4.Message) []*dhcp4.Message {
			nak := replyTo(req, dhcp4.TypeNAK, netip.Addr{})
			nak.Options = append(nak.Options, option.DHCPMessage.New("wrong network"))
			return []*dhcp4.Message{nak}
		}
		nak, err := c.Renew(t.Context())
		if !errors.Is(err, dhcp4test.ErrNAK) || !strings.Contains(err.Error(), "wrong network") {
			t.Errorf("error %v, want ErrNAK with the server's message", err)
		}
		if nak == nil || nak.Type() != dhcp4.TypeNAK {
			t.Errorf("reply %v, want the NAK", nak)
		}
		if d := cmp.Diff(state{}, stateOf(c), cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("state (-want +got):\n%s", d)
		}
		write(t, r.conn, dhcp4.Packet{Peer: netip.AddrPortFrom(addr, 68)})
		if got := n.Stats().Unreachable; got != 1 {
			t.Errorf("Unreachable = %d, want 1: the client has still the address", got)
		}
	})
}

func TestSilenceIsErrTimeoutAfterDoublingWaits(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		r.answer = func(*dhcp4.Message) []*dhcp4.Message { return nil }
		for _, tt := range []struct {
			timeout  time.Duration
			attempts int
			want     []time.Duration // when each message went out, and the end
		}{
			{0, 0, []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}},
			{50 * time.Second, 3, []time.Duration{0, 50 * time.Second, 114 * time.Second, 178 * time.Second}},
			{10 * time.Millisecond, 1, []time.Duration{0, 10 * time.Millisecond}},
		} {
			began := time.Now()
			var got []time.Duration
			var secs []uint16
			c.Timeout, c.Attempts = tt.timeout, tt.attempts
			c.Trace = func(sent bool, _ dhcp4.Packet, m *dhcp4.Message) {
				got = append(got, time.Since(began))
				secs = append(secs, m.Secs)
			}
			reply, err := c.Discover(t.Context())
			if reply != nil || !errors.Is(err, dhcp4test.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Discover = %v, %v; want ErrTimeout, which wraps context.DeadlineExceeded", reply, err)
			}
			got = append(got, time.Since(began))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("times (-want +got):\n%s", d)
			}
			for i, s := range secs {
				if want := uint16(got[i] / time.Second); s != want {
					t.Errorf("secs of attempt %d = %d, want %d", i, s, want)
				}
			}
		}
	})
}

func TestEndOfContextEndsTheWait(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		r.answer = func(*dhcp4.Message) []*dhcp4.Message { return nil }
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		began := time.Now()
		time.AfterFunc(1500*time.Millisecond, func() { cancel(cause) })
		if _, err := c.Discover(ctx); !errors.Is(err, cause) || errors.Is(err, dhcp4test.ErrTimeout) {
			t.Errorf("Discover: %v, want the cause of the context", err)
		}
		if got := time.Since(began); got != 1500*time.Millisecond {
			t.Errorf("Discover took %v, want 1.5s", got)
		}
		if _, err := c.Receive(ctx); !errors.Is(err, cause) {
			t.Errorf("Receive: %v, want the cause of the context", err)
		}
		synctest.Wait()
		r.answer = answers
		if _, err := c.Acquire(t.Context()); err != nil {
			t.Errorf("Acquire with another context: %v", err)
		}
	})
}

func TestWaitLeavesNoDeadlineBehind(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		if _, err := c.Discover(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		write(t, r.conn, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:68")})
		if n, err := c.Conn.ReadBatch(make([]dhcp4.Packet, 1)); n != 1 || err != nil {
			t.Errorf("ReadBatch = %d, %v; want 1", n, err)
		}
	})
}

func TestClosedConnEndsTheWait(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		r.answer = func(*dhcp4.Message) []*dhcp4.Message { return nil }
		time.AfterFunc(100*time.Millisecond, func() { c.Conn.Close() })
		if _, err := c.Discover(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Discover: %v, want net.ErrClosed", err)
		}
	})
}

func TestRepliesForOthersArePassedOver(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		r.answer = func(req *dhcp4.Message) []*dhcp4.Message {
			right := replyTo(req, dhcp4.TypeOffer, addr)
			right.Flags = dhcp4.FlagBroadcast
			xid, chaddr, op, typ := right.Clone(), right.Clone(), right.Clone(), right.Clone()
			xid.XID++
			chaddr.HardwareAddr = mac2
			op.Op = dhcp4.OpRequest
			typ.Options[0] = option.DHCPMessageType.New(uint8(dhcp4.TypeACK))
			return []*dhcp4.Message{xid, chaddr, op, typ, right}
		}
		var traced []dhcp4.MessageType
		c.Trace = func(sent bool, _ dhcp4.Packet, m *dhcp4.Message) {
			if !sent {
				traced = append(traced, m.Type())
			}
		}
		offer, err := c.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if offer.XID != r.got[0].msg.XID || offer.Type() != dhcp4.TypeOffer || offer.YIAddr != addr {
			t.Errorf("got %v", offer)
		}
		// The other transaction and the wrong type are the client's too.
		if d := cmp.Diff([]dhcp4.MessageType{dhcp4.TypeOffer, dhcp4.TypeACK, dhcp4.TypeOffer}, traced); d != "" {
			t.Errorf("traced replies (-want +got):\n%s", d)
		}
	})
}

func TestReceiveReturnsFurtherReplies(t *testing.T) {
	bubble(t, nil, func(t *testing.T, n *dhcp4test.Network, c *dhcp4test.Client, _ *responder) {
		second := &responder{conn: n.Server(link("lan", "192.168.1.2/24"))}
		go second.run()
		if _, err := c.Discover(t.Context()); err != nil {
			t.Fatal(err)
		}
		m, err := c.Receive(t.Context())
		if err != nil || m.Type() != dhcp4.TypeOffer {
			t.Errorf("Receive = %v, %v; want the second OFFER", m, err)
		}
		if m, err := c.Receive(t.Context()); !errors.Is(err, dhcp4test.ErrTimeout) {
			t.Errorf("Receive = %v, %v; want ErrTimeout", m, err)
		}
	})
}

func TestExchangeSendsTheMessageAsItIs(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		m := c.NewMessage(dhcp4.TypeRequest, option.DHCPRequestedAddress.New(addr))
		m.HardwareAddr = mac2
		m.Secs = 77
		m.Flags = dhcp4.FlagBroadcast
		r.answer = func(req *dhcp4.Message) []*dhcp4.Message {
			if len(r.got) == 1 {
				return nil
			}
			return []*dhcp4.Message{replyTo(req, dhcp4.TypeNAK, netip.Addr{})}
		}
		reply, err := c.Exchange(t.Context(), m, netip.AddrPortFrom(server, 67))
		if err != nil || reply.Type() != dhcp4.TypeNAK {
			t.Fatalf("Exchange = %v, %v; want the NAK", reply, err)
		}
		if len(r.got) != 2 {
			t.Fatalf("the server got %d messages, want 2", len(r.got))
		}
		for i, got := range r.got {
			if !m.Equal(got.msg) || got.path != "lan: 0.0.0.0:68 > 192.168.1.1:67" {
				t.Errorf("attempt %d: %s\n got %v\nwant %v", i, got.path, got.msg, m)
			}
		}
	})
}

func TestMalformedReplyIsNamedInTheTimeout(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		r.answer = func(*dhcp4.Message) []*dhcp4.Message {
			write(t, r.conn, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:68"), Data: []byte("no message")})
			return nil
		}
		_, err := c.Discover(t.Context())
		if !errors.Is(err, dhcp4test.ErrTimeout) || !strings.Contains(err.Error(), "malformed") {
			t.Errorf("Discover: %v, want ErrTimeout that tells of a malformed packet", err)
		}
	})
}

func TestMalformedLeaseIsAnError(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		r.answer = func(req *dhcp4.Message) []*dhcp4.Message {
			m := replyTo(req, dhcp4.TypeACK, addr)
			m.Options[2].Data = []byte{1, 2, 3}
			return []*dhcp4.Message{m}
		}
		ack, err := c.Reboot(t.Context(), addr)
		var bad *option.ValueError
		if !errors.As(err, &bad) || bad.Code != 51 || ack == nil {
			t.Errorf("Reboot = %v, %v; want the ACK and a *ValueError of option 51", ack, err)
		}
		if c.Addr.IsValid() {
			t.Errorf("the client took the lease of %v", c.Addr)
		}
	})
}

func TestWhatNeedsALeaseFailsWithoutOne(t *testing.T) {
	bubble(t, nil, func(t *testing.T, n *dhcp4test.Network, c *dhcp4test.Client, _ *responder) {
		_, renew := c.Renew(t.Context())
		_, rebind := c.Rebind(t.Context())
		_, request := c.Request(t.Context(), &dhcp4.Message{YIAddr: addr})
		for name, err := range map[string]error{
			"Renew": renew, "Rebind": rebind, "Release": c.Release(), "Decline": c.Decline(), "Request": request,
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if got := n.Stats().Sent; got != 0 {
			t.Errorf("%d packets were sent", got)
		}
	})
}

func TestClientMovesToTheAddressItIsGiven(t *testing.T) {
	bubble(t, nil, func(t *testing.T, n *dhcp4test.Network, c *dhcp4test.Client, r *responder) {
		if _, err := c.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		moved := netip.MustParseAddr("192.168.1.101")
		r.answer = func(req *dhcp4.Message) []*dhcp4.Message {
			return []*dhcp4.Message{replyTo(req, dhcp4.TypeACK, moved)}
		}
		if _, err := c.Reboot(t.Context(), moved); err != nil {
			t.Fatal(err)
		}
		write(t, r.conn, dhcp4.Packet{Peer: netip.AddrPortFrom(moved, 68)}, dhcp4.Packet{Peer: netip.AddrPortFrom(addr, 68)})
		if got := n.Stats().Unreachable; got != 1 {
			t.Errorf("Unreachable = %d, want 1: the old address", got)
		}
	})
}

// TestManyClientsOnABadNetwork runs the whole life of a lease on random
// schedules. Whatever happens to the packets, a Client ends each step with
// the lease, or with ErrTimeout.
func TestManyClientsOnABadNetwork(t *testing.T) {
	const schedules, clients = 50, 8
	var total dhcp4test.Stats
	var timeouts int
	for seed := range uint64(schedules) {
		synctest.Test(t, func(t *testing.T) {
			f := dhcp4test.Faults{Loss: 0.2, Duplicate: 0.1, Delay: 0.3, Jitter: 3 * time.Second}
			n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{Seed: seed, Latency: time.Millisecond, ToServer: f, ToClient: f})
			defer n.Close()
			r := &responder{conn: n.Server(link("lan", "192.168.1.1/24"))}
			go r.run()
			results := make(chan error)
			for i := range clients {
				mac, _ := lease.HardwareAddrFrom([]byte{2, 0, 0, 0, 0, byte(i)})
				c := &dhcp4test.Client{Conn: n.Client("lan", mac), HardwareAddr: mac, Seed: seed, Broadcast: i%2 == 0}
				go func() {
					for _, step := range []func(context.Context) (*dhcp4.Message, error){c.Acquire, c.Renew, c.Rebind} {
						m, err := step(t.Context())
						if err == nil && (m.HardwareAddr != mac || stateOf(c) != bound) {
							err = fmt.Errorf("got %v, state %+v", m, stateOf(c))
						}
						results <- err
						if err != nil {
							c.Addr, c.ServerID = addr, server
						}
					}
				}()
			}
			for range clients * 3 {
				switch err := <-results; {
				case errors.Is(err, dhcp4test.ErrTimeout):
					timeouts++
				case err != nil:
					t.Errorf("seed %d: %v", seed, err)
				}
			}
			s := n.Stats()
			total.Sent += s.Sent
			total.Lost += s.Lost
			total.Duplicated += s.Duplicated
			total.Reordered += s.Reordered
		})
	}
	t.Logf("%d schedules, %d of %d steps timed out: %+v", schedules, timeouts, schedules*clients*3, total)
	if total.Lost == 0 || total.Duplicated == 0 || total.Reordered == 0 || timeouts == 0 || timeouts > schedules*clients*3/4 {
		t.Error("the network was not bad enough, or too bad")
	}
}

func TestExchangedMessagesAreTheCallersOwn(t *testing.T) {
	bubble(t, nil, func(t *testing.T, _ *dhcp4test.Network, c *dhcp4test.Client, _ *responder) {
		offer, err := c.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before := offer.Clone()
		if _, err := c.Request(t.Context(), offer); err != nil {
			t.Fatal(err)
		}
		if !before.Equal(offer) {
			t.Errorf("a later exchange changed the reply:\n got %v\nwant %v", offer, before)
		}
		prl := []option.Code{1}
		c.ParameterRequestList = slices.Clip(prl)
		m := c.NewMessage(dhcp4.TypeDiscover)
		prl[0] = 3
		if b, _ := m.Options.Lookup(55); !slices.Equal(b, []byte{1}) {
			t.Errorf("option 55 is %v, want a copy of the list", b)
		}
	})
}
