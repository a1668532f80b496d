package main

import "syscall"

// hangup is a signal that js/wasm does not have; nobody sends it.
const hangup = syscall.Signal(1)
