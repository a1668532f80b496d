package keaconf_test

import (
	"fmt"
	"os"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

func ExampleParse() {
	text := `{ "Dhcp4": {
  # lifetimes in seconds
  "valid-lifetime": "3600",
  "subnet4": [ {
    "id": 1, "subnet": "192.0.2.0/24",
    "option-data": [ { "name": "router", "data": "192.0.2.1" } ]
  } ]
} }`
	_, err := keaconf.Parse("kea-dhcp4.conf", []byte(text), nil)
	fmt.Println(err)
	// Output:
	// kea-dhcp4.conf:3.21-26: Dhcp4.valid-lifetime: an integer expected instead of the string "3600": without quotes
	// Dhcp4.subnet4[0].option-data[0].name: there is no option "router" in the space dhcp4: did you mean "routers"? (kea-dhcp4.conf:6:32)
}

func ExampleLoad() {
	o := &keaconf.Options{Version: keaconf.Kea22}
	c, err := keaconf.Load("testdata/conf_cases/trailing_comma_map.conf", o)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, w := range c.Warnings {
		fmt.Println("warning:", w.Error())
	}
	// Output: warning: testdata/conf_cases/trailing_comma_map.conf:1.176: this comma separates nothing: is something missing?
}
