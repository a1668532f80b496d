//go:build race

package dhcp4_test

// raceEnabled: under the race detector sync.Pool forgets at random.
const raceEnabled = true
