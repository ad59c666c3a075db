// Package relay is the program side of dialling into an enclave from outside of its network: it runs in a container
// there and joins its standard streams to a connection. It has no dependencies, so that any binary may offer it.
package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Status is the first byte written: whether the connection stands. After Failed comes the reason, in text.
type Status = byte

const (
	Connected Status = 'C'
	Refused   Status = 'R' // nobody listens
	Failed    Status = 'F'
)

// Idle is the argument that makes the program wait: the container's own process, beside which others are executed.
const Idle = "idle"

// Main is the whole program: "idle", or a network and an address.
func Main(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == Idle:
		<-ctx.Done()
		return nil
	case len(args) == 2:
		return Run(ctx, args[0], args[1], in, out)
	}
	return fmt.Errorf("relay takes %q, or a network and an address", Idle)
}

// Run connects, writes a Status to out, and copies in to the connection and the connection to out until both
// directions have ended or ctx does.
func Run(ctx context.Context, network, address string, in io.Reader, out io.Writer) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		status := Failed
		if errors.Is(err, syscall.ECONNREFUSED) {
			status = Refused
		}
		_, werr := fmt.Fprintf(out, "%c%v", status, err)
		return werr
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	if _, err := out.Write([]byte{Connected}); err != nil {
		return err
	}
	go func() {
		io.Copy(conn, in)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		} else {
			conn.Close()
		}
	}()
	// When the peer has closed, what still comes in has nowhere to go: the goroutine above is not waited for.
	_, err = io.Copy(out, conn)
	return err
}
