// SPDX-License-Identifier: MIT
//
// A peer to compare with: an echo server in Go, `go PORT`: a goroutine for each
// session, on as many threads as there are processors for it. Reads and writes
// are spelled out: io.Copy would take a pipe for each session, and splice(2).
package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

// session: begin
func serveSession(session net.Conn) {
	defer session.Close()
	buffer := make([]byte, 65536)
	for {
		size, err := session.Read(buffer)
		if err != nil {
			return
		}
		if _, err = session.Write(buffer[:size]); err != nil {
			return
		}
	}
}

// session: end

func main() {
	port := "7007"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "listening on tcp://%s\n", listener.Addr())
	for {
		session, err := listener.Accept()
		if err != nil { // no descriptor, most likely
			time.Sleep(50 * time.Millisecond)
			continue
		}
		go serveSession(session)
	}
}
