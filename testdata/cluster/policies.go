package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

// policyChain holds the rules, before those of everybody else.
const policyChain = "TEST-CLUSTER-POLICY"

// enforcer turns NetworkPolicies into rules of the packet filter: ingress by Pods, namespaces and address blocks. What a test
// cluster does not need (egress, ports) it refuses to guess: such a policy is an error in its log and admits nobody.
type enforcer struct {
	node       string // from where the kubelet comes
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister
	last       string
}

// enforcePolicies writes the rules again whenever something they are made of changes.
func enforcePolicies(ctx context.Context, name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig")
	node := flags.String("node-ip", "10.244.0.1", "address that always may")
	remove := flags.Bool("remove", false, "remove all rules and end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *remove {
		filter(ctx, "", "iptables", "-w", "-D", "FORWARD", "-j", policyChain) // absent after a start that failed
		filter(ctx, "", "iptables", "-w", "-F", policyChain)
		filter(ctx, "", "iptables", "-w", "-X", policyChain)
		return nil
	}
	_, factory, err := connect(*kubeconfig)
	if err != nil {
		return err
	}
	e := enforcer{node: *node, pods: factory.Core().V1().Pods().Lister(), namespaces: factory.Core().V1().Namespaces().Lister(),
		policies: factory.Networking().V1().NetworkPolicies().Lister()}
	changed := make(chan struct{}, 1)
	note := func(any) {
		select {
		case changed <- struct{}{}:
		default: // one round is due already
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: note, UpdateFunc: func(_, o any) { note(o) }, DeleteFunc: note}
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(), factory.Core().V1().Namespaces().Informer(), factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	if err := e.write(ctx); err != nil {
		return err
	}
	for {
		select {
		case <-changed:
			if err := e.write(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write replaces all rules at once.
func (e *enforcer) write(ctx context.Context) error {
	rules, err := e.rules()
	if err != nil || rules == e.last {
		return err
	}
	// Others put chains that accept before ours (Docker, the network plugin, kube-proxy, each in its own time): ours goes to
	// the front again, in the same transaction.
	hook := "-I FORWARD 1 -j " + policyChain + "\nCOMMIT\n"
	if e.last != "" {
		hook = "-D FORWARD -j " + policyChain + "\n" + hook
	}
	e.last = rules
	return filter(ctx, rules+hook, "iptables-restore", "-w", "--noflush")
}

func (e *enforcer) rules() (string, error) {
	policies, err := e.policies.List(labels.Everything())
	if err != nil {
		return "", err
	}
	admitted := map[string][]string{} // by the address of an isolated Pod
	for _, policy := range policies {
		if len(policy.Spec.PolicyTypes) > 0 && !slices.Contains(policy.Spec.PolicyTypes, networking.PolicyTypeIngress) {
			continue
		}
		selected, err := e.addresses(policy.Namespace, &policy.Spec.PodSelector)
		if err != nil {
			return "", err
		}
		peers, err := e.peers(policy)
		if err != nil {
			return "", err
		}
		for _, address := range selected {
			admitted[address] = append(admitted[address], peers...)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "*filter\n:%[1]s - [0:0]\n-A %[1]s -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN\n-A %[1]s -s %[2]s -j RETURN\n", policyChain, e.node)
	var isolated []string
	for address := range admitted {
		isolated = append(isolated, address)
	}
	slices.Sort(isolated)
	for _, address := range isolated {
		peers := admitted[address]
		slices.Sort(peers)
		for _, peer := range slices.Compact(peers) {
			fmt.Fprintf(&b, "-A %s -s %s -d %s -j RETURN\n", policyChain, peer, address)
		}
		fmt.Fprintf(&b, "-A %s -d %s -j REJECT\n", policyChain, address)
	}
	return b.String(), nil
}

// peers are the addresses that a policy admits.
func (e *enforcer) peers(policy *networking.NetworkPolicy) (all []string, err error) {
	for _, rule := range policy.Spec.Ingress {
		if len(rule.Ports) > 0 {
			return nil, fmt.Errorf("policy %s/%s has ports: not supported here", policy.Namespace, policy.Name)
		}
		if len(rule.From) == 0 {
			all = append(all, "0.0.0.0/0")
		}
		for _, from := range rule.From {
			if from.IPBlock != nil {
				if len(from.IPBlock.Except) > 0 {
					return nil, fmt.Errorf("policy %s/%s has exceptions: not supported here", policy.Namespace, policy.Name)
				}
				all = append(all, from.IPBlock.CIDR)
				continue
			}
			pods := from.PodSelector
			if pods == nil {
				pods = &meta.LabelSelector{}
			}
			namespaces := []string{policy.Namespace}
			if from.NamespaceSelector != nil {
				if namespaces, err = e.named(from.NamespaceSelector); err != nil {
					return nil, err
				}
			}
			for _, namespace := range namespaces {
				addresses, err := e.addresses(namespace, pods)
				if err != nil {
					return nil, err
				}
				all = append(all, addresses...)
			}
		}
	}
	return all, nil
}

func (e *enforcer) named(selector *meta.LabelSelector) (names []string, err error) {
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, err
	}
	list, err := e.namespaces.List(s)
	for _, n := range list {
		names = append(names, n.Name)
	}
	return names, err
}

// addresses of the Pods that a selector means; those on the host's network are not a policy's concern.
func (e *enforcer) addresses(namespace string, selector *meta.LabelSelector) (addresses []string, err error) {
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, err
	}
	pods, err := e.pods.Pods(namespace).List(s)
	for _, pod := range pods {
		over := pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed // its address may be another's
		if pod.Status.PodIP != "" && !pod.Spec.HostNetwork && !over {
			addresses = append(addresses, pod.Status.PodIP)
		}
	}
	return addresses, err
}

func filter(ctx context.Context, input string, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", strings.Join(command, " "), err), errors.New(out.String()))
	}
	return nil
}
