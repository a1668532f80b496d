package leasetest

import (
	"strings"

	"github.com/embedhcp/embedhcp/lease"
)

func hostnameChecks() []check {
	return []check{{name: "FindHostname", run: checkHostname}}
}

// checkHostname is for stores that find leases by host name.
func checkHostname(t *tester) {
	st, ok := t.st.(lease.HostnameFinder)
	if !ok {
		t.Skip("the store is no lease.HostnameFinder")
	}
	kept := t.create(sample(90)) // in dst
	finds := func(name string, want ...lease.Lease) {
		t.Helper()
		got, err := st.FindHostname(t.ctx, name, []lease.Lease{kept})
		if err != nil || len(got) == 0 || got[0] != kept {
			t.Fatalf("FindHostname(%q): %+v, %v", name, got, err)
		}
		t.equal("FindHostname of "+name, got[1:], want)
		for _, l := range got[1:] {
			t.stored(l) // its revision is right, too
		}
	}
	finds("unknown")
	var ls []lease.Lease
	for i := range 30 {
		l := sample(i)
		if i%3 == 0 {
			l.Hostname = "shared.example.org"
		}
		if i == 29 {
			l.Hostname = ""
		}
		ls = append(ls, t.create(l))
	}
	var shared []lease.Lease
	for i := 0; i < len(ls); i += 3 {
		shared = append(shared, ls[i])
	}
	finds(ls[1].Hostname, ls[1])
	finds(strings.ToUpper(ls[1].Hostname), ls[1])
	finds("shared.example.org", shared...)
	finds("shared.example")
	finds("")

	renamed := ls[0]
	renamed.Hostname = "renamed"
	t.swap(&ls[0], &renamed)
	finds("renamed", renamed)
	finds("shared.example.org", shared[1:]...)
	nameless := ls[3]
	nameless.Hostname = ""
	t.swap(&ls[3], &nameless)
	t.swap(&ls[6], nil)
	finds("shared.example.org", shared[3:]...)
	finds("")
	t.swap(&renamed, nil)
	finds("renamed")
}
