#!/bin/bash
# A real single-node Kubernetes on this machine, for tests: its own container runtime, bridge and state, no registry.
#
#   scripts/cluster.sh up       build the binary if no cached one fits, start, wait until Pods can run;
#                               prints the variables that tests read, as `export` lines
#   scripts/cluster.sh down     stop and remove what "up" made, and nothing else
#   scripts/cluster.sh halt NAME, again NAME   end a component, e.g. apiserver, and start it as it was
#   scripts/cluster.sh build    build (or find) the binary alone, print its path
#
# Needs root. State lies under ROOT (default /var/tmp/kurtosis-cluster), the binary under the user's cache directory, by
# the hash of its sources. A cold build takes about seven minutes on two cores; up takes about ten seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
sources=testdata/cluster
root=${ROOT:-/var/tmp/kurtosis-cluster}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kurtosis/cluster
node=node bridge=kt-cluster0 pods=10.244.0.0/22 address=10.244.0.1 services=10.96.0.0/16 port=6443
version=v1.35.8
admin=$root/pki/admin.kubeconfig
socket=$root/containerd.sock
PATH=$PATH:/usr/sbin:/sbin
began=$(date +%s%N)

say() { printf 'cluster.sh: %s\n' "$*" >&2; }
lap() { say "$(( ($(date +%s%N) - began) / 1000000 )) ms: $*"; }

# build prints the path of the binary that fits the sources.
build() {
	local key dir version_flags
	key=$(cat "$sources"/*.go "$sources"/pause/*.go "$sources"/go.mod "$sources"/go.sum <(go env GOVERSION; echo $version; declare -f build) | sha256sum | cut -c1-16)
	dir=$cache/$key
	if [ ! -x "$dir/cluster" ]; then
		say "building Kubernetes $version (minutes, the first time)"
		mkdir -p "$cache/new.$$"
		version_flags="-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35 -X k8s.io/client-go/pkg/version.gitVersion=$version"
		(cd "$sources" && CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -tags grpcnotrace,providerless -ldflags "-s -w $version_flags" -o "$cache/new.$$/cluster" . &&
			CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -ldflags '-s -w' -o "$cache/new.$$/pause" ./pause) >&2
		mkdir -p "$dir" && mv "$cache/new.$$"/* "$dir/" && rmdir "$cache/new.$$"
		find "$cache" -mindepth 1 -maxdepth 1 -type d ! -name "$key" -mtime +7 -exec rm -rf {} + # what sources left behind
	fi
	echo "$dir/cluster"
}

# start NAME COMMAND…: in a session of its own, so that it outlives this script.
start() {
	local name=$1
	shift
	printf '%q ' "$@" >"$root/pid/$name.command"
	setsid "$@" >>"$root/log/$name.log" 2>&1 </dev/null &
	echo $! >"$root/pid/$name"
}

# wait_for WHAT SECONDS COMMAND…
wait_for() {
	local what=$1 left=$(($2 * 10))
	shift 2
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		if [ $left -le 0 ]; then
			say "$what: not in time; last lines of the logs in $root/log:"
			tail -qn 3 "$root"/log/*.log >&2
			exit 1
		fi
		sleep 0.1
	done
	lap "$what"
}

# alive PID: a zombie is not, which some init processes leave for seconds.
alive() { grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; }

# ours PID NAME: whether the process is the one that "start" wrote down, and not a later one of the same number.
ours() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -e "$root" -e "$cache"; }

# stop NAME SIGNAL: end one process that "start" began, by force after ten seconds.
stop() {
	local pid
	pid=$(cat "$root/pid/$1" 2>/dev/null) || return 0
	ours "$pid" || return 0
	kill "-$2" "$pid" 2>/dev/null || return 0
	for _ in $(seq 100); do
		alive "$pid" || return 0
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null || true
}

down() {
	[ -d "$root/pid" ] || return 0
	local bin pid mount
	bin=$(cat "$root/binary")
	# Pods first, while the runtime answers, so that their networks and mounts are undone in order.
	stop kubelet TERM
	[ ! -S "$socket" ] || "$bin" sandboxes -socket "$socket" || true
	for name in policies volumes dns scheduler controller-manager apiserver proxy etcd; do stop $name KILL; done
	"$bin" proxy --cleanup >/dev/null 2>&1 || true
	"$bin" policies -remove >/dev/null 2>&1 || true
	stop containerd TERM
	for pid in $(pgrep -f "containerd-shim-runc-v2 .*-address $socket" || true); do kill -9 "$pid" 2>/dev/null || true; done
	awk -v r="$root/" 'index($5, r) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r mount; do umount -l "$mount" || true; done
	find /sys/fs/cgroup -depth -type d -path '*/kurtosis-cluster*' -exec rmdir {} + 2>/dev/null || true
	ip link del $bridge 2>/dev/null || true
	rm -rf "$root"
	lap "down"
}

configure() {
	cat >"$root/containerd.toml" <<-C
		version = 2
		root = "$root/containerd/root"
		state = "$root/containerd/state"
		disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
		[grpc]
		  address = "$socket"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$root/containerd/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/pause:local"
		  disable_apparmor = true
		  restrict_oom_score_adj = true # a small machine may lack CAP_SYS_RESOURCE, which a pause container's -998 needs
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "/usr/lib/cni"
		    conf_dir = "$root/cni/net.d"
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "overlayfs"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		      runtime_type = "io.containerd.runc.v2"
	C
	# The plugin "firewall" lets Pods through where Docker drops what is forwarded.
	cat >"$root/cni/net.d/10-cluster.conflist" <<-C
		{"cniVersion": "1.0.0", "name": "kurtosis-cluster", "plugins": [
		  {"type": "bridge", "bridge": "$bridge", "isGateway": true, "ipMasq": true, "hairpinMode": true,
		   "ipam": {"type": "host-local", "dataDir": "$root/cni/ipam",
		            "ranges": [[{"subnet": "$pods", "rangeStart": "10.244.0.10", "gateway": "$address"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		  {"type": "portmap", "capabilities": {"portMappings": true}},
		  {"type": "firewall"}]}
	C
	printf 'nameserver 127.0.0.53\n' >"$root/resolv.conf"
	cat >"$root/kubelet.yaml" <<-C
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $root/pki/ca.crt}}
		authorization: {mode: Webhook}
		address: $address
		tlsCertFile: $root/pki/kubelet.crt
		tlsPrivateKeyFile: $root/pki/kubelet.key
		containerRuntimeEndpoint: unix://$socket
		cgroupDriver: cgroupfs
		cgroupRoot: /kurtosis-cluster
		failCgroupV1: false
		failSwapOn: false
		clusterDomain: cluster.local
		clusterDNS: [$address]
		resolvConf: $root/resolv.conf
		podLogsDir: $root/pod-logs
		volumePluginDir: $root/volumeplugins
		evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
		imageMinimumGCAge: 87600h
		imageGCHighThresholdPercent: 100
		nodeStatusReportFrequency: 10s
		nodeStatusMaxImages: -1
		registerNode: true
		maxPods: 600
		registryPullQPS: 0
	C
	cat >"$root/proxy.yaml" <<-C
		apiVersion: kubeproxy.config.k8s.io/v1alpha1
		kind: KubeProxyConfiguration
		mode: iptables
		clusterCIDR: $pods
		hostnameOverride: $node
		clientConnection: {kubeconfig: $root/pki/proxy.kubeconfig}
		conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
		iptables: {minSyncPeriod: 100ms}
		healthzBindAddress: 127.0.0.1:10256
		metricsBindAddress: 127.0.0.1:10249
	C
}

# cgroups makes the kubelet's own corner, so that "down" can tell what it may remove.
cgroups() {
	local controller
	if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
		mkdir -p /sys/fs/cgroup/kurtosis-cluster
		return
	fi
	for controller in /sys/fs/cgroup/*/; do mkdir -p "${controller}kurtosis-cluster" 2>/dev/null || true; done
	for controller in cpus mems; do # empty ones admit nobody
		[ ! -f /sys/fs/cgroup/cpuset/cpuset.$controller ] || cat /sys/fs/cgroup/cpuset/cpuset.$controller >/sys/fs/cgroup/cpuset/kurtosis-cluster/cpuset.$controller
	done
}

up() {
	[ "$(id -u)" = 0 ] || { say "needs root"; exit 1; }
	[ ! -d "$root/pid" ] || { say "$root is in use: scripts/cluster.sh down first"; exit 1; }
	scripts/ensure.sh containerd runc iptables iproute2 procps containernetworking-plugins busybox-static >&2
	local bin
	bin=$(build)
	lap "binary"
	mkdir -p "$root"/{log,pid,pki,etcd,kubelet,containerd,cni/net.d,volumes}
	echo "$bin" >"$root/binary"
	kubectl() { "$bin" kubectl --kubeconfig "$admin" "$@"; }
	"$bin" certs -dir "$root/pki" -server "https://$address:$port" -node $node -sans "127.0.0.1,$address,10.96.0.1"
	# The bridge of the Pods exists from the start: its address is the node's and the API server's.
	ip link add $bridge type bridge
	ip address replace $address/22 dev $bridge
	ip link set $bridge up
	sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1
	mount --make-rshared / 2>/dev/null || true
	cgroups
	configure

	start etcd "$bin" etcd -data-dir "$root/etcd"
	start containerd containerd --config "$root/containerd.toml"
	start apiserver "$bin" apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address=$address --secure-port=$port \
		--service-cluster-ip-range=$services --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
		--client-ca-file="$root/pki/ca.crt" --tls-cert-file="$root/pki/apiserver.crt" --tls-private-key-file="$root/pki/apiserver.key" \
		--kubelet-certificate-authority="$root/pki/ca.crt" --kubelet-client-certificate="$root/pki/apiserver-kubelet-client.crt" \
		--kubelet-client-key="$root/pki/apiserver-kubelet-client.key" --kubelet-preferred-address-types=InternalIP \
		--service-account-issuer=https://kubernetes.default.svc.cluster.local --service-account-key-file="$root/pki/sa.pub" \
		--service-account-signing-key-file="$root/pki/sa.key" --requestheader-client-ca-file="$root/pki/ca.crt" \
		--requestheader-allowed-names=front-proxy-client --requestheader-username-headers=X-Remote-User \
		--requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
		--proxy-client-cert-file="$root/pki/front-proxy-client.crt" --proxy-client-key-file="$root/pki/front-proxy-client.key" \
		--allow-privileged=true --profiling=false
	wait_for "container runtime" 30 ctr -a "$socket" version
	"$bin" image -o "$root/pause.tar" -name localhost/pause:local -entrypoint /pause "$(dirname "$bin")/pause=/pause"
	ctr -a "$socket" -n k8s.io images import "$root/pause.tar" >/dev/null
	wait_for "API server" 60 kubectl get --raw /readyz
	start controller-manager "$bin" controller-manager --kubeconfig="$root/pki/controller-manager.kubeconfig" \
		--authentication-kubeconfig="$root/pki/controller-manager.kubeconfig" --authorization-kubeconfig="$root/pki/controller-manager.kubeconfig" \
		--service-account-private-key-file="$root/pki/sa.key" --root-ca-file="$root/pki/ca.crt" --use-service-account-credentials=true \
		--leader-elect=false --bind-address=127.0.0.1 --client-ca-file="$root/pki/ca.crt" --allocate-node-cidrs=false --cluster-cidr=$pods
	start scheduler "$bin" scheduler --kubeconfig="$root/pki/scheduler.kubeconfig" --authentication-kubeconfig="$root/pki/scheduler.kubeconfig" \
		--authorization-kubeconfig="$root/pki/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1
	start kubelet "$bin" kubelet --config="$root/kubelet.yaml" --kubeconfig="$root/pki/kubelet.kubeconfig" --root-dir="$root/kubelet" \
		--cert-dir="$root/kubelet/pki" --hostname-override=$node --node-ip=$address
	start dns "$bin" dns -kubeconfig="$admin" -listen="$address:53"
	start proxy "$bin" proxy --config="$root/proxy.yaml"
	start volumes "$bin" volumes -kubeconfig="$admin" -dir="$root/volumes"
	start policies "$bin" policies -kubeconfig="$admin" -node-ip=$address
	ready() { kubectl get node $node -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -q True; }
	enforcing() { iptables -w -C FORWARD -j TEST-CLUSTER-POLICY; }
	answering() { (exec 3<>/dev/tcp/127.0.0.1/10256); }
	wait_for "node ready" 90 ready
	wait_for "default service account" 60 kubectl -n default get serviceaccount default
	wait_for "storage class" 30 kubectl get storageclass host-path
	wait_for "service addresses" 60 answering
	wait_for "network policies" 30 enforcing
	echo "export KUBECONFIG=$admin"
	echo "export KURTOSIS_TEST_CONTAINERD=$socket"
	echo "export KURTOSIS_TEST_CLUSTER=own"
}

# halt NAME and again NAME: a component dies, and comes back as it was.
halt() { stop "$1" KILL; }
again() {
	eval "start $1 $(cat "$root/pid/$1.command")"
	[ "$1" != apiserver ] || wait_for "API server" 60 "$(cat "$root/binary")" kubectl --kubeconfig "$admin" get --raw /readyz
}

case "${1:-}" in
halt | again) "$1" "${2:?which component}" ;;
up) up ;;
down) down ;;
build) build ;;
*) say "usage: scripts/cluster.sh up|down|build|halt NAME|again NAME"; exit 2 ;;
esac
