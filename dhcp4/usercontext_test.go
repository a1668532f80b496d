package dhcp4_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4"
)

// FuzzUserContext compares with encoding/json: the relay agent information is
// in the context afterwards, and the rest as it was.
func FuzzUserContext(f *testing.F) {
	for _, s := range []string{
		"", "{}", " { } ", `{"a":1}`, `{ "ISC": 7 }`, `{"ISC":{}}`, `{"ISC":{"relay-agent-info":"0x01"},"b":[{"]":"}"},"\""]}`,
		`{"ISC":{"relay-agent-info":{"sub-options":"0x0101"}}}`, `{"a"`, `{"a":}`, `[`, `{"a":1,}`, `{"a":"\`, "null",
	} {
		f.Add(s, []byte{1, 2, 'a', 'b'})
	}
	f.Fuzz(func(t *testing.T, before string, info []byte) {
		after := dhcp4.WithAgentInfo(before, info)
		got := dhcp4.AppendAgentInfo(nil, after)
		var was map[string]any
		if strings.TrimSpace(before) != "" && json.Unmarshal([]byte(before), &was) != nil || len(info) == 0 {
			return // no panic is all that matters
		}
		var is map[string]any
		if err := json.Unmarshal([]byte(after), &is); err != nil {
			t.Fatalf("%q became %q: %v", before, after, err)
		}
		if was == nil && strings.TrimSpace(before) != "" {
			return // null
		}
		if string(got) != string(info) {
			t.Errorf("%q in %q reads % x, want % x", before, after, got, info)
		}
		isc, _ := was["ISC"].(map[string]any)
		if isc == nil {
			isc = make(map[string]any)
		}
		if was == nil {
			was = make(map[string]any)
		}
		was["ISC"] = isc
		isc["relay-agent-info"] = is["ISC"].(map[string]any)["relay-agent-info"]
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("%q became %q:\n%s", before, after, diff)
		}
		if again := dhcp4.WithAgentInfo(after, info); again != after {
			t.Errorf("%q became %q", after, again)
		}
	})
}
