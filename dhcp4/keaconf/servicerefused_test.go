package keaconf_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

func TestWhatCannotBeServedIsListedAllAtOnce(t *testing.T) {
	_, err := serve(t, `{ "Dhcp4": {
  "lease-database": { "type": "mysql", "name": "kea" },
  "valid-lifetime": 4000, "ip-reservations-unique": false,
  "hooks-libraries": [ { "library": "/usr/lib/kea/hooks/libdhcp_run_script.so" } ],
  "subnet4": [ {
    "id": 1, "subnet": "192.0.2.0/24", "4o6-interface": "ens34",
    "pools": [ { "pool": "192.0.2.10 - 192.0.2.20", "client-class": "a" } ],
    "reservations": [ { "duid": "01:02:03", "ip-address": "192.0.2.7", "client-classes": [ "a" ] } ]
  } ]
} }`)
	want := strings.Split(`Dhcp4.lease-database.type: leases are kept in a file or in memory: use "memfile"; kea-admin lease-dump writes what the database has as a lease file (f:2:31)
Dhcp4.ip-reservations-unique: an address is reserved for one client: write one reservation for each address (f:3:53)
Dhcp4.hooks-libraries[0].library: hooks libraries are not loaded: in Go, Server.Events tells of each lease; the log has them too (f:4:37)
Dhcp4.subnet4[0].4o6-interface: DHCPv4 over DHCPv6 is not served: leave it out (f:6:57)
Dhcp4.subnet4[0].pools[0].client-class: clients are not classified yet: leave it out if all clients may be served (f:7:69)
Dhcp4.subnet4[0].reservations[0].client-classes: clients are not classified yet: give the options of the class to the reservation (f:8:72)`, "\n")
	var list *keaconf.Error
	if !errors.As(err, &list) {
		t.Fatalf("error %v", err)
	}
	if d := cmp.Diff(want, strings.Split(err.Error(), "\n")); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

// Each is refused, and nothing else is, but for the values that the table of
// missing features has.
func TestValuesThatCannotBeServed(t *testing.T) {
	option := func(data string) string { return `, "option-data": [ ` + data + ` ]` }
	for _, c := range []struct{ name, text, want string }{
		{"a lease that ends at once", network(`"valid-lifetime": 0`, ``), "Dhcp4.valid-lifetime"},
		{"offers of a subnet", network(``, `, "offer-lifetime": 9`), "Dhcp4.subnet4[0].offer-lifetime"},
		{"a class", network(`"client-classes": [ { "name": "a", "test": "member('ALL')" } ]`, ``), "Dhcp4.client-classes[0]"},
		{"a template", network(`"client-classes": [ { "name": "a", "template-test": "'x'" } ]`, ``), "Dhcp4.client-classes[0]"},
		{"a class of Kea's", network(`"client-classes": [ { "name": "KNOWN", "next-server": "192.0.2.1" } ]`, ``), "Dhcp4.client-classes[0]"},
		{"the class of a vendor", network(`"client-classes": [ { "name": "VENDOR_CLASS_x" } ]`, ``), "Dhcp4.client-classes[0]"},
		{"a client-id that is too short", network(``, `, "reservations": [ { "client-id": "01", "ip-address": "192.0.2.7" } ]`), "Dhcp4.subnet4[0].reservations[0].client-id"},
		{"a sub-option kept out", network(``, option(`{ "code": 43 }, { "code": 1, "space": "vendor-encapsulated-options-space", "csv-format": false, "data": "aa", "never-send": true }`)), "Dhcp4.subnet4[0].option-data[1]"},
		{"an option of a vendor kept out", network(``, option(`{ "code": 1, "space": "vendor-4491", "csv-format": false, "data": "aa", "never-send": true }`)), "Dhcp4.subnet4[0].option-data[0]"},
		{"an option of a vendor behind what is none", network(``, option(`{ "code": 125, "csv-format": false, "data": "0000013705aabb" }, { "code": 1, "space": "vendor-4491", "csv-format": false, "data": "aa" }`)), "Dhcp4.subnet4[0].option-data[0]"},
		{"a relay agent that is none", network(``, `, "relay": { "ip-addresses": [ "224.0.0.1" ] }`), "Dhcp4.subnet4[0]"},
		{"a relay agent of a network that is none", dhcp4(`"shared-networks": [ { "name": "n", "relay": { "ip-addresses": [ "224.0.0.1" ] }, "subnet4": [ { "subnet": "192.0.2.0/24" } ] } ]`), "Dhcp4.shared-networks[0]"},
		{"an address for two, here and there", network(`"reservations-global": true, "reservations": [ { "duid": "01", "ip-address": "192.0.2.7" } ]`, `, "reservations": [ { "duid": "02", "ip-address": "192.0.2.7" } ]`), "Dhcp4.subnet4[0].reservations[0]"},
		{"a circuit-id of 256 octets", network(``, `, "reservations": [ { "circuit-id": "`+strings.Repeat("00", 256)+`", "hostname": "a" } ]`), "Dhcp4.subnet4[0].reservations[0]"},
		{"a server identifier for a pool", network(``, `, "pools": [ { "pool": "192.0.2.0/28"`+option(`{ "code": 54, "data": "192.0.2.1" }`)+` } ]`), "Dhcp4.subnet4[0].pools[0].option-data[0]"},
		{"a renewal time for a client", network(``, `, "reservations": [ { "hw-address": "02:00:00:00:00:01"`+option(`{ "code": 58, "data": "1" }`)+` } ]`), "Dhcp4.subnet4[0].reservations[0].option-data[0]"},
		{"a server identifier that is none", network(``, option(`{ "code": 54, "data": "224.0.0.1" }`)), "Dhcp4.subnet4[0].option-data[0]"},
		{"a pool of no unicast addresses", dhcp4(`"subnet4": [ { "subnet": "224.0.0.0/24", "pools": [ { "pool": "224.0.0.0/28" } ] } ]`), "Dhcp4.subnet4[0].pools[0]"},
		{"an option beyond all measure", network(``, option(`{ "code": 240, "csv-format": false, "data": "`+strings.Repeat("00", 5000)+`" }`)), "Dhcp4.subnet4[0]"},
		{"a server's name that is too long", network(`"server-hostname": "`+strings.Repeat("s", 64)+`"`, ``), "Dhcp4.server-hostname"},
		{"a file's name that is too long", network(`"boot-file-name": "`+strings.Repeat("f", 129)+`"`, ``), "Dhcp4.boot-file-name"},
		{"a logger without name", dhcp4(`"loggers": [ { "severity": "INFO" } ]`), "Dhcp4.loggers[0]"},
		{"a logger without severity", dhcp4(`"loggers": [ { "name": "kea-dhcp4" } ]`), "Dhcp4.loggers[0]"},
		{"a severity that is none", dhcp4(`"loggers": [ { "name": "kea-dhcp4", "severity": "LOUD" } ]`), "Dhcp4.loggers[0].severity"},
		{"a debuglevel that is none", dhcp4(`"loggers": [ { "name": "kea-dhcp4", "severity": "DEBUG", "debuglevel": 100 } ]`), "Dhcp4.loggers[0].debuglevel"},
		{"an output to nowhere", dhcp4(`"loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "maxver": 2 } ] } ]`), "Dhcp4.loggers[0].output_options[0]"},
		{"no older log file", dhcp4(`"loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "output": "f", "maxver": 0 } ] } ]`), "Dhcp4.loggers[0].output_options[0].maxver"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve(t, c.text)
			var list *keaconf.Error
			if !errors.As(err, &list) {
				t.Fatalf("error %v", err)
			}
			if len(list.Problems) != 1 || list.Problems[0].Path != c.want || list.Problems[0].Pos.Line == 0 {
				t.Errorf("problems:\n%v\nwant one with %s", err, c.want)
			}
		})
	}
}

func TestEachLibraryIsRefusedOnce(t *testing.T) {
	for _, name := range []string{"lease_cmds", "stat_cmds", "host_cmds", "subnet_cmds", "run_script", "ha", "mysql", "bootp", "of-our-own"} {
		_, err := serve(t, network(`"hooks-libraries": [ { "library": "/usr/lib/kea/hooks/libdhcp_`+name+`.so", "parameters": { "a": [ 1 ] } } ]`, ``))
		var list *keaconf.Error
		if !errors.As(err, &list) || len(list.Problems) != 1 || list.Problems[0].Path != "Dhcp4.hooks-libraries[0].library" || list.Problems[0].Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsServedWithout(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"probation of no time", network(`"decline-probation-period": 0`, ``), "Dhcp4.decline-probation-period"},
		{"leases that Kea never takes back", network(`"expired-leases-processing": { "reclaim-timer-wait-time": 0 }`, ``), "Dhcp4.expired-leases-processing.reclaim-timer-wait-time"},
		{"leases that Kea never deletes", network(`"expired-leases-processing": { "flush-reclaimed-timer-wait-time": 0 }`, ``), "Dhcp4.expired-leases-processing.flush-reclaimed-timer-wait-time"},
		{"a class that nobody is in", network(`"client-classes": [ { "name": "a" } ]`, ``), "Dhcp4.client-classes[0]"},
		{"timers of an infinite lease", network(`"valid-lifetime": 4294967295, "renew-timer": 10`, ``), "Dhcp4.renew-timer"},
		{"timers twice", network(`"rebind-timer": 10, "option-data": [ { "code": 59, "data": "20" } ]`, ``), "Dhcp4.option-data[0]"},
		{"the end of a file's name", network(`"boot-file-name": "`+strings.Repeat("f", 128)+`"`, ``), "Dhcp4.boot-file-name"},
		{"a lease of no time", network(`"min-valid-lifetime": 0`, ``), "Dhcp4.min-valid-lifetime"},
		{"reservations that nobody looks up", network(`"host-reservation-identifiers": [ "hw-address" ]`, `, "reservations": [ { "duid": "01:02", "hostname": "a" } ]`), "Dhcp4.subnet4[0].reservations[0].duid"},
		{"a flex-id", network(``, `, "reservations": [ { "flex-id": "'a'", "hostname": "a" } ]`), "Dhcp4.subnet4[0].reservations[0].flex-id"},
		{"global reservations that no subnet uses", network(`"reservations": [ { "duid": "01:02", "hostname": "a" } ]`, ``), "Dhcp4.reservations"},
		{"a stash of nothing", network(`"stash-agent-options": true`, ``), "Dhcp4.stash-agent-options"},
		{"no subnet", dhcp4(`"interfaces-config": { "interfaces": [ "*" ] }`), "Dhcp4"},
		{"no interface", dhcp4(`"subnet4": [ { "subnet": "192.0.2.0/24" } ], "interfaces-config": { "interfaces": [ ] }`), "Dhcp4.interfaces-config.interfaces"},
		{"no interfaces-config", dhcp4(`"subnet4": [ { "subnet": "192.0.2.0/24" } ]`), "Dhcp4.interfaces-config.interfaces"},
	} {
		s := mustServe(t, c.text)
		if len(s.Warnings) != 1 || s.Warnings[0].Path != c.want {
			t.Errorf("%s: warnings %v, want one with %s", c.name, s.Warnings, c.want)
		}
	}
}

// examples returns the example files that Debian installs for DHCPv4.
func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/usr/share/doc/kea/examples/kea4/*.json")
	if err != nil || len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("the package kea-doc is not installed")
		}
		t.Skip("the package kea-doc is not installed: apt-get install kea-doc")
	}
	return append(files, "/etc/kea/kea-dhcp4.conf")
}

// Of the files that Debian installs, some are served now. The number only
// rises.
func TestDebianExamplesAreServedOrRefusedByKey(t *testing.T) {
	const atLeast = 9
	served := 0
	var table strings.Builder
	for _, file := range examples(t) {
		c, err := keaconf.Load(file, nil)
		var s *keaconf.Server
		if err == nil {
			s, err = c.Server()
		}
		name := filepath.Base(file)
		var list *keaconf.Error
		switch {
		case err == nil:
			served++
			fmt.Fprintf(&table, "%-32s served", name)
			for _, w := range s.Warnings {
				fmt.Fprintf(&table, "; without %s", strings.TrimPrefix(w.Path, "Dhcp4."))
			}
		case errors.As(err, &list):
			fmt.Fprintf(&table, "%-32s refused:", name)
			for _, p := range list.Problems {
				if fmt.Fprintf(&table, " %s", strings.TrimPrefix(p.Path, "Dhcp4.")); p.Path == "" || p.Pos.Line == 0 {
					t.Errorf("%s: no key or position in %v", name, &p)
				}
			}
		default:
			t.Errorf("%s: %v", file, err)
		}
		table.WriteByte('\n')
	}
	t.Logf("%d are served:\n%s", served, table.String())
	if served < atLeast {
		t.Errorf("%d are served, want %d or more", served, atLeast)
	}
}
