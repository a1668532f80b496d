//go:build !race

package memfile

const simSeeds = 20
