package dhcp4_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
)

var errStore = errors.New("the store is out of order")

// A faultSwitch names the calls that fail. It may be set while timers run.
type faultSwitch struct{ calls sync.Map }

func (f *faultSwitch) on(call string) { f.calls.Store(call, true) }
func (f *faultSwitch) off()           { f.calls.Clear() }

func (f *faultSwitch) isOn(call string) bool {
	_, ok := f.calls.Load(call)
	return ok
}

// faultyStore fails in the calls whose name is in fail. "Update, but done" is
// one that does its work and fails nevertheless.
func faultyStore(st lease.Store, fail *faultSwitch) *leasetest.Hooks {
	check := func(call string) error {
		if fail.isOn(call) {
			return errStore
		}
		return nil
	}
	after := func(call string, err error) error { return errors.Join(err, check(call)) }
	return &leasetest.Hooks{
		Store:        st,
		BeforeFind:   func(context.Context, []lease.Query) error { return check("Find") },
		BeforeUpdate: func(context.Context, []lease.Change) error { return check("Update") },
		AfterUpdate:  func(_ context.Context, _ []lease.Change, err error) error { return after("Update, but done", err) },
		BeforeSync:   func(context.Context) error { return check("Sync") },
	}
}

// TestNothingIsConfirmedWhenTheStoreFails holds invariant 2.
func TestNothingIsConfirmedWhenTheStoreFails(t *testing.T) {
	const ask = dhcp4.TypeRequest
	failed := silence(dhcp4.ReasonStoreFailed)
	granted := request{from: client1, typ: ask, server: "us", asks: ".120"}
	renewed := request{from: client2, typ: ask, ciaddr: ".130", source: ".130"}
	discover := request{from: client1, typ: dhcp4.TypeDiscover}
	refused := request{from: client1, typ: ask, server: "us", asks: ".130"}
	inform := request{from: client1, typ: dhcp4.TypeInform, ciaddr: ".60"}
	release := request{from: client2, typ: dhcp4.TypeRelease, ciaddr: ".130"}
	decline := request{from: client2, typ: dhcp4.TypeDecline, asks: ".130"}
	var (
		informed = answer{Type: dhcp4.TypeACK, To: ".60:68"}
		taken    = nakFor(dhcp4.ReasonTaken)
		served   = silence(dhcp4.ReasonUnanswered)
	)
	tests := []struct {
		fails string
		r     request
		want  answer
	}{
		{"Find", discover, failed}, {"Find", granted, failed}, {"Find", renewed, failed}, {"Find", refused, failed},
		{"Find", inform, informed}, {"Find", release, failed}, {"Find", decline, failed},
		{"Update", discover, offerOf(".100")}, {"Update", granted, failed}, {"Update", renewed, failed}, {"Update", refused, taken},
		{"Update", inform, informed}, {"Update", release, failed}, {"Update", decline, failed},
		{"Update, but done", discover, offerOf(".100")}, {"Update, but done", granted, failed}, {"Update, but done", renewed, failed},
		{"Update, but done", release, failed},
		{"Sync", discover, offerOf(".100")}, {"Sync", granted, failed}, {"Sync", renewed, failed}, {"Sync", refused, taken},
		{"Sync", inform, informed}, {"Sync", release, served}, {"Sync", decline, served},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s, %v of %s%s", tt.fails, tt.r.typ, tt.r.asks, tt.r.ciaddr), func(t *testing.T) {
			fail := new(faultSwitch)
			c := labConfig()
			c.Leases = faultyStore(new(lease.Memory), fail)
			l := newLab(t, c)
			l.expect("before", request{from: client2, typ: ask, server: "us", asks: ".130"}, ackOf(".130"))
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			events := l.srv.Events(ctx)
			fail.on(tt.fails)
			l.expect("while it fails", tt.r, tt.want)
			// It works again as soon as the store does, whatever the outcome was.
			fail.off()
			l.expect("the end", request{from: stranger("99"), typ: ask, server: "us", asks: ".150"}, ackOf(".150"))
			ended := false
			for e := range events {
				if ended = e.New.Addr == fullAddr(".150"); ended {
					break
				}
				if e.Kind != dhcp4.EventStoreFailed && e.Kind != dhcp4.EventStoreRecovered {
					t.Errorf("event of what is not known to be stored: %v, %v, %v", e.Kind, e.Old, e.New)
				}
			}
			if !ended {
				t.Error("no event of what is stored afterwards")
			}
			switch tt.r.typ {
			case dhcp4.TypeRequest:
				if tt.want == failed && tt.r.ciaddr == "" && tt.r.asks == ".120" {
					l.expect("after", tt.r, ackOf(".120"))
				} else if tt.r.ciaddr != "" {
					l.expect("after", tt.r, ackTo(".130"))
				}
			case dhcp4.TypeDiscover:
				l.expect("after", tt.r, offerOf(".100"))
			}
		})
	}
}

// A scriptConn gives its packets in one batch, then waits for Close. It writes
// down what the Server writes.
type scriptConn struct {
	packets []dhcp4.Packet
	wrote   func(types []dhcp4.MessageType)
	closed  chan struct{}
	once    sync.Once
	given   int
}

func (c *scriptConn) ReadBatch(ps []dhcp4.Packet) (int, error) {
	n := min(len(ps), len(c.packets)-c.given)
	if n == 0 {
		<-c.closed
		return 0, net.ErrClosed
	}
	for i := range n {
		p := c.packets[c.given+i]
		p.Data = ps[i].Data[:copy(ps[i].Data, p.Data)]
		ps[i] = p
	}
	c.given += n
	return n, nil
}

func (c *scriptConn) WriteBatch(ps []dhcp4.Packet) (int, error) {
	var types []dhcp4.MessageType
	for _, p := range ps {
		var m dhcp4.Message
		if err := m.Unmarshal(p.Data); err != nil {
			return 0, err
		}
		types = append(types, m.Type())
	}
	c.wrote(types)
	return len(ps), nil
}

func (c *scriptConn) SetReadDeadline(time.Time) error { return c.Close() }

func (c *scriptConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// TestOrderOfStoreCallsAndReplies records what happens in which order: replies
// that confirm nothing leave before Sync, ACKs of leases after it.
func TestOrderOfStoreCallsAndReplies(t *testing.T) {
	const ask = dhcp4.TypeRequest
	var mu sync.Mutex
	var log []string
	add := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, s)
	}
	fail := new(faultSwitch)
	synced := make(chan struct{}, 1)
	c := labConfig()
	st := new(lease.Memory)
	c.Leases = &leasetest.Hooks{
		Store: faultyStore(st, fail),
		BeforeFind: func(_ context.Context, qs []lease.Query) error {
			add(fmt.Sprintf("Find %d", len(qs)))
			return nil
		},
		BeforeUpdate: func(_ context.Context, cs []lease.Change) error {
			add(fmt.Sprintf("Update %d", len(cs)))
			return nil
		},
		BeforeSync: func(context.Context) error {
			add("Sync")
			select {
			case synced <- struct{}{}:
			default:
			}
			return nil
		},
	}
	l := newLab(t, c)
	l.expect("a lease", request{from: client1, typ: ask, server: "us", asks: ".120"}, ackOf(".120"))

	// serve gives the requests to the Server. The first is always read alone,
	// since a loop begins with one buffer.
	serve := func(rs ...request) []string {
		log = nil
		select {
		case <-synced: // of the time before
		default:
		}
		conn := &scriptConn{closed: make(chan struct{})}
		left := len(rs)
		done := make(chan struct{})
		conn.wrote = func(types []dhcp4.MessageType) {
			add(fmt.Sprint("write ", types))
			if left -= len(types); left == 0 {
				close(done)
			}
		}
		for _, r := range rs {
			data, err := r.message().AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			conn.packets = append(conn.packets, dhcp4.Packet{Data: data, Link: l.link})
		}
		ended := make(chan error)
		ctx, stop := context.WithCancel(t.Context())
		go func() { ended <- l.srv.Serve(ctx, conn) }()
		if fail.isOn("Sync") { // then no reply comes; Serve ends after the batch
			<-synced
		} else {
			<-done
		}
		stop()
		<-ended
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(log)
	}
	discover := request{from: client2, typ: dhcp4.TypeDiscover}
	take := func(from sender, addr string) request {
		return request{from: from, typ: ask, server: "us", asks: addr}
	}
	tests := []struct {
		name string
		rs   []request
		want []string
	}{
		// The address to be offered is asked for in a second look.
		{"OFFER", []request{discover}, []string{"Find 1", "Find 1", "write [Offer]"}},
		{"NAK", []request{take(client2, ".120")}, []string{"Find 1", "write [NACK]"}},
		{"INFORM", []request{{from: client1, typ: dhcp4.TypeInform, ciaddr: ".60"}}, []string{"write [ACK]"}},
		{"ACK", []request{{from: client1, typ: ask, ciaddr: ".120"}}, []string{"Find 1", "Update 1", "Sync", "write [ACK]"}},
		{"moved", []request{take(client1, ".121")}, []string{"Find 1", "Update 1", "Update 1", "Sync", "write [ACK]"}},
		{"all together", []request{
			{from: client1, typ: dhcp4.TypeInform, ciaddr: ".60"}, // read alone
			discover, take(client1, ".121"),
			take(stranger("01"), ".121"), take(stranger("02"), ".130"), take(stranger("03"), ".131"), {from: client1, typ: dhcp4.TypeInform, ciaddr: ".60"},
		}, []string{"write [ACK]",
			"Find 2", "Update 1", "write [Offer]", "Sync", "write [ACK]",
			"Find 3", "Update 2", "write [NACK ACK]", "Sync", "write [ACK ACK]"}},
		// Of two clients that want one address the second one is refused
		// after another look.
		{"two of one", []request{
			{from: client1, typ: dhcp4.TypeInform, ciaddr: ".60"}, take(stranger("04"), ".140"), take(stranger("05"), ".140"),
		}, []string{"write [ACK]", "Find 2", "Update 2", "Find 1", "write [NACK]", "Sync", "write [ACK]"}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, serve(tt.rs...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
	fail.on("Sync")
	want := []string{"Find 1", "Update 1", "Sync"}
	if d := cmp.Diff(want, serve(request{from: client1, typ: ask, ciaddr: ".121"})); d != "" {
		t.Errorf("Sync fails (-want +got):\n%s", d)
	}
}

// A dialogue is many random messages of a few clients to one Server, with a
// clock of its own. It returns what was wrong: an address given to two, an ACK
// of what is not stored, or of longer than is stored.
func dialogue(t *testing.T, seed uint64, store lease.Store) (wrong []string, acks int) {
	r := rand.New(rand.NewPCG(seed, 1))
	c := labConfig()
	c.Leases, c.Lifetime, c.DeclineProbation = store, 100*time.Second, 300*time.Second
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.104")
	c.Authoritative = seed%2 == 0
	l := newLab(t, c)
	l.now = time.Unix(2_000_000_000, 0) // so that no timer is due

	type claim struct {
		client string
		until  time.Time
	}
	held := map[string]claim{}
	last := map[string]string{} // the address that each client was offered or got
	clients := []sender{
		{"02:00:00:00:00:01", ""}, {"02:00:00:00:00:02", "00:01"}, {"02:00:00:00:00:02", "00:02"},
		{"02:00:00:00:00:03", "00:03"}, {"02:00:00:00:00:04", ""}, {"02:00:00:00:00:05", "00:05"}, {"02:00:00:00:00:06", ""}, {"02:00:00:00:00:07", "00:07"},
	}
	for range 400 {
		l.now = l.now.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
		from := clients[r.IntN(len(clients))]
		who := from.mac + from.id
		addr := fmt.Sprintf(".%d", 99+r.IntN(7))
		if got := last[who]; got != "" && r.IntN(3) > 0 {
			addr = got
		}
		q := []request{
			{typ: dhcp4.TypeDiscover},
			{typ: dhcp4.TypeDiscover, asks: addr},
			{typ: dhcp4.TypeRequest, server: "us", asks: addr},
			{typ: dhcp4.TypeRequest, server: ".2", asks: addr},
			{typ: dhcp4.TypeRequest, asks: addr},
			{typ: dhcp4.TypeRequest, ciaddr: addr, source: addr},
			{typ: dhcp4.TypeRequest},
			{typ: dhcp4.TypeRelease, ciaddr: addr},
			{typ: dhcp4.TypeDecline, asks: addr},
		}[min(r.IntN(18), 8)]
		if q.typ == dhcp4.TypeDecline && r.IntN(4) > 0 {
			q = request{typ: dhcp4.TypeRequest, server: "us", asks: addr}
		}
		q.from = from
		got, reply := l.send(q)
		switch {
		case got.Reason == dhcp4.ReasonUnanswered && q.typ == dhcp4.TypeRelease:
			delete(held, addr)
		case got.Reason == dhcp4.ReasonUnanswered:
			held[addr] = claim{"nobody, it was declined", l.now.Add(300 * time.Second)}
		case got.Type == dhcp4.TypeOffer:
			last[who] = got.Addr
			if h, ok := held[got.Addr]; ok && h.until.After(l.now) && h.client != who {
				wrong = append(wrong, fmt.Sprintf("%s was offered %s of %s", who, got.Addr, h.client))
			}
		case got.Type == dhcp4.TypeACK:
			acks++
			last[who] = got.Addr
			if h, ok := held[got.Addr]; ok && h.until.After(l.now) && h.client != who {
				wrong = append(wrong, fmt.Sprintf("%s got %s of %s", who, got.Addr, h.client))
			}
			for a, h := range held {
				if h.client == who {
					delete(held, a) // it uses one address
				}
			}
			promised, _ := reply.Options.Lookup(51)
			until := l.now.Add(100 * time.Second)
			if string(promised) != "\x00\x00\x00\x64" {
				wrong = append(wrong, fmt.Sprintf("promised %x", promised))
			}
			held[got.Addr] = claim{who, until}
			stored, ok, err := lease.Get(t.Context(), store, fullAddr(got.Addr))
			if err != nil || !ok || stored.HardwareAddr.String() != from.mac || stored.ClientID.String() != from.id || stored.Expires.Before(until) {
				wrong = append(wrong, fmt.Sprintf("the ACK to %s is not what is stored: %+v", who, stored))
			}
		}
	}
	return wrong, acks
}

func TestNoAddressIsGivenToTwoInADialogue(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seeds from %d on", seed)
	acks := 0
	for i := range uint64(100) {
		wrong, n := dialogue(t, seed+i, new(lease.Memory))
		if len(wrong) > 0 {
			t.Fatalf("seed %d: %s", seed+i, wrong[0])
		}
		acks += n
	}
	if acks < 5000 {
		t.Errorf("only %d ACKs", acks)
	}
}

// TestDialogueFindsPlantedBug has a store that hides every other lease and
// makes any change.
func TestDialogueFindsPlantedBug(t *testing.T) {
	seed := rand.Uint64()
	for i := range uint64(20) {
		st := new(lease.Memory)
		n := 0
		hiding := &leasetest.Hooks{Store: leasetest.Unchecked(st), AfterFind: func(_ context.Context, qs []lease.Query, err error) error {
			for i := range qs {
				if n++; n%2 == 0 {
					qs[i].Leases = qs[i].Leases[:0]
				}
			}
			return err
		}}
		if wrong, _ := dialogue(t, seed+i, hiding); len(wrong) > 0 {
			return
		}
	}
	t.Errorf("the planted bug was not found from seed %d on", seed)
}

// TestAddressThatIsNoHostsIsNotGiven has such addresses where a client names
// its own.
func TestAddressThatIsNoHostsIsNotGiven(t *testing.T) {
	for _, a := range []netip.Addr{netip.IPv4Unspecified(), netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("224.0.0.1")} {
		for _, typ := range []dhcp4.MessageType{dhcp4.TypeRequest, dhcp4.TypeRelease, dhcp4.TypeDecline, dhcp4.TypeInform} {
			l := newLab(t, labConfig())
			got, _ := l.send(request{from: client1, typ: typ, ciaddr: a.String(), asks: a.String()})
			if got.Type == dhcp4.TypeACK && got.Addr != ".100" { // 0.0.0.0 names no address: any one
				t.Errorf("%v of %v: %+v", typ, a, got)
			}
		}
	}
}

// TestLeaseOfAnotherSubnetIDIsRespected has a store in which the subnet had
// another ID, as after a change of the configuration.
func TestLeaseOfAnotherSubnetIDIsRespected(t *testing.T) {
	st := new(lease.Memory)
	for i := range 60 {
		l := lease.Lease{Addr: fullAddr(fmt.Sprintf(".%d", 100+i)), SubnetID: 99, HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:07:%02x", i))}
		l.SetLifetime(time.Now(), time.Hour)
		if err := st.Put(l); err != nil {
			t.Fatal(err)
		}
	}
	c := labConfig()
	c.Leases = st
	l := newLab(t, c)
	got, _ := l.send(request{from: client1, typ: dhcp4.TypeDiscover, asks: ".100"})
	if _, taken, _ := lease.Get(t.Context(), st, fullAddr(got.Addr)); got.Type != dhcp4.TypeOffer || taken {
		t.Errorf("got %+v", got)
	}
	l.expect("another client's", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".101"}, nakFor(dhcp4.ReasonTaken))
	l.expect("renewal", request{from: sender{"02:00:00:00:07:02", ""}, typ: dhcp4.TypeRequest, ciaddr: ".102", source: ".102"}, ackTo(".102"))
	if moved, _, _ := lease.Get(t.Context(), st, fullAddr(".102")); moved.SubnetID != 1 {
		t.Errorf("the renewed lease is of subnet %d", moved.SubnetID)
	}
}
