// Toolbox is the program inside of the test image of the same name: one static binary that plays any service.
//
//	toolbox COMMAND [ARGUMENT...] [+ COMMAND [ARGUMENT...]]...
//
// Commands separated by "+" run one after the other, except servers, which run beside the rest; the
// program ends with the first failure, or when all are done.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	dockerrelay "github.com/kurtosis-go/kurtosis/backends/docker/relay"
)

type command struct {
	usage string
	run   func(ctx context.Context, args []string) error
	// server commands run until ctx ends, beside those after them.
	server bool
}

// exit is an error that ends the program with a code.
type exit int

func (e exit) Error() string { return "exit " + strconv.Itoa(int(e)) }

func commands() map[string]command {
	return map[string]command{
		"http":     {"PORT [TEXT]: serve HTTP: / is TEXT, /env and /request are JSON, /file?path=P, POST /echo, /status?code=N, /die?code=N", serveHTTP, true},
		"tcp":      {"PORT: echo over TCP", serveTCP, true},
		"udp":      {"PORT: echo over UDP", serveUDP, true},
		"sleep":    {"[DURATION]: wait that long, or for a signal", sleep, false},
		"print":    {"TEXT...: one line each on standard output", func(_ context.Context, args []string) error { return printTo(os.Stdout, args) }, false},
		"complain": {"TEXT...: one line each on standard error", func(_ context.Context, args []string) error { return printTo(os.Stderr, args) }, false},
		"count":    {"N [INTERVAL]: the numbers from 1 to N, a line each", count, false},
		"flood":    {"N RATE: the numbers from 1 to N, a line each, RATE of them a second", flood, false},
		"env":      {"[NAME]: the environment or one variable", printEnv, false},
		"args":     {"ANYTHING...: the arguments as JSON", printArgs, false},
		"id":       {": uid:gid", printID, false},
		"read":     {"PATH...: print files", readFiles, false},
		"write":    {"PATH TEXT: write a file, with its directories", writeFile, false},
		"ls":       {"DIR: the names below it, directories with a slash", list, false},
		"stdin":    {": copy standard input to standard output", copyStdin, false},
		"resolve":  {"NAME: its addresses", resolve, false},
		"dial":     {"NETWORK ADDRESS [TEXT]: connect, send TEXT, print the answer", dial, false},
		"scan":     {"ADDRESS...: the TCP ports that are open, all 65535 tried", scan, false},
		"relay":    {"idle | NETWORK ADDRESS: standard input and output become the connection", relay, false},
		"eat":      {"MIB: use that much memory", eat, false},
		"pid1":     {": the command line of process 1", pid1, false},
		"pids":     {": how many processes can be seen", pids, false},
		"tty":      {": whether standard output is a terminal", tty, false},
		"exit":     {"CODE", exitWith, false},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := run(ctx, os.Args[1:])
	var code exit
	switch {
	case errors.As(err, &code):
		os.Exit(int(code))
	case err != nil:
		fmt.Fprintln(os.Stderr, "toolbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var servers sync.WaitGroup
	for len(args) > 0 {
		end := slices.Index(args, "+")
		one := args
		if end < 0 {
			args = nil
		} else {
			one, args = args[:end], args[end+1:]
		}
		if len(one) == 0 {
			return errors.New(`nothing between two "+"`)
		}
		c, ok := commands()[one[0]]
		if !ok {
			return fmt.Errorf("no command %q", one[0])
		}
		if c.server {
			servers.Go(func() {
				if err := c.run(ctx, one[1:]); err != nil {
					cancel(err)
				}
			})
		} else if err := c.run(ctx, one[1:]); err != nil {
			return err
		}
	}
	servers.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func need(args []string, least int) error {
	if len(args) < least {
		return fmt.Errorf("needs %d arguments", least)
	}
	return nil
}

func serveHTTP(ctx context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	text := "toolbox"
	if len(args) > 1 {
		text = args[1]
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
	mux.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		env := map[string]string{}
		for _, e := range os.Environ() {
			k, v, _ := strings.Cut(e, "=")
			env[k] = v
		}
		writeJSON(w, env)
	})
	mux.HandleFunc("/request", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		headers := map[string]string{}
		for k := range r.Header {
			headers[k] = r.Header.Get(k)
		}
		writeJSON(w, map[string]any{"method": r.Method, "uri": r.RequestURI, "host": r.Host, "headers": headers, "body": string(body)})
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, r.URL.Query().Get("path")) })
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.URL.Query().Get("code"))
		if err != nil {
			code = http.StatusBadRequest
		}
		w.WriteHeader(code)
		io.WriteString(w, text)
	})
	mux.HandleFunc("/die", func(_ http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Query().Get("code"))
		os.Exit(code)
	})
	server := &http.Server{Addr: ":" + args[0], Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func serveTCP(ctx context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	l, err := net.Listen("tcp", ":"+args[0])
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			defer conn.Close()
			io.Copy(conn, conn)
		}()
	}
}

func serveUDP(ctx context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp", ":"+args[0])
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	buf := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		conn.WriteTo(buf[:n], from)
	}
}

func sleep(ctx context.Context, args []string) error {
	var after <-chan time.Time
	if len(args) > 0 {
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		after = time.After(d)
	}
	select {
	case <-ctx.Done():
	case <-after:
	}
	return nil
}

func printTo(w io.Writer, args []string) error {
	for _, a := range args {
		fmt.Fprintln(w, a)
	}
	return nil
}

func count(ctx context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for i := range n {
		fmt.Fprintln(out, i+1)
		if len(args) > 1 {
			out.Flush()
			if err := sleep(ctx, args[1:]); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
		}
	}
	return nil
}

func printEnv(_ context.Context, args []string) error {
	if len(args) == 0 {
		env := os.Environ()
		slices.Sort(env)
		return printTo(os.Stdout, env)
	}
	v, ok := os.LookupEnv(args[0])
	if !ok {
		return fmt.Errorf("%s is not set", args[0])
	}
	fmt.Println(v)
	return nil
}

func printArgs(_ context.Context, args []string) error {
	return json.NewEncoder(os.Stdout).Encode(slices.Concat([]string{}, args))
}

func printID(context.Context, []string) error {
	fmt.Printf("%d:%d\n", os.Getuid(), os.Getgid())
	return nil
}

func readFiles(_ context.Context, args []string) error {
	for _, path := range args {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		os.Stdout.Write(b)
	}
	return nil
}

func writeFile(_ context.Context, args []string) error {
	if err := need(args, 2); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(args[0]), 0o755); err != nil {
		return err
	}
	return os.WriteFile(args[0], []byte(args[1]), 0o644)
}

func list(_ context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	return filepath.WalkDir(args[0], func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(args[0], path)
		if rel == "." {
			return nil
		}
		if d.IsDir() {
			rel += "/"
		}
		fmt.Println(rel)
		return nil
	})
}

func copyStdin(context.Context, []string) error {
	_, err := io.Copy(os.Stdout, os.Stdin)
	return err
}

func resolve(ctx context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := (&net.Resolver{PreferGo: true}).LookupHost(ctx, args[0])
	if err != nil {
		return err
	}
	return printTo(os.Stdout, addresses)
}

func dial(ctx context.Context, args []string) error {
	if err := need(args, 2); err != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	defer conn.Close()
	if len(args) == 2 {
		fmt.Println("connected")
		return nil
	}
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, args[2]); err != nil {
		return err
	}
	answer := make([]byte, len(args[2]))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	fmt.Println(string(answer))
	return nil
}

func relay(ctx context.Context, args []string) error {
	return dockerrelay.Main(ctx, args, os.Stdin, os.Stdout)
}

func eat(_ context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	held := make([][]byte, n)
	for i := range held {
		held[i] = make([]byte, 1<<20)
		for j := 0; j < len(held[i]); j += 4096 {
			held[i][j] = 1
		}
	}
	fmt.Println("ate", len(held), "MiB")
	return nil
}

func pid1(context.Context, []string) error {
	b, err := os.ReadFile("/proc/1/cmdline")
	if err != nil {
		return err
	}
	fmt.Println(strings.ReplaceAll(strings.TrimRight(string(b), "\x00"), "\x00", " "))
	return nil
}

func pids(context.Context, []string) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	n := 0
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			n++
		}
	}
	fmt.Println(n)
	return nil
}

func tty(context.Context, []string) error {
	info, err := os.Stdout.Stat()
	if err != nil {
		return err
	}
	fmt.Println(info.Mode()&os.ModeCharDevice != 0)
	return nil
}

func exitWith(_ context.Context, args []string) error {
	if err := need(args, 1); err != nil {
		return err
	}
	code, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	return exit(code)
}
