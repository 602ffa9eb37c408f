// SPDX-License-Identifier: BSD-3-Clause
// An echo by cgo: `echo PORT` serves, with a goroutine for each stream; `echo NODE PORT TEXT` asks.
package main

// #cgo pkg-config: libcoyo
// #include <coyo.h>
import "C"

import (
	"log"
	"os"
	"unsafe"
)

func check(r C.int, err error) {
	if r < 0 {
		log.Fatal(err)
	}
}
func recv(h C.int, b []byte) C.ssize_t {
	return C.coyo_recv(h, unsafe.Pointer(&b[0]), C.size_t(len(b)), 0)
}
func echo(h C.int) {
	b := make([]byte, 65536)
	for n := recv(h, b); n > 0; n = recv(h, b) {
		C.coyo_send(h, unsafe.Pointer(&b[0]), C.size_t(n), 0)
	}
	C.coyo_close(h)
}

func main() {
	var node *C.char // nobody: this node
	var to *C.struct_addrinfo
	if len(os.Args) == 4 {
		node = C.CString(os.Args[1])
	}
	if r := C.coyo_getaddrinfo(node, C.CString(os.Args[len(os.Args)/2]), nil, &to); r != 0 {
		log.Fatal(C.GoString(C.gai_strerror(r)))
	}
	h, err := C.coyo_socket(to.ai_family, to.ai_socktype, 0)
	check(h, err)
	if node != nil {
		r, err := C.coyo_connect(h, to.ai_addr, to.ai_addrlen)
		check(r, err)
		C.coyo_send(h, unsafe.Pointer(C.CString(os.Args[3])), C.size_t(len(os.Args[3])), 0)
		b := make([]byte, 65536)
		os.Stdout.Write(append(b[:recv(h, b)], 10))
		return
	}
	C.coyo_bind(h, to.ai_addr, to.ai_addrlen)
	r, err := C.coyo_listen(h, 64)
	check(r, err)
	log.Println("listening on", os.Args[1])
	for {
		s, err := C.coyo_accept(h, nil, nil)
		check(s, err)
		go echo(s)
	}
}
