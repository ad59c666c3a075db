package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// identity is who a certificate speaks for.
type identity struct {
	file         string
	name         string
	organisation string
}

// servers and clients of the cluster. Clients get a kubeconfig, the others a pair of files.
func identities(node string) (pairs, kubeconfigs []identity) {
	return []identity{
			{"apiserver", "kube-apiserver", ""},
			{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"},
			{"front-proxy-client", "front-proxy-client", ""},
			{"kubelet", "system:node:" + node, "system:nodes"},
		}, []identity{
			{"admin", "kubernetes-admin", "system:masters"},
			{"controller-manager", "system:kube-controller-manager", ""},
			{"scheduler", "system:kube-scheduler", ""},
			{"kubelet", "system:node:" + node, "system:nodes"},
			{"proxy", "system:kube-proxy", ""},
		}
}

// writeCerts makes an authority and all that it vouches for.
func writeCerts(_ context.Context, name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	dir := flags.String("dir", "pki", "output directory")
	server := flags.String("server", "https://127.0.0.1:6443", "the API server's URL in kubeconfigs")
	node := flags.String("node", "node", "the node's name")
	sans := flags.String("sans", "127.0.0.1,10.96.0.1", "addresses and names of the API server and the kubelet, with commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return err
	}
	a, err := newAuthority(*node, strings.Split(*sans, ","))
	if err != nil {
		return err
	}
	files := map[string][]byte{"ca.crt": a.pem}
	pairs, kubeconfigs := identities(*node)
	for _, id := range pairs {
		if files[id.file+".crt"], files[id.file+".key"], err = a.issue(id); err != nil {
			return err
		}
	}
	for _, id := range kubeconfigs {
		if files[id.file+".kubeconfig"], err = a.kubeconfig(id, *server); err != nil {
			return err
		}
	}
	// Service accounts' tokens are signed with a key of their own.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if files["sa.key"], err = keyPEM(key); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	files["sa.pub"] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(*dir, file), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// authority signs certificates that all carry the node's addresses and names.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	pem         []byte
	addresses   []net.IP
	names       []string
}

func newAuthority(node string, sans []string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key, names: []string{"localhost", node, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}}
	for _, san := range sans {
		if address := net.ParseIP(san); address != nil {
			a.addresses = append(a.addresses, address)
		} else if san != "" {
			a.names = append(a.names, san)
		}
	}
	t, err := template("test-cluster-ca", "")
	if err != nil {
		return nil, err
	}
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage |= x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	a.certificate, err = x509.ParseCertificate(der)
	return a, err
}

func (a *authority) issue(id identity) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t, err := template(id.name, id.organisation)
	if err != nil {
		return nil, nil, err
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	t.IPAddresses, t.DNSNames = a.addresses, a.names
	der, err := x509.CreateCertificate(rand.Reader, t, a.certificate, &private.PublicKey, a.key)
	if err != nil {
		return nil, nil, err
	}
	key, err = keyPEM(private)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key, err
}

func (a *authority) kubeconfig(id identity, server string) ([]byte, error) {
	certificate, key, err := a.issue(id)
	if err != nil {
		return nil, err
	}
	const name = "test-cluster"
	return clientcmd.Write(api.Config{
		CurrentContext: name,
		Clusters:       map[string]*api.Cluster{name: {Server: server, CertificateAuthorityData: a.pem}},
		AuthInfos:      map[string]*api.AuthInfo{id.file: {ClientCertificateData: certificate, ClientKeyData: key}},
		Contexts:       map[string]*api.Context{name: {Cluster: name, AuthInfo: id.file}},
	})
}

func template(name, organisation string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if organisation != "" {
		t.Subject.Organization = []string{organisation}
	}
	return t, nil
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}
