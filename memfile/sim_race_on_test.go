//go:build race

package memfile

// simSeeds: the race detector makes each ten times slower.
const simSeeds = 4
