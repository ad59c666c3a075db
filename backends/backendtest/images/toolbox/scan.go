package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	scanAtOnce = 16000                   // how many ports wait for their answer at once: where packets are dropped, all do
	scanBurst  = 64                      // how many are tried each millisecond: a network has a queue, and it has an end
	scanTime   = 1300 * time.Millisecond // what each has to answer: a packet that was lost is sent again after a second
)

// scan prints the TCP ports of addresses that can be connected to, all 65535 of each, as ADDRESS:PORT.
func scan(ctx context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	var (
		mu     sync.Mutex
		open   = make([][]int, len(args))
		failed error
		slots  = make(chan struct{}, scanAtOnce)
		all    sync.WaitGroup
		dialer = net.Dialer{Timeout: scanTime}
		bursts = time.NewTicker(time.Millisecond)
	)
	defer bursts.Stop()
	for n := range 65535 * len(args) {
		at, port := n%len(args), n/len(args)+1 // in turns: one that refuses at once makes room for one that does not
		if n%scanBurst == 0 {
			<-bursts.C
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(args[at], strconv.Itoa(port)))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				conn.Close()
				open[at] = append(open[at], port)
			case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL):
				failed = fmt.Errorf("port %d of %s was not tried: %w", port, args[at], err)
			}
		})
	}
	all.Wait()
	for at, address := range args {
		slices.Sort(open[at])
		for _, port := range open[at] {
			fmt.Fprintln(os.Stdout, net.JoinHostPort(address, strconv.Itoa(port)))
		}
	}
	return failed
}
