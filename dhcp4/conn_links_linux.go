package dhcp4

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// linkMaxAge is how old a reading of a link may be when a packet comes.
	// Nothing tells of changes while none comes, and nobody needs to know then.
	linkMaxAge = time.Second
	// linkMinAge is how long a reading is good although something is missing
	// in it: all addresses, or one that may be another link's. A reading
	// costs 10 to 40 us, however many links there are.
	linkMinAge = time.Millisecond
	// minSweep is how many links are kept before it is looked for vanished ones.
	minSweep = 64
)

// A linkTable keeps readings of the links that packets come from, by index. A
// *Link stays the same while nothing changes. Only the reader uses it.
type linkTable struct {
	netlink *netlink
	accept  func(*Link) bool // if nil, all
	known   map[int]*knownLink
	sweepAt int // how many to have before the next sweep
}

type knownLink struct {
	link     *Link
	accepted bool
	read     time.Time
}

func newLinkTable(nl *netlink, accept func(*Link) bool) *linkTable {
	return &linkTable{netlink: nl, accept: accept, known: make(map[int]*knownLink), sweepAt: minSweep}
}

// get returns the link of an index, as it was less than linkMaxAge before now;
// nil if it is gone or not accepted.
func (t *linkTable) get(index int, now time.Time) *Link {
	k := t.known[index]
	if k == nil {
		if k = t.read(index, nil, now); k == nil {
			return nil
		}
		t.sweep(now)
		t.known[index] = k
		return k.served()
	}
	maxAge := linkMaxAge
	if len(k.link.Addrs) == 0 {
		maxAge = linkMinAge
	}
	return t.refresh(k, maxAge, now)
}

// getAgain returns the link again, read anew after linkMinAge because the last
// reading has not what it should.
func (t *linkTable) getAgain(index int, now time.Time) *Link {
	k := t.known[index]
	if k == nil {
		return nil
	}
	return t.refresh(k, linkMinAge, now)
}

func (t *linkTable) refresh(k *knownLink, maxAge time.Duration, now time.Time) *Link {
	if now.Sub(k.read) >= maxAge && t.read(k.link.Index, k, now) == nil {
		delete(t.known, k.link.Index)
		return nil
	}
	return k.served()
}

func (k *knownLink) served() *Link {
	if !k.accepted {
		return nil
	}
	return k.link
}

// read reads a link into k, or a new one if k is nil. It returns nil if the
// link is gone, or cannot be read for the first time.
func (t *linkTable) read(index int, k *knownLink, now time.Time) *knownLink {
	link, err := t.netlink.link(index)
	if errors.Is(err, unix.ENODEV) || err != nil && k == nil {
		return nil
	}
	if k == nil {
		k = new(knownLink)
	}
	k.read = now
	if err == nil && (k.link == nil || !sameLink(k.link, link)) {
		k.link, k.accepted = link, t.accept == nil || t.accept(link)
	}
	return k
}

// sweep forgets links that are gone, before there are many of them: no packet
// will ever come from one.
func (t *linkTable) sweep(now time.Time) {
	if len(t.known) < t.sweepAt {
		return
	}
	for _, k := range t.known {
		t.refresh(k, linkMaxAge, now)
	}
	t.sweepAt = max(minSweep, 2*len(t.known))
}

// sameLink reports whether a and b, two readings of a link, say the same.
func sameLink(a, b *Link) bool {
	return a.Name == b.Name && a.Index == b.Index && a.HardwareAddr == b.HardwareAddr && slices.Equal(a.Addrs, b.Addrs)
}
