package keaconf_test

import (
	"fmt"
	"os"

	dhcp "github.com/embedhcp/embedhcp/dhcp4" // the tests here have a function dhcp4
	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

func ExampleConfig_Server() {
	c, err := keaconf.Load("testdata/tutorial.conf", nil)
	if err != nil {
		fmt.Println(err) // what is wrong with the file
		os.Exit(1)
	}
	s, err := c.Server()
	if err != nil {
		fmt.Println(err) // what is right but not served
		os.Exit(1)
	}
	for _, w := range append(c.Warnings, s.Warnings...) {
		fmt.Println("warning:", w.Error())
	}
	fmt.Println("leases:", s.LeaseFile.Path) // for memfile.Open and Config.Leases
	srv, err := dhcp.NewServer(s.Config)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer srv.Close()
	for _, i := range s.Interfaces.Names {
		fmt.Println("interface:", i.Name)
	}
	// Output:
	// leases: /var/lib/kea/kea-leases4.csv
	// interface: ens33
}

func ExampleConfig_Server_missing() {
	text := `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "*" ] },
  "control-socket": { "socket-type": "unix", "socket-name": "/run/kea/kea4-ctrl-socket" },
  "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "client-class": "phones" } ]
} }`
	c, err := keaconf.Parse("kea-dhcp4.conf", []byte(text), nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, err = c.Server()
	fmt.Println(err)
	// Output: Dhcp4.subnet4[0].client-class: clients are not classified yet: leave it out if all clients may be served (kea-dhcp4.conf:4:69)
}
