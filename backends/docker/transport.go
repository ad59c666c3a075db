package docker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"time"
)

// tlsClient makes the HTTP client for a daemon that authenticates by certificates. Files that do not exist are left out, as
// `docker` does: a context may have a CA alone.
func tlsClient(e endpoint) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: e.skipVerify}
	pem, err := os.ReadFile(e.ca)
	switch {
	case err == nil:
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", e.ca)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	cert, err := tls.LoadX509KeyPair(e.cert, e.key)
	switch {
	case err == nil:
		config.Certificates = []tls.Certificate{cert}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, nil
}

// dialSSH talks to the engine of another machine through `docker system dial-stdio` there.
func dialSSH(ctx context.Context, u *url.URL) (net.Conn, error) {
	args := []string{"-o", "ConnectTimeout=30", "-T"}
	if u.User != nil {
		args = append(args, "-l", u.User.Username())
	}
	if port := u.Port(); port != "" {
		args = append(args, "-p", port)
	}
	args = append(args, "--", u.Hostname(), "docker")
	if u.Path != "" && u.Path != "/" {
		args = append(args, "--host=unix://"+u.Path)
	}
	// Not CommandContext: the connection outlives the call that dialled it.
	cmd := exec.Command("ssh", append(args, "system", "dial-stdio")...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("ssh %s: %w", u.Host, err)
	}
	return &processConn{in: in, out: out, close: func() error {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait() // its status is that it was killed
		return nil
	}, remote: u.Host}, nil
}

// processConn is a connection over a process's standard streams. Deadlines are not supported; those who need to
// give up close it.
type processConn struct {
	in     io.WriteCloser
	out    io.Reader
	close  func() error
	remote string
}

func (c *processConn) Read(b []byte) (int, error)  { return c.out.Read(b) }
func (c *processConn) Write(b []byte) (int, error) { return c.in.Write(b) }
func (c *processConn) CloseWrite() error           { return c.in.Close() }
func (c *processConn) Close() error                { return c.close() }
func (c *processConn) LocalAddr() net.Addr         { return processAddr("local") }
func (c *processConn) RemoteAddr() net.Addr        { return processAddr(c.remote) }

func (c *processConn) SetDeadline(time.Time) error      { return nil }
func (c *processConn) SetReadDeadline(time.Time) error  { return nil }
func (c *processConn) SetWriteDeadline(time.Time) error { return nil }

type processAddr string

func (processAddr) Network() string  { return "pipe" }
func (a processAddr) String() string { return string(a) }
