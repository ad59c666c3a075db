package client

import (
	"context"
	"errors"
	"io"

	pb "github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/backends"
)

func (e *Enclave) exec(ctx context.Context, service string, x backends.Exec) (int, error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	stream := e.calls.Exec(ctx)
	start := &pb.ExecStart{Service: service, Command: x.Command, User: x.User, Env: x.Env, Dir: x.Dir, Tty: x.TTY, Stdin: x.Stdin != nil}
	if err := stream.Send(&pb.ExecRequest{Message: &pb.ExecRequest_Start{Start: start}}); err != nil && !errors.Is(err, io.EOF) {
		return 0, fail(ctx, err)
	}
	// One goroutine sends: input and sizes come from two others, which end with ctx but for a Read that blocks.
	requests := make(chan *pb.ExecRequest)
	put := func(m *pb.ExecRequest) bool {
		select {
		case requests <- m:
			return true
		case <-ctx.Done():
			return false
		}
	}
	inputEnded := make(chan struct{})
	if x.Stdin != nil {
		go func() {
			defer close(inputEnded)
			_ = sendAll(x.Stdin, func(data []byte) error {
				if !put(&pb.ExecRequest{Message: &pb.ExecRequest_Stdin{Stdin: append([]byte(nil), data...)}}) {
					return io.EOF
				}
				return nil
			}) // an input that cannot be read ends
		}()
	}
	go func() {
		defer stream.CloseRequest()
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-requests:
				if stream.Send(m) != nil { // the receiving side knows why
					return
				}
			case size, more := <-x.Resize:
				if !more {
					x.Resize = nil
					continue
				}
				m := &pb.TerminalSize{Columns: uint32(size.Columns), Rows: uint32(size.Rows)}
				if stream.Send(&pb.ExecRequest{Message: &pb.ExecRequest_Resize{Resize: m}}) != nil {
					return
				}
			case <-inputEnded:
				if x.Resize == nil {
					return
				}
				inputEnded = nil
				if stream.Send(&pb.ExecRequest{Message: &pb.ExecRequest_StdinEnd{StdinEnd: true}}) != nil {
					return
				}
			}
		}
	}()
	defer stream.CloseResponse()
	for {
		m, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return 0, backends.Errorf(backends.EngineUnreachable, "the API container ended the connection before the command was over")
		} else if err != nil {
			return 0, fail(ctx, err)
		}
		switch m := m.Message.(type) {
		case *pb.ExecResponse_Stdout:
			err = write(x.Stdout, m.Stdout)
		case *pb.ExecResponse_Stderr:
			err = write(x.Stderr, m.Stderr)
		case *pb.ExecResponse_ExitCode:
			return int(m.ExitCode), nil
		}
		if err != nil {
			return 0, err
		}
	}
}

func write(w io.Writer, data []byte) error {
	if w == nil {
		return nil
	}
	_, err := w.Write(data)
	return err
}
