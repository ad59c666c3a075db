package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Toolbox is the test image of package backendtest/images as a fake image: the same commands, in memory.
func Toolbox() Image {
	return Image{
		Image:    backends.Image{Entrypoint: []string{"/toolbox"}, Cmd: []string{"sleep"}},
		Env:      map[string]string{"PATH": "/", "FROM_IMAGE": "yes"},
		Files:    map[string]string{"/toolbox": "binary", "/from-image/default.txt": "from the image\n", "/tmp/": ""},
		Program:  toolbox,
		Commands: []string{"/toolbox"},
	}
}

// toolbox runs commands separated by "+", as the real one does.
func toolbox(ctx context.Context, p *Process) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var servers sync.WaitGroup
	failed := 0
	for args := p.Args[1:]; len(args) > 0; {
		one := args
		if end := slices.Index(args, "+"); end < 0 {
			args = nil
		} else {
			one, args = args[:end], args[end+1:]
		}
		if transport, ok := map[string]backends.Transport{"tcp": backends.TCP, "udp": backends.UDP}[one[0]]; ok {
			l, err := p.Listen(backends.Port{Number: number(one[1]), Transport: transport})
			if err != nil {
				return complain(p, err)
			}
			servers.Go(func() { echo(ctx, l) })
		} else if code := tool(ctx, p, one[0], one[1:]); code != 0 {
			failed = code
			cancel()
			break
		}
	}
	servers.Wait()
	return failed
}

func number(s string) uint16 {
	n, _ := strconv.ParseUint(s, 10, 16)
	return uint16(n)
}

func complain(p *Process, err error) int {
	fmt.Fprintln(p.Stderr, "toolbox:", err)
	return 1
}

func echo(ctx context.Context, l net.Listener) {
	context.AfterFunc(ctx, func() { l.Close() })
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		stop := context.AfterFunc(ctx, func() { c.Close() })
		go func() {
			defer stop()
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}

func wait(ctx context.Context, args []string) {
	if len(args) == 0 {
		<-ctx.Done()
		return
	}
	d, _ := time.ParseDuration(args[0])
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// tool is one command that is no server.
func tool(ctx context.Context, p *Process, name string, args []string) int {
	switch name {
	case "sleep":
		wait(ctx, args)
	case "print":
		for _, a := range args {
			fmt.Fprintln(p.Stdout, a)
		}
	case "complain":
		for _, a := range args {
			fmt.Fprintln(p.Stderr, a)
		}
	case "count":
		n, _ := strconv.Atoi(args[0])
		for i := range n {
			fmt.Fprintln(p.Stdout, i+1)
			if len(args) > 1 {
				wait(ctx, args[1:])
			}
			if ctx.Err() != nil {
				break
			}
		}
	case "env":
		v, ok := p.Env[args[0]]
		if !ok {
			return complain(p, fmt.Errorf("%s is not set", args[0]))
		}
		fmt.Fprintln(p.Stdout, v)
	case "args":
		json.NewEncoder(p.Stdout).Encode(slices.Concat([]string{}, args))
	case "id":
		fmt.Fprintf(p.Stdout, "%d:%d\n", p.UID, p.GID)
	case "read":
		for _, file := range args {
			content, ok := p.service.files.read(absolutely(p.Dir, file))
			if !ok {
				return complain(p, fmt.Errorf("open %s: no such file or directory", file))
			}
			p.Stdout.Write(content)
		}
	case "write":
		p.service.files.write(args[0], []byte(args[1]))
	case "ls":
		var names []string
		for n := range p.service.files.tree(absolutely(p.Dir, args[0])) {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			fmt.Fprintln(p.Stdout, n)
		}
	case "stdin":
		io.Copy(p.Stdout, p.Stdin)
	case "resolve":
		a, ok := p.Resolve(args[0])
		if !ok {
			return complain(p, fmt.Errorf("lookup %s: no such host", args[0]))
		}
		fmt.Fprintln(p.Stdout, a)
	case "dial":
		return dialTool(ctx, p, args)
	case "eat":
		n, _ := strconv.ParseInt(args[0], 10, 64)
		if !p.Grow(n << 20) {
			return killed
		}
	case "pid1":
		if p.Init {
			fmt.Fprintln(p.Stdout, "init")
		} else {
			fmt.Fprintln(p.Stdout, strings.Join(p.service.image.command(p.service.spec), " "))
		}
	case "tty":
		fmt.Fprintln(p.Stdout, p.TTY)
	case "exit":
		n, _ := strconv.Atoi(args[0])
		return n
	default:
		return complain(p, fmt.Errorf("no command %q", name))
	}
	return 0
}

func absolutely(dir, file string) string {
	if strings.HasPrefix(file, "/") {
		return file
	}
	return path.Join(dir, file)
}

func dialTool(ctx context.Context, p *Process, args []string) int {
	c, err := p.Dial(ctx, args[0], args[1])
	if err != nil {
		return complain(p, err)
	}
	defer c.Close()
	if len(args) < 3 {
		fmt.Fprintln(p.Stdout, "connected")
		return 0
	}
	go io.WriteString(c, args[2])
	answer := make([]byte, len(args[2]))
	if _, err := io.ReadFull(c, answer); err != nil {
		return complain(p, err)
	}
	fmt.Fprintln(p.Stdout, string(answer))
	return 0
}
