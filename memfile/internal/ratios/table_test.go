//go:build linux

package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableIsReadBack(t *testing.T) {
	rows := []row{
		{"opened", "kea-dhcp4", seconds, []float64{1, 1.2, 1.1}, []float64{12, 14, 13}, 10},
		{"memory", limit, octets, []float64{121e6}, []float64{160e6}, 1},
		{"rate", limit, perSecond, []float64{8e5}, []float64{6e5}, 2.5},
	}
	got := claimsIn("# README\n\n| a | b | c | d | e | f | g |\n" + tableBegins + "\n" + table(rows) + "\nwhere | when\n" + tableEnds + "\n")
	want := map[claimed]string{
		{"opened", "kea-dhcp4"}: "10", {"memory", limit}: "1", {"rate", limit}: "2.5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if got := complaintsAbout(rows, want, true); len(got) > 0 {
		t.Errorf("complaints: %q", got)
	}
}

func TestCheckRefuses(t *testing.T) {
	claims := map[claimed]string{{"opened", "kea"}: "10", {"gone", limit}: "1"}
	opened := row{"opened", "kea", seconds, []float64{1}, []float64{5}, 10}
	tests := []struct {
		name  string
		row   row
		whole bool
		want  []string
	}{
		{"nothing at half of a claim", opened, false, nil},
		{"less than half", row{"opened", "kea", seconds, []float64{1}, []float64{4.9}, 10}, false,
			[]string{"opened, kea: 4.90 times as good, less than half of the 10 claimed"}},
		{"nothing if the best round was good", row{"opened", "kea", seconds, []float64{9, 9, 1}, []float64{20, 20, 10}, 10}, false, nil},
		{"half of a rate", row{"opened", "kea", perSecond, []float64{40}, []float64{10}, 10}, false,
			[]string{"opened, kea: 4.00 times as good, less than half of the 10 claimed"}},
		{"another claim", row{"opened", "kea", seconds, []float64{1}, []float64{5}, 12}, false,
			[]string{"opened, kea: the README claims 10 instead of 12"}},
		{"a row that the README lacks", row{"opened", limit, seconds, []float64{1}, []float64{5}, 1}, false,
			[]string{"opened, limit: the README has no such row"}},
		{"a row that nobody measures", opened, true, []string{"gone, limit: only in the README"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, complaintsAbout([]row{tt.row}, claims, tt.whole)); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}

// TestProgram is that it runs, with files of a thousand leases and without
// Kea, whose programs have tests of their own.
func TestProgram(t *testing.T) {
	s := settings{scale: 0.001, rounds: 1, folder: t.TempDir()}
	files, err := makeFiles(&s)
	if err != nil {
		t.Fatal(err)
	}
	path := s.folder + "/leases.csv"
	for _, tt := range []struct {
		name string
		f    func(values, []string) error
		args []string
		want string
	}{
		{"open", childOpen, []string{path, "1000"}, "collection"},
		{"cleanup", childCleanup, []string{path, "1000"}, "cleanup"},
		{"never", childNever, []string{path, "1000", "1"}, "rate"},
		{"durable", childDurable, []string{s.folder, "1", "1ms"}, "writers"},
	} {
		if err := place(path, files.previous, files.log, ""); err != nil {
			t.Fatal(err)
		}
		v := make(values)
		if err := tt.f(v, tt.args); err != nil || len(v[tt.want]) != 1 {
			t.Errorf("%s: %v, %v", tt.name, v, err)
		}
	}
	rows, err := os.ReadFile(path + ".2")
	if want, _ := os.ReadFile(files.previous); err != nil || len(rows) != len(want) {
		t.Errorf("%d octets after a cleanup, %v; want %d", len(rows), err, len(want))
	}
}
