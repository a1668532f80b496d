package dhcp4_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
)

// A virtual machine has a subnet of its own, and its address comes from
// outside. Both change while an answer from before may be used again.
func TestAnswerForARemovedSubnetIsNotUsedAgain(t *testing.T) {
	first, second := netip.MustParseAddr("10.1.0.7"), netip.MustParseAddr("10.1.0.8")
	vm := func(a netip.Addr, file string) dhcp4.Subnet {
		return dhcp4.Subnet{ID: 7, Prefix: netip.PrefixFrom(a, 32), Interface: "large", Boot: dhcp4.Boot{File: file}}
	}
	addr := first
	inBubble(t, dhcp4.Config{Hosts: dhcp4.HostFinderFunc(
		func(_ context.Context, x *dhcp4.Exchange) (*dhcp4.Reservation, error) {
			if x.Subnet.ID != 7 {
				return nil, dhcp4.ErrIgnore
			}
			return &dhcp4.Reservation{Addr: addr, Reuse: time.Hour}, nil
		})}, func(b *bed) {
		client := b.client(1)
		acquire := func(what string, want netip.Addr, file string) {
			t.Helper()
			ack, err := client.Acquire(context.Background())
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if ack.YIAddr != want || string(ack.File) != file {
				t.Errorf("%s: got %v and the file %q, want %v and %q", what, ack.YIAddr, ack.File, want, file)
			}
		}
		replace := func(n dhcp4.Subnet) {
			t.Helper()
			b.srv.RemoveSubnet(n.ID)
			if err := b.srv.AddSubnet(n); err != nil {
				t.Fatal(err)
			}
		}
		replace(vm(first, "old"))
		acquire("at first", first, "old")
		replace(vm(first, "new"))
		acquire("another subnet with the same address", first, "new")
		addr = second
		replace(vm(second, "new"))
		acquire("another address", second, "new")
		if n := b.srv.Count(dhcp4.ReasonHostFailed); n != 0 {
			t.Errorf("the HostFinder is said to have failed %d times", n)
		}
	})
}

func TestLogTellsWhoHasTheReservedAddress(t *testing.T) {
	var log bytes.Buffer
	addr := netip.MustParseAddr("10.1.0.7")
	c := dhcp4.Config{
		Leases: new(lease.Memory), Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Subnets: []dhcp4.Subnet{{
			ID: 7, Prefix: netip.PrefixFrom(addr, 32), Interface: "large",
			Reservations: []dhcp4.Reservation{{HardwareAddr: smallMAC, Addr: addr}},
		}},
	}
	l := lease.Lease{Addr: addr, SubnetID: 7, HardwareAddr: smallMAC}
	l.SetLifetime(time.Now(), lease.Infinite)
	if err := lease.CompareAndSwap(context.Background(), c.Leases, nil, &l); err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, c)
	srv.DeleteReservation(7, dhcp4.Reservation{HardwareAddr: smallMAC})
	if err := srv.PutReservation(7, dhcp4.Reservation{AnyClient: true, Addr: addr}); err != nil {
		t.Fatal(err)
	}
	data, err := message(dhcp4.TypeDiscover).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Respond(context.Background(), dhcp4.Packet{Data: data, Link: largeLink}, nil); err != dhcp4.ReasonNoAddress {
		t.Errorf("got %v, want %v", err, dhcp4.ReasonNoAddress)
	}
	for _, want := range []string{"reserved=10.1.0.7", "lease=\"10.1.0.7, subnet 7, hwaddr " + smallMAC.String()} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in %s", want, log.String())
		}
	}
}
