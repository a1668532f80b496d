package keaconf_test

import (
	"strings"
	"testing"
)

// TestExchangesOfOneServerDoNotDiffer runs the table on two of our Servers,
// which make the same of the same, and shows that it sees what is made of
// something else.
func TestExchangesOfOneServerDoNotDiffer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	v := exchangeVariants()[0]
	cases, config, leases := v.build()
	run := func(t *testing.T, config, leases string) (all [][]outcome) {
		s := newOurServer(t, mustServe(t, config).Config, leases)
		for i, c := range cases {
			all = append(all, c.ask(t, s, uint32(i+1)<<8))
		}
		return all
	}
	want := run(t, config, leases)
	type planted struct{ old, new, seen string }
	for name, bugs := range map[string][]planted{
		"none": nil,
		"settings": {
			{`"valid-lifetime": 3600`, `"valid-lifetime": 3601`, "option dhcp-lease-time (51)"},
			{`"valid-lifetime": 3600`, `"valid-lifetime": 3601`, "lease 10.1."},
			{`"renew-timer": 900`, `"renew-timer": 901`, "option dhcp-renewal-time (58)"},
			{`"next-server": "10.1.0.9"`, `"next-server": "10.1.0.8"`, "siaddr: "},
			{`"pxe.0"`, `"pxe.1"`, "file: "},
			{`10.1.0.37`, `10.1.0.38`, "option time-servers (4)"},
			{`"always-send": true`, `"always-send": false`, "option log-servers (7)"},
			{`"hostname": "Printer"`, `"hostname": "Printer2"`, "option host-name (12)"},
		},
		"authoritative": {{`"authoritative": false`, `"authoritative": true`, "answer: Kea silence, ours NACK"}},
		"pools":         {{`10.1.16.0 - 10.1.255.250`, `10.1.128.0 - 10.1.255.250`, "yiaddr: "}},
		"states":        {{`,0,0,,0,`, `,0,0,,2,`, "answer: "}},
		"owners":        {{`,02:00:00:`, `,02:00:01:`, "answer: "}},
	} {
		t.Run(name, func(t *testing.T) {
			config, leases := config, leases
			for _, b := range bugs {
				config, leases = strings.ReplaceAll(config, b.old, b.new), strings.ReplaceAll(leases, b.old, b.new)
			}
			got := run(t, config, leases)
			var lines []string
			for i, c := range cases {
				for j := range min(len(want[i]), len(got[i])) {
					for _, line := range differ(want[i][j], got[i][j]) {
						lines = append(lines, c.name+": "+line)
					}
				}
			}
			text := strings.Join(lines, "\n")
			for _, b := range bugs {
				if !strings.Contains(text, b.seen) {
					t.Errorf("%q is not seen in %d lines", b.seen, len(lines))
				}
			}
			if bugs == nil && text != "" {
				t.Error(text)
			}
		})
	}
}
