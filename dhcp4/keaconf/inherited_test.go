package keaconf_test

import (
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"

	"github.com/google/go-cmp/cmp"
)

// A value that is wrong once is told once, at the first subnet that inherits
// it, where Kea stops; values of a subnet's own are told each.
func TestInheritedMistakeIsToldOnce(t *testing.T) {
	const subnets = `"subnet4": [
		{ "id": 1, "subnet": "192.0.2.0/24" },
		{ "id": 2, "subnet": "198.51.100.0/24" },
		{ "id": 3, "subnet": "203.0.113.0/24", OWN }]`
	for _, tt := range []struct {
		name, global, own string
		want              []string
	}{
		{"cache-threshold", `"cache-threshold": 2.5`, `"user-context": {}`, []string{
			"Dhcp4.subnet4[0]: cache-threshold, 2.5, is not between 0.0 and 1.0, inherited from Dhcp4.cache-threshold",
		}},
		{"cache-threshold, twice", `"cache-threshold": 2.5`, `"cache-threshold": 3.5`, []string{
			"Dhcp4.subnet4[0]: cache-threshold, 2.5, is not between 0.0 and 1.0, inherited from Dhcp4.cache-threshold",
			"Dhcp4.subnet4[2].cache-threshold: cache-threshold, 3.5, is not between 0.0 and 1.0",
		}},
		{"lifetimes", `"valid-lifetime": 10, "min-valid-lifetime": 20`, `"valid-lifetime": 15`, []string{
			"Dhcp4.subnet4[0]: min-valid-lifetime, 20, is greater than valid-lifetime, 10, inherited from Dhcp4.valid-lifetime",
			"Dhcp4.subnet4[2].valid-lifetime: min-valid-lifetime, 20, is greater than valid-lifetime, 15",
			"Dhcp4.valid-lifetime: min-valid-lifetime, 20, is greater than valid-lifetime, 10",
		}},
		{"T1 and T2", `"calculate-tee-times": true, "t1-percent": 0.9`, `"t2-percent": 0.8`, []string{
			"Dhcp4.subnet4[0]: t1-percent, 0.9, is not less than t2-percent, 0.875, inherited from Dhcp4.t1-percent",
			"Dhcp4.subnet4[2]: t1-percent, 0.9, is not less than t2-percent, 0.8",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := `{ "Dhcp4": { ` + tt.global + ", " + strings.Replace(subnets, "OWN", tt.own, 1) + " } }"
			_, err := keaconf.Parse("", []byte(text), nil)
			wrong, _ := err.(*keaconf.Error)
			if wrong == nil {
				t.Fatalf("got %v, want a *keaconf.Error", err)
			}
			var got []string
			for _, p := range wrong.Problems {
				got = append(got, p.Path+": "+p.Text)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}
