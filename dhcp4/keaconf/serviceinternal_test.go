package keaconf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestEachKeyOfTheGrammarIsServedOrMissing(t *testing.T) {
	g, table := newGrammar(), newServiceTable()
	for scope, specs := range g {
		for _, spec := range specs {
			if !table.knows(scope, spec.key) {
				t.Errorf("%s in %s is neither served nor missing", spec.key, scope)
			}
		}
	}
	inGrammar := func(p place) bool { return len(g.lookup(p.scope, p.key, inAll)) > 0 }
	for p := range table.missing {
		if !inGrammar(p) {
			t.Errorf("the missing %v is no key", p)
		}
		if table.served[p] {
			t.Errorf("%v is missing and served", p)
		}
	}
	for p := range table.served {
		if p.key != "*" && !inGrammar(p) {
			t.Errorf("the served %v is no key", p)
		}
	}
}

func TestEachMissingFeatureSaysWhy(t *testing.T) {
	for _, m := range missingFeatures() {
		silent := m.fine == "true|false" || m.fine == "false|true"
		if (m.why == "") != silent {
			t.Errorf("%s: no reason", m.key)
		}
		if m.harm && m.instead == "" {
			t.Errorf("%s: nothing to use instead", m.key)
		}
	}
}

// inScope makes a document with the members in a map of the scope.
func inScope(scope, members string) string {
	const subnet = `"id": 1, "subnet": "192.0.2.0/24"`
	comma := func(others string) string { return others + ", " + members }
	var text string
	switch scope {
	case "Dhcp4":
		text = members
	case "shared-networks":
		text = `"shared-networks": [ { ` + comma(`"name": "n"`) + ` } ]`
	case "subnet4":
		text = `"subnet4": [ { ` + comma(subnet) + ` } ]`
	case "pools":
		text = `"subnet4": [ { ` + subnet + `, "pools": [ { ` + comma(`"pool": "192.0.2.0/28"`) + ` } ] } ]`
	case "reservations":
		if strings.Contains(members, "client-classes") {
			members = comma(`"hw-address": "02:00:00:00:00:01"`)
		}
		text = `"subnet4": [ { ` + subnet + `, "reservations": [ { ` + comma(`"ip-address": "192.0.2.7"`) + ` } ] } ]`
	case "relay":
		text = `"subnet4": [ { ` + subnet + `, "relay": { ` + members + ` } } ]`
	case "option-data":
		text = `"option-data": [ { ` + comma(`"name": "routers", "data": "192.0.2.1"`) + ` } ]`
	case "lease-database":
		if !strings.Contains(members, `"type"`) {
			members = comma(`"type": "memfile"`)
		}
		text = `"lease-database": { ` + members + ` }`
	case "dhcp-ddns":
		if !strings.Contains(members, `"enable-updates"`) {
			members = comma(`"enable-updates": false`)
		}
		text = `"dhcp-ddns": { ` + members + ` }`
	case "multi-threading":
		if !strings.Contains(members, `"enable-multi-threading"`) {
			members = comma(`"enable-multi-threading": false`)
		}
		text = `"multi-threading": { ` + members + ` }`
	case "output_options":
		text = `"loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { ` + comma(`"output": "stdout"`) + ` } ] } ]`
	default: // a map in Dhcp4
		text = `"` + scope + `": { ` + members + ` }`
	}
	return `{ "Dhcp4": { ` + text + ` } }`
}

// values returns JSON of a value that changes something, and of those that do
// not.
func values(m *missing, key string, spec keySpec) (other string, fine []string) {
	quoted := spec.kind == specString || spec.kind == specEnum
	for f := range strings.SplitSeq(m.fine, "|") {
		switch {
		case f == "" && !quoted, f == "0" && spec.kind == specFloat:
			continue
		case quoted:
			f = `"` + f + `"`
		}
		if f == `""` && (spec.kind == specEnum || slices.Contains([]string{"duid", "circuit-id", "flex-id"}, key)) {
			continue // must not be empty
		}
		fine = append(fine, f)
	}
	special := map[string]string{
		"type":               `"mysql"`,
		"ip-address":         `"192.0.2.1"`,
		"ip-addresses":       `[ "192.0.2.1" ]`,
		"duid":               `"01:02:03"`,
		"circuit-id":         `"01:02:03"`,
		"flex-id":            `"'abc'"`,
		"reservations":       `[ { "hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.7" } ]`,
		"hosts-database":     `{ "type": "mysql" }`,
		"hosts-databases":    `[ { "type": "mysql" } ]`,
		"config-control":     `{ "config-fetch-wait-time": 30 }`,
		"control-socket":     `{ "socket-type": "unix", "socket-name": "/run/kea/s" }`,
		"control-sockets":    `[ { "socket-type": "unix", "socket-name": "/run/kea/s" } ]`,
		"outbound-interface": `"use-routing"`,
		"4o6-subnet":         `"2001:db8::/32"`,
	}
	if v, ok := special[key]; ok {
		return v, fine
	}
	switch spec.kind {
	case specBool:
		for _, v := range []string{"true", "false"} {
			if !slices.Contains(fine, v) {
				other = v
			}
		}
		if other == "" && m.fine == "" {
			other = "true"
		}
	case specInt:
		other = "7"
	case specFloat:
		other = "0.5"
	case specEnum:
		for _, w := range spec.words {
			if !slices.Contains(fine, `"`+w+`"`) {
				other = `"` + w + `"`
			}
		}
	case specString:
		other = `"x"`
	case specStrings, specEnums:
		other = `[ "x" ]`
	}
	return other, fine
}

func TestMissingFeaturesAreRefusedOrWarnedOf(t *testing.T) {
	g := newGrammar()
	for _, m := range missingFeatures() {
		for scope := range strings.FieldsSeq(m.scopes) {
			for key := range strings.FieldsSeq(m.key) {
				t.Run(scope+"/"+key, func(t *testing.T) {
					other, fine := values(&m, key, g.lookup(scope, key, inAll)[0])
					if other == "" && m.why != "" {
						t.Fatal("the test has no value")
					}
					if other != "" {
						problems, warnings := judged(t, scope, key, other)
						where := warnings
						if m.harm {
							where = problems
						}
						if !slices.ContainsFunc(where, func(p Problem) bool {
							return strings.HasSuffix(p.Path, "."+key) && p.Text == m.why && p.Hint == m.instead && p.Pos.Line == 1
						}) {
							t.Errorf("problems %v\nwarnings %v\nlack %s", problems, warnings, m.why)
						}
						if len(problems) > 0 != m.harm {
							t.Errorf("problems %v", problems)
						}
					}
					for _, v := range fine {
						problems, warnings := judged(t, scope, key, v)
						if len(problems) > 0 || slices.ContainsFunc(warnings, func(p Problem) bool { return p.Text == m.why }) {
							t.Errorf("%s changes nothing: problems %v, warnings %v", v, problems, warnings)
						}
					}
				})
			}
		}
	}
}

// judged returns what Server says of one member.
func judged(t *testing.T, scope, key, value string) (problems, warnings []Problem) {
	t.Helper()
	text := inScope(scope, fmt.Sprintf("%q: %s", key, value))
	c, err := Parse("f", []byte(text), nil)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	s, err := c.Server()
	if err != nil {
		return err.(*Error).Problems, nil
	}
	return nil, s.Warnings
}
