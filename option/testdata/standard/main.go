// A program that calls Standard.
package main

import "github.com/embedhcp/embedhcp/option"

func main() {
	d, ok := option.Standard().Lookup("dhcp4", 121)
	println(d.Name, ok)
}
