package main

import (
	"context"
	"flag"
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// connect opens the API that a kubeconfig names.
func connect(kubeconfig string) (kubernetes.Interface, informers.SharedInformerFactory, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	return client, informers.NewSharedInformerFactory(client, 0), nil
}

// zone answers for the names of Services, as CoreDNS would: SERVICE.NAMESPACE.svc.cluster.local is the Service's address, or those
// of its endpoints when it has none; HOST.SERVICE.NAMESPACE… is one endpoint.
type zone struct {
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
}

// serveDNS answers over UDP. Nothing outside of the cluster resolves.
func serveDNS(ctx context.Context, name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	listen := flags.String("listen", "10.244.0.1:53", "UDP address")
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig")
	if err := flags.Parse(args); err != nil {
		return err
	}
	_, factory, err := connect(*kubeconfig)
	if err != nil {
		return err
	}
	z := zone{factory.Core().V1().Services().Lister(), factory.Discovery().V1().EndpointSlices().Lister()}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", *listen)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	buffer := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return ctx.Err()
		}
		if answer := z.answer(buffer[:n]); answer != nil {
			conn.WriteTo(answer, from) // one that is lost is asked for again
		}
	}
}

// answer is nil for what is no question.
func (z zone) answer(packet []byte) []byte {
	var q dnsmessage.Message
	if q.Unpack(packet) != nil || len(q.Questions) != 1 || q.Response {
		return nil
	}
	question := q.Questions[0]
	r := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.ID, Response: true, Authoritative: true, RecursionDesired: q.RecursionDesired, RecursionAvailable: true},
		Questions: q.Questions,
	}
	addresses, exists := z.lookup(question.Name.String())
	if !exists {
		r.RCode = dnsmessage.RCodeNameError
	}
	for _, address := range addresses {
		ip := net.ParseIP(address).To4()
		if ip == nil || question.Type != dnsmessage.TypeA {
			continue
		}
		r.Answers = append(r.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte(ip)},
		})
	}
	packed, err := r.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// lookup returns a name's addresses, and whether it exists at all.
func (z zone) lookup(name string) (addresses []string, exists bool) {
	rest, ok := strings.CutSuffix(strings.ToLower(name), ".svc.cluster.local.")
	parts := strings.Split(rest, ".")
	if !ok || len(parts) < 2 || len(parts) > 3 {
		return nil, false
	}
	host := ""
	if len(parts) == 3 {
		host, parts = parts[0], parts[1:]
	}
	service, err := z.services.Services(parts[1]).Get(parts[0])
	if err != nil {
		return nil, false
	}
	if service.Spec.ClusterIP != core.ClusterIPNone && host == "" {
		return service.Spec.ClusterIPs, true
	}
	slices, err := z.slices.EndpointSlices(parts[1]).List(labels.SelectorFromSet(labels.Set{discovery.LabelServiceName: parts[0]}))
	if err != nil {
		return nil, false
	}
	for _, slice := range slices {
		for _, e := range slice.Endpoints {
			ready := e.Conditions.Ready == nil || *e.Conditions.Ready || service.Spec.PublishNotReadyAddresses
			if ready && (host == "" || e.Hostname != nil && *e.Hostname == host) {
				addresses = append(addresses, e.Addresses...)
			}
		}
	}
	return addresses, host == "" || len(addresses) > 0
}
