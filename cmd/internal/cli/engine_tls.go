package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

// tlsVariable tells containers of ours the certificate and key to serve with, as PEM.
const tlsVariable = "KURTOSIS_TLS"

// labelTLS is on engines that speak TLS, their API containers doing so, too.
const labelTLS = backends.LabelPrefix + "tls"

// tlsName is what the certificates of all engines are for: whom one talks to is told by the authority, which each engine
// has for itself.
const tlsName = "kurtosis-engine"

// tlsTime is how long certificates hold: as long as a machine, as nobody renews them.
const tlsTime = 10 * 365 * 24 * time.Hour

// authorityPath is where the authority of an engine's certificate is kept, for its clients to trust.
func authorityPath(name string) (string, error) {
	config, err := configPath()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(config), "tls", name, "ca.pem"), nil
}

// makeTLS makes an authority for an engine and a certificate of it, for this machine's addresses and listen. The
// authority's certificate goes to authorityPath; its key is not kept, as nothing else is ever to be signed with it. The
// PEM of the engine's own certificate and key is returned.
func makeTLS(name, listen string, now time.Time) (string, error) {
	path, err := authorityPath(name)
	if err != nil {
		return "", err
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	authority := certificate("kurtosis engine "+name, now)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	own := certificate(tlsName, now)
	own.KeyUsage, own.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	own.DNSNames = []string{tlsName, "localhost", "*.localhost"}
	own.IPAddresses = addresses(listen)
	ownDER, err := x509.CreateCertificate(rand.Reader, own, authority, key.Public(), authorityKey)
	if err != nil {
		return "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER}), 0o600); err != nil {
		return "", err
	}
	var bundle bytes.Buffer
	for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: ownDER}, {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := pem.Encode(&bundle, block); err != nil {
			return "", err
		}
	}
	return bundle.String(), nil
}

func certificate(name string, now time.Time) *x509.Certificate {
	const bits = 127
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), bits))
	if err != nil { // never, by the package's documentation
		serial = big.NewInt(now.UnixNano())
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(tlsTime), // clocks differ
	}
}

// addresses are those on which an engine that listens there is reached from this machine and beyond.
func addresses(listen string) []net.IP {
	list := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	ip := net.ParseIP(listen)
	if ip == nil || !ip.IsUnspecified() {
		return append(list, ip)
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return list // who calls from elsewhere has to know it by tlsName
	}
	for _, a := range own {
		if n, ok := a.(*net.IPNet); ok {
			list = append(list, n.IP)
		}
	}
	return list
}

// clientTLS is how an engine and its API containers are spoken to; nil is without TLS.
func clientTLS(name string, s backends.System) (*tls.Config, error) {
	if s.Labels[labelTLS] == "" {
		return nil, nil
	}
	path, err := authorityPath(name)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	if errors.Is(err, fs.ErrNotExist) || err == nil && !pool.AppendCertsFromPEM(text) {
		return nil, &faultError{fmt.Sprintf("the engine '%s' speaks TLS, and '%s' does not hold its authority", name, path),
			"copy that file from where the engine was started"}
	}
	if err != nil {
		return nil, err
	}
	return &tls.Config{RootCAs: pool, ServerName: tlsName, MinVersion: tls.VersionTLS12}, nil
}

// serverTLS is how a container of ours serves; nil is without TLS.
func serverTLS() (*tls.Config, error) {
	text := os.Getenv(tlsVariable)
	if text == "" {
		return nil, nil
	}
	pair, err := tls.X509KeyPair([]byte(text), []byte(text))
	if err != nil {
		return nil, &faultError{fmt.Sprintf("%s is no certificate with its key: %s", tlsVariable, err), ""}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}, nil
}
