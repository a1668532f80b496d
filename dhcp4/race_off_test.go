//go:build !race

package dhcp4_test

const raceEnabled = false
