//go:build !plantedbug

package dhcp4

const plantedBug = false
