package main

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// newRandom returns a source with a new seed, which the log tells.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// randomMessage returns a Message of any content that every codec here can
// carry: the peers cut the last octet of a full sname or file when they write.
func randomMessage(r *rand.Rand) *dhcp4.Message {
	m := &dhcp4.Message{
		Op: uint8(r.Uint32()), HType: uint8(r.Uint32()), Hops: uint8(r.Uint32()),
		XID: r.Uint32(), Secs: uint16(r.Uint32()), Flags: uint16(r.Uint32()),
		CIAddr: randomAddr(r), YIAddr: randomAddr(r), SIAddr: randomAddr(r), GIAddr: randomAddr(r),
		SName: randomText(r, 63), File: randomText(r, 127),
	}
	m.HardwareAddr, _ = lease.HardwareAddrFrom(randomBytes(r, r.IntN(17)))
	for _, c := range randomCodes(r) {
		m.Options = append(m.Options, option.Option{Code: c, Data: randomBytes(r, randomLen(r))})
	}
	return m
}

// randomCodes returns different codes. Option Overload is not among them: a
// codec that does not know it writes it with fields that hold no options.
func randomCodes(r *rand.Rand) []option.Code {
	var codes []option.Code
	for _, c := range r.Perm(254)[:r.IntN(20)] {
		if c := option.Code(c + 1); c != option.DHCPOptionOverload.Code {
			codes = append(codes, c)
		}
	}
	return codes
}

// randomLen prefers short payloads and the lengths at which options split.
func randomLen(r *rand.Rand) int {
	switch r.IntN(20) {
	case 0:
		return 0
	case 1:
		return 254 + r.IntN(3)
	case 2:
		return 509 + r.IntN(3)
	case 3:
		return r.IntN(1000)
	}
	return 1 + r.IntN(16)
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = uint8(r.Uint32())
	}
	return b
}

func randomAddr(r *rand.Rand) netip.Addr { return netip.AddrFrom4([4]byte(randomBytes(r, 4))) }

func randomAddrs(r *rand.Rand) []netip.Addr {
	as := make([]netip.Addr, 1+r.IntN(80)) // from 64 on the option splits
	for i := range as {
		as[i] = randomAddr(r)
	}
	return as
}

// randomText returns nil half the time, else up to n octets without NUL.
func randomText(r *rand.Rand, n int) []byte {
	if r.IntN(2) == 0 {
		return nil
	}
	b := randomBytes(r, 1+r.IntN(n))
	for i := range b {
		b[i] = max(b[i], 1)
	}
	return b
}

// randomName returns a domain name of up to four labels.
func randomName(r *rand.Rand) string {
	labels := []string{"a", "lab", "example", "com", "net", "dhcp-12", "x23456789012345678901234567890123456789x"}
	name := labels[r.IntN(len(labels))]
	for range r.IntN(4) {
		name += "." + labels[r.IntN(len(labels))]
	}
	return name
}
