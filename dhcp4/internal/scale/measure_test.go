package main

import "testing"

// TestMeasure measures a small configuration: that every request and every
// change of it does what it shall.
func TestMeasure(t *testing.T) {
	rows, err := measure(50, 100, rounds)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.limit > 0 && r.value <= 0 {
			t.Errorf("%s: %v", r.name, r.value)
		}
	}
}
