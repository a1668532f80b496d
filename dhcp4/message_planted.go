//go:build plantedbug

package dhcp4

// plantedBug makes the decoder drop an option without payload at the very end
// of a field. It tests the fuzz targets: FuzzMessage has to find it.
const plantedBug = true
