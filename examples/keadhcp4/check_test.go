package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// result is what a run of the program gives back.
type result struct {
	Status         int
	Stdout, Stderr string
}

func runProgram(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(args, &stdout, &stderr)
	return result{status, anonymous(t, stdout.String()), stderr.String()}
}

func TestCheckOfAFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f.conf")
	const subnets = `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.1 - 192.0.2.9" } ] } ]`
	const read = "INFO  [kea-dhcp4.dctl/PID.TID] DCTL_CONFIG_FILE the configuration file is FILE\n"
	const complete = "INFO  [kea-dhcp4.dhcp4/PID.TID] DHCP4_CONFIG_COMPLETE the configuration is complete; IPv4 subnets: 1\n"
	for _, tt := range []struct {
		name, text string
		args       []string
		status     int
		stdout     string
		stderr     []string // parts of it, in this order
	}{
		{"right", `{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*" ] }, ` + subnets + ` } }`, []string{"-t", "FILE"}, 0, read + complete, nil},
		{"right for -T", `{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*" ] }, ` + subnets + ` } }`, []string{"-T", "FILE"}, 0, read + complete, nil},
		{"one comma too many", `{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*" ] }, ` + subnets + `, } }`, []string{"-t", "FILE"}, 0,
			read + "WARN  [kea-dhcp4.dhcp4/PID.TID] DHCP4_CONFIG_SYNTAX_WARNING FILE:1.164: this comma separates nothing: is something missing?\n" + complete, nil},
		{"served without", `{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*" ] }, "multi-threading": { "enable-multi-threading": true }, ` + subnets + ` } }`,
			[]string{"-t", "FILE"}, 0, read +
				"WARN  [kea-dhcp4.dhcp4/PID.TID] DHCP4_CONFIG_UNSUPPORTED_OBJECT Dhcp4.multi-threading.enable-multi-threading: each interface has a thread of its own (FILE:1:109)\n" + complete, nil},
		{"syntax", "{ \"Dhcp4\": {\n  \"foo-bar\": 1\n} }", []string{"-t", "FILE"}, 1, read, []string{"Syntax check failed with: FILE:2.3-11: ", "foo-bar"}},
		{"value", "{ \"Dhcp4\": {\n  \"subnet4\": [ { \"id\": 1,\n    \"subnet\": \"192.0.2.0\" } ] } }", []string{"-t", "FILE"}, 1, read,
			[]string{"Error encountered: ", "192.0.2.0", "(FILE:"}},
		{"two mistakes", `{ "Dhcp4": { "foo": 1, "bar": 2 } }`, []string{"-t", "FILE"}, 1, read, []string{"Syntax check failed with: FILE:1.14-18: ", "\nand: ", "bar"}},
		{"no interface", `{ "Dhcp4": { "interfaces-config": { "interfaces": [ "none0" ] } } }`, []string{"-t", "FILE"}, 1, read,
			[]string{"Error encountered: ", "interface 'none0' doesn't exist in the system", "(FILE:1:"}},
		{"not served", `{ "Dhcp4": { "lease-database": { "type": "mysql", "name": "kea" } } }`, []string{"-t", "FILE"}, 1, read,
			[]string{"Error encountered: ", "Dhcp4.lease-database.type", "memfile", "(FILE:1:"}},
		{"id for 3.0", `{ "Dhcp4": { "subnet4": [ { "subnet": "192.0.2.0/24" } ] } }`, []string{"-kea", "3.0", "-t", "FILE"}, 1, read, []string{"Error encountered: ", "id"}},
		{"patterns that are not supported", `{ "Dhcp4": { "loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ ` +
			`{ "output": "stdout", "pattern": "%x" }, { "output": "stderr", "pattern": "%m%n" }, { "output": "/l", "pattern": "%l" } ] } ] } }`, []string{"-t", "FILE"}, 1, read,
			[]string{"Error encountered: logger kea-dhcp4: output stdout: pattern: %x", "\nand: logger kea-dhcp4: output /l: pattern: %l"}},
		{"no file", "", []string{"-t", "FILE"}, 1, read, []string{"Syntax check failed with: ", "FILE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			os.Remove(file)
			if tt.text != "" {
				if err := os.WriteFile(file, []byte(tt.text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			args := append([]string(nil), tt.args...)
			args[len(args)-1] = file
			got := runProgram(t, args...)
			if got.Status != tt.status {
				t.Errorf("exit status %d, want %d", got.Status, tt.status)
			}
			stdout := strings.ReplaceAll(got.Stdout, file, "FILE")
			if diff := cmp.Diff(tt.stdout, stdout); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			rest := strings.ReplaceAll(got.Stderr, file, "FILE")
			if (tt.stderr == nil) != (rest == "") {
				t.Errorf("stderr: %s", rest)
			}
			for _, part := range tt.stderr {
				_, after, found := strings.Cut(rest, part)
				if !found {
					t.Errorf("stderr has no %q where it should:\n%s", part, got.Stderr)
				}
				rest = after
			}
		})
	}
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		args   string
		status int
		stdout string // begins with
		stderr string // contains
	}{
		{"-v", 0, "embedhcp ", ""},
		{"-V", 0, "embedhcp ", ""},
		{"-W", 0, "go\t", ""},
		{"-h", 0, "", "-sync when"},
		{"-x", 1, "", "-x"},
		{"-v extra", 1, "", `"extra" is one argument too many`},
		{"-p 0", 1, "", "-p: a port is between 1 and 65535, not 0"},
		{"-P 65536", 1, "", "-P: a port is between 1 and 65535, not 65536"},
		{"-p abc", 1, "", "abc"},
		{"-kea 2.4", 1, "", "2.2"},
		{"-sync sometimes", 1, "", "it is always, interval or never"},
		{"-sync never -v", 0, "embedhcp ", ""},
		{"-log xml", 1, "", "-log: "},
	} {
		got := runProgram(t, strings.Fields(tt.args)...)
		if got.Status != tt.status || !strings.HasPrefix(got.Stdout, tt.stdout) || (got.Stdout == "") != (tt.stdout == "") ||
			!strings.Contains(got.Stderr, tt.stderr) || (got.Stderr == "") != (tt.stderr == "") {
			t.Errorf("%s: status %d, want %d\nstdout: %s\nstderr: %s", tt.args, got.Status, tt.status, got.Stdout, got.Stderr)
		}
	}
}
