package keaconf_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A gen is one generated file.
type gen struct {
	name string
	text string
}

// A tableRow is a line of the table of keys.
type tableRow struct{ scope, key, version, typ string }

func readTable(t testing.TB) []tableRow {
	t.Helper()
	text, err := os.ReadFile("grammar.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var rows []tableRow
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[0] != "scope" && f[1] != "*" {
			rows = append(rows, tableRow{f[0], f[1], f[2], f[3]})
		}
	}
	return rows
}

// must are the members without which a map of the scope is refused, by key.
func must(scope string) map[string]string {
	switch scope {
	case "Dhcp4":
		return map[string]string{"lease-database": `{ "type": "memfile", "persist": false }`, "subnet4": "[ ]"}
	case "subnet4":
		return map[string]string{"subnet": `"192.0.2.0/24"`, "id": "7"}
	case "pools":
		return map[string]string{"pool": `"192.0.2.10 - 192.0.2.20"`}
	case "shared-networks", "client-classes":
		return map[string]string{"name": `"frog"`}
	case "loggers":
		return map[string]string{"name": `"kea-dhcp4"`, "severity": `"INFO"`}
	case "reservations":
		return map[string]string{"hw-address": `"02:00:00:00:00:01"`, "ip-address": `"192.0.2.33"`}
	case "option-data":
		return map[string]string{"name": `"routers"`, "data": `"192.0.2.1"`}
	case "option-def":
		return map[string]string{"name": `"toad"`, "code": "231", "type": `"uint8"`}
	case "lease-database", "hosts-database", "hosts-databases", "config-databases":
		return map[string]string{"type": `"memfile"`}
	case "hooks-libraries":
		return map[string]string{"library": `"/nope.so"`}
	case "multi-threading":
		return map[string]string{"enable-multi-threading": "false"}
	case "dhcp-ddns":
		return map[string]string{"enable-updates": "false"}
	case "dhcp-queue-control":
		return map[string]string{"enable-queue": "false"}
	case "relay":
		return nil
	case "interfaces-config":
		return map[string]string{"interfaces": `[ "lo" ]`}
	case "control-socket", "control-sockets":
		return map[string]string{"socket-type": `"unix"`, "socket-name": `"kea.sock"`}
	case "output_options":
		return map[string]string{"output": `"stdout"`}
	case "expired-leases-processing":
		return map[string]string{"max-reclaim-leases": "10"}
	case "sanity-checks":
		return map[string]string{"lease-checks": `"warn"`}
	case "config-control":
		return map[string]string{"config-fetch-wait-time": "10"}
	case "compatibility":
		return map[string]string{"lenient-option-parsing": "true"}
	}
	return nil
}

// parents tells which key of which scope leads to a scope, and whether there
// is a list between.
func parent(scope string) (outer, key string, list bool) {
	switch scope {
	case "pools", "reservations":
		return "subnet4", scope, true
	case "relay":
		return "subnet4", scope, false
	case "output_options":
		return "loggers", scope, true
	case "config-databases":
		return "config-control", scope, true
	case "subnet4", "shared-networks", "client-classes", "option-def", "option-data", "hooks-libraries", "loggers", "hosts-databases", "control-sockets":
		return "Dhcp4", scope, true
	case "authentication":
		return "control-socket", scope, false
	case "clients":
		return "authentication", scope, true
	case "http-headers":
		return "control-socket", scope, true
	}
	return "Dhcp4", scope, false
}

// document returns a file in which members stand in a map of the scope, each
// member on a line of its own. A value that is empty leaves the member out.
func document(scope string, members map[string]string) string {
	all := must(scope)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, members)
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if all[k] != "" {
			lines = append(lines, fmt.Sprintf("%q:\n%s", k, all[k]))
		}
	}
	m := "{\n" + strings.Join(lines, ",\n") + "\n}"
	if scope == "Dhcp4" {
		return "{ \"Dhcp4\": " + m + " }\n"
	}
	outer, key, list := parent(scope)
	if list {
		m = "[ " + m + " ]"
	}
	return document(outer, map[string]string{key: m})
}

// right returns a value that is good for the key.
func right(r tableRow) string {
	kind, arg, _ := strings.Cut(r.typ, ":")
	switch kind {
	case "int":
		switch r.key {
		case "code":
			return "3"
		case "max-valid-lifetime":
			return "9000"
		case "rebind-timer":
			return "3000"
		}
		return "60"
	case "float":
		if r.key == "t2-percent" {
			return "0.8"
		}
		return "0.4"
	case "bool":
		return "true"
	case "object":
		return `{ "a": [ 1, "b", null ] }`
	case "enum":
		return fmt.Sprintf("%q", strings.Split(arg, "|")[0])
	case "enums":
		return fmt.Sprintf("[ %q ]", strings.Split(arg, "|")[1])
	case "strings":
		switch r.key {
		case "interfaces":
			return `[ "*" ]`
		case "ip-addresses":
			return `[ "192.0.2.2", "192.0.2.3" ]`
		}
		return `[ "frog", "toad" ]`
	case "map", "maps", "maps+":
		members := must(arg)
		if arg == "relay" {
			members = map[string]string{"ip-addresses": `[ "192.0.2.2" ]`}
		}
		if r.key == "output-options" {
			members = must("output_options")
		}
		var list []string
		for _, k := range slices.Sorted(maps.Keys(members)) {
			list = append(list, fmt.Sprintf("%q: %s", k, members[k]))
		}
		m := "{ " + strings.Join(list, ", ") + " }"
		if kind != "map" {
			m = "[ " + m + " ]"
		}
		return m
	}
	switch r.key {
	case "next-server", "ip-address", "server-ip", "sender-ip":
		return `"192.0.2.40"`
	case "duid", "client-id", "circuit-id", "hw-address":
		return `"01:02:03"`
	case "flex-id":
		return `"'box'"`
	case "pool":
		return `"192.0.2.64/26"`
	case "subnet":
		return `"192.0.2.0/25"`
	case "interface", "4o6-interface":
		return `"lo"`
	case "4o6-subnet":
		return `"2001:db8::/64"`
	case "space":
		return `"dhcp4"`
	case "data":
		return `"192.0.2.7"`
	case "type":
		if r.scope == "option-def" {
			return `"string"`
		}
		return `"memfile"`
	case "record-types":
		return `"uint8, string"`
	case "test", "template-test":
		return `"option[60].text == 'frog' and not member('ALL')"`
	case "severity":
		return `"DEBUG"`
	case "name":
		if r.scope == "option-data" {
			return `"routers"`
		}
	case "allocator":
		return `"random"`
	}
	return `"frog"`
}

// wrongType returns a value of another type than the key's.
func wrongType(r tableRow, rnd *rand.Rand) string {
	kind, _, _ := strings.Cut(r.typ, ":")
	all := []string{"17", "0.25", "true", `"newt"`, "null", `[ "newt" ]`, `{ "newt": 1 }`, "[ 17 ]", "[ ]", "{ }"}
	for {
		v := all[rnd.IntN(len(all))]
		if strings.TrimRight(kind, "s+") != strings.TrimRight(kindOf(v), "s+") {
			return v
		}
	}
}

func kindOf(value string) string {
	switch value[0] {
	case '1':
		return "int"
	case '0':
		return "float"
	case 't':
		return "bool"
	case '"':
		return "string"
	}
	return "?"
}

// outOfRange returns a value of the right type that may be none of the key's.
func outOfRange(r tableRow, rnd *rand.Rand) string {
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	kind, _, _ := strings.Cut(r.typ, ":")
	switch kind {
	case "int":
		return pick("-1", "0", "256", "65535", "65536", "4294967294", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808")
	case "float":
		return pick("-0.5", "0.0", "1.0", "1.5", "1e400", "-.")
	case "bool":
		return pick("True", "FALSE", "yes", "null")
	case "enum":
		return pick(`"newt"`, `""`, `"ALWAYS"`, `"RAW"`)
	case "enums", "strings":
		return pick("[ ]", `[ "newt", "newt" ]`, `[ "" ]`, `[ "newt", ]`, `[ 3 ]`)
	case "map":
		return pick("{ }", `{ "newt": 3 }`, `{ , }`)
	case "maps", "maps+":
		return pick("[ ]", "[ { } ]", `[ { "newt": 3 } ]`, `[ 3 ]`, `[ , ]`)
	case "object":
		return pick("{ }", `{ "a": 1, "a": 2 }`, `{ "comment": 1 }`, "[ ]")
	}
	return pick(`""`, `"newt!"`, `" "`, `"255.255.255.255"`, `"0.0.0.0"`, `"2001:db8::1"`, `"`+strings.Repeat("x", 64)+`"`, `"`+strings.Repeat("x", 130)+`"`, `"\u1234"`)
}

// generate returns files in which each key of the table is absent, right, of
// the wrong type, in the wrong scope, and out of range.
func generate(t testing.TB, seed uint64) []gen {
	rnd := rand.New(rand.NewPCG(seed, 0))
	var files []gen
	rows := readTable(t)
	var scopes []string
	for _, r := range rows {
		if !slices.Contains(scopes, r.scope) {
			scopes = append(scopes, r.scope)
		}
	}
	for i, r := range rows {
		add := func(what, scope string, members map[string]string) {
			name := fmt.Sprintf("%04d-%s-%s-%s.conf", i, r.scope, r.key, what)
			files = append(files, gen{name, document(scope, members)})
		}
		add("absent", r.scope, map[string]string{r.key: ""})
		for _, f := range []struct{ what, value string }{
			{"right", right(r)}, {"type", wrongType(r, rnd)}, {"range", outOfRange(r, rnd)}, {"range2", outOfRange(r, rnd)},
		} {
			add(f.what, r.scope, alone(r, f.value))
		}
		add("scope", scopes[rnd.IntN(len(scopes))], map[string]string{r.key: right(r)})
	}
	return files
}

// alone returns the member, and takes away what excludes it.
func alone(r tableRow, value string) map[string]string {
	m := map[string]string{r.key: value}
	switch {
	case r.scope == "reservations" && slices.Contains([]string{"duid", "client-id", "circuit-id", "flex-id"}, r.key):
		m["hw-address"] = ""
	case r.scope == "option-data" && r.key == "code":
		m["name"] = ""
	case r.key == "record-types":
		m["type"] = `"record"`
	case r.scope == "option-data" && r.key == "csv-format" && value == "false":
		m["data"] = `"c0000201"`
	}
	return m
}

func seed(t testing.TB) uint64 {
	s := uint64(time.Now().UnixNano())
	if v := os.Getenv("KEACONF_SEED"); v != "" {
		fmt.Sscan(v, &s)
	}
	t.Logf("KEACONF_SEED=%d", s)
	return s
}
