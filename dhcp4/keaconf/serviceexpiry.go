package keaconf

import "time"

// expiry serves the expired-leases-processing. Of its keys, one says what
// becomes of leases. The others bound how much work Kea does at a time and how
// often it looks for some; here each lease is taken back when it is due, a few
// at a time, so whatever they say is kept.
func (s *service) expiry(m *node) {
	if m == nil {
		return
	}
	if n := m.get("hold-reclaimed-time"); n != nil {
		hold := &s.server.Config.HoldReclaimed
		if *hold = seconds(n.num); n.num == 0 {
			*hold = -time.Second // at once
		}
	}
	for _, key := range []string{"reclaim-timer-wait-time", "flush-reclaimed-timer-wait-time"} {
		if n := m.get(key); n != nil && n.num == 0 {
			s.without(n, "leases are taken back all the same, in small steps when they are due", "")
		}
	}
}
