// Package server is the language server: JSON-RPC around package ide. What a request asks is answered from the view
// that was current when the request arrived, so that every answer fits the text that the editor had then.
package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync"

	"go.lsp.dev/jsonrpc2"

	"github.com/kurtosis-go/kurtosis/packages"
)

// Streams are where the server reads from and writes to. Nothing but the protocol goes to Out.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Options say what the server is part of.
type Options struct {
	Name    string // of the command
	Version string
	// Fetcher gives the place of fetched packages: what is there already, or also what the network has.
	Fetcher func(offline bool) packages.Fetcher
}

// Exit statuses.
const (
	statusDone  = 0
	statusFault = 1
	statusUsage = 2
)

const usage = `Usage: %s [flags]

Serves editors over the Language Server Protocol, on standard input and output.

Flags:
  --stdio             use standard input and output (the default)
  --listen HOST:PORT  serve one connection after another over TCP
  --version           print the version
`

// Main runs the server with the arguments of its command line and returns the exit status.
func Main(ctx context.Context, args []string, streams Streams, o Options) int {
	flags := flag.NewFlagSet(o.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Bool("stdio", true, "")
	listen := flags.String("listen", "", "")
	version := flags.Bool("version", false, "")
	flags.Int("clientProcessId", 0, "") // what some clients add; initialize has it, too
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(streams.Out, usage, o.Name)
		return statusDone
	case err != nil:
		fmt.Fprintf(streams.Err, "%s: %s\n", o.Name, plain(err))
		return statusUsage
	case flags.NArg() > 0 && !(flags.NArg() == 1 && flags.Arg(0) == "start"): // the reference's command was `lsp start`
		fmt.Fprintf(streams.Err, "%s: unexpected argument '%s'\n", o.Name, flags.Arg(0))
		return statusUsage
	case *version:
		fmt.Fprintln(streams.Out, o.Name, o.Version)
		return statusDone
	}
	debug.SetMemoryLimit(smallHeap)
	if *listen != "" {
		return serveTCP(ctx, *listen, streams, o)
	}
	return Serve(ctx, pipe{streams.In, streams.Out}, streams.Err, o)
}

// plain words an error of the flags.
func plain(err error) string {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return fmt.Sprintf("unknown flag '--%s'", name)
	}
	return err.Error()
}

// pipe makes one stream of two. Closing it ends the reader, where it can be closed.
type pipe struct {
	io.Reader
	io.Writer
}

func (p pipe) Close() error {
	if c, ok := p.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func serveTCP(ctx context.Context, address string, streams Streams, o Options) int {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		fmt.Fprintf(streams.Err, "%s: can't listen on '%s': %s\n", o.Name, address, err)
		return statusFault
	}
	fmt.Fprintf(streams.Err, "%s listens on %s\n", o.Name, l.Addr())
	ctx, end := context.WithCancel(ctx)
	context.AfterFunc(ctx, func() { l.Close() })
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer end()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return statusDone
			}
			fmt.Fprintf(streams.Err, "%s: %s\n", o.Name, err)
			return statusFault
		}
		// The editor goes on where it was when it connects again, so each connection is a server of its own.
		sessions.Go(func() {
			defer c.Close()
			Serve(ctx, c, streams.Err, o)
		})
	}
}

// Serve speaks with one client until either side ends it, and returns the exit status: 0 when the client took its
// leave with a shutdown request.
func Serve(ctx context.Context, stream io.ReadWriteCloser, log io.Writer, o Options) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newOutbox(stream)
	conn := jsonrpc2.NewConn(jsonrpc2.NewHeaderStream(out), jsonrpc2.WithCodec(codec{}))
	s := newSession(ctx, cancel, conn, log, o)
	conn.Go(ctx, s.handle)
	select {
	case <-conn.Done():
	case <-ctx.Done():
		// Reading from standard input cannot be interrupted everywhere: the process ends around it.
		s.stopped.Store(true)
	}
	cancel()
	s.background.Wait()
	out.drain()
	if s.state.Load() == stateShutdown {
		return statusDone
	}
	return statusFault
}
