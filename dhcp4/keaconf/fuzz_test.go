package keaconf_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

// FuzzParse looks for text on which Parse panics, or contradicts itself.
func FuzzParse(f *testing.F) {
	for _, r := range recorded(f) {
		f.Add(r.text)
	}
	for _, p := range probes(f) {
		f.Add(p.text)
	}
	included := files{"pool": `{ "pool": "192.0.2.0/28" }`, "self": `<?include "self"?>`}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := slices.Clone(text)
		taken := make(map[keaconf.Version]bool)
		for _, v := range []keaconf.Version{keaconf.Any, keaconf.Kea22, keaconf.Kea30} {
			o := host(v)
			o.ReadFile = included.read
			c, err := keaconf.Parse("f", text, o)
			taken[v] = err == nil
			if err == nil {
				if c == nil {
					t.Fatal("neither a Config nor an error")
				}
				continue
			}
			e, ok := errors.AsType[*keaconf.Error](err)
			if !ok || len(e.Problems) == 0 || c != nil {
				t.Fatalf("got %v and %T: %v", c, err, err)
			}
			lines := 1 + strings.Count(string(text), "\n")
			for _, p := range e.Problems {
				if p.Text == "" || p.Pos.Line < 1 || p.Pos.Col < 1 || p.Pos.File == "f" && p.Pos.Line > lines {
					t.Errorf("problem %#v in a text of %d lines", p, lines)
				}
				if strings.Contains(p.Error(), "\n") && !strings.Contains(p.Path, "\n") {
					t.Errorf("problem of several lines: %q", p.Error())
				}
			}
		}
		if (taken[keaconf.Kea22] || taken[keaconf.Kea30]) && !taken[keaconf.Any] {
			t.Errorf("taken by %v", taken)
		}
		if d := cmp.Diff(before, text); d != "" {
			t.Errorf("the text was changed:\n%s", d)
		}
	})
}

// BenchmarkParse reads a file of 1,000 subnets with 10 reservations each.
func BenchmarkParse(b *testing.B) {
	var subnets []string
	for i := range 1000 {
		var hosts []string
		for j := range 10 {
			hosts = append(hosts, fmt.Sprintf(`{ "hw-address": "02:00:00:%02x:%02x:%02x", "ip-address": "10.%d.%d.%d" }`, i>>8, i&255, j, i>>8, i&255, j+1))
		}
		subnets = append(subnets, fmt.Sprintf(`{ "id": %d, "subnet": "10.%d.%d.0/24", "pools": [ { "pool": "10.%d.%d.128/25" } ],
			"option-data": [ { "name": "routers", "data": "10.%d.%d.254" } ], "reservations": [ %s ] }`,
			i+1, i>>8, i&255, i>>8, i&255, i>>8, i&255, strings.Join(hosts, ", ")))
	}
	text := []byte(dhcp4(`"subnet4": [ ` + strings.Join(subnets, ",\n") + " ]"))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keaconf.Parse("f", text, nil); err != nil {
			b.Fatal(err)
		}
	}
}
