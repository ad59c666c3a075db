package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcdTimeout bounds the start of an etcd of one member, which takes a fraction of a second.
const etcdTimeout = time.Minute

// runEtcd runs an etcd of one member on loopback, without TLS.
func runEtcd(ctx context.Context, name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	dir := flags.String("data-dir", "etcd", "data directory")
	client := flags.String("listen", "http://127.0.0.1:2379", "client URL")
	peer := flags.String("peer", "http://127.0.0.1:2380", "peer URL")
	if err := flags.Parse(args); err != nil {
		return err
	}
	clientURL, clientErr := url.Parse(*client)
	peerURL, peerErr := url.Parse(*peer)
	if err := errors.Join(clientErr, peerErr); err != nil {
		return err
	}
	config := embed.NewConfig()
	config.Dir = *dir
	config.LogLevel = "error"
	config.UnsafeNoFsync = true // nothing here outlives the run
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peerURL}, []url.URL{*peerURL}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer server.Close()
	timeout := time.NewTimer(etcdTimeout)
	defer timeout.Stop()
	select {
	case <-server.Server.ReadyNotify():
	case <-timeout.C:
		return fmt.Errorf("not ready after %s", etcdTimeout)
	case err := <-server.Err():
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.Err():
		return err
	}
}
