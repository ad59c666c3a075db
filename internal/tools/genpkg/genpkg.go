// Package genpkg writes a large Kurtosis package for benches and soak tests. Its statements are mixed as in large
// real packages: mostly assignments of dictionaries, command lists built up under conditions, calls with many
// keyword arguments, string formatting, a third of the lines inside multi-line literals. Run without arguments it starts
// a service for each module, about twice as many as large real packages of this size do.
package genpkg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Modules and Lines are the size of the largest package that is in use at the time of writing.
const (
	Modules = 105
	Lines   = 23000
)

// Name is the generated package's name.
const Name = "github.com/kurtosis-go/generated"

// Files returns the package's files by slash-separated name: n modules besides main.star, each about
// lines/n long. The same arguments give the same bytes.
func Files(n, lines int) map[string]string {
	files := map[string]string{
		"kurtosis.yml":         "name: " + Name + "\n",
		"src/constants.star":   constants(),
		"src/shared.star":      shared(),
		"templates/node.toml":  "name = \"{{.name}}\"\nport = {{.port}}\n",
		"templates/extra.json": "{}\n",
	}
	modules := max(1, n-3) // main, constants and shared are modules too
	per := max(60, lines/max(1, n))
	for i := range modules {
		files[fmt.Sprintf("src/client_%03d/launcher.star", i)] = launcher(i, per)
	}
	files["main.star"] = mainModule(modules)
	return files
}

// Write puts Files into dir.
func Write(dir string, n, lines int) error {
	for name, text := range Files(n, lines) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func constants() string {
	var b strings.Builder
	b.WriteString("\"\"\"Names and numbers that all clients share.\"\"\"\n\n")
	for i := range 40 {
		fmt.Fprintf(&b, "PORT_ID_%02d = \"port-%02d\"\n", i, i)
	}
	b.WriteString("\nNETWORKS = struct(\n")
	for i := range 20 {
		fmt.Fprintf(&b, "    network_%02d=\"network-%02d\",\n", i, i)
	}
	b.WriteString(")\n\nPUBLIC_NETWORKS = [\"mainnet\", \"testnet\", \"hoodi\"]\n\nDEFAULT_LABELS = {\n")
	for i := range 10 {
		fmt.Fprintf(&b, "    \"label-%d\": \"value-%d\",\n", i, i)
	}
	b.WriteString("}\n")
	return b.String()
}

func shared() string {
	return `"""Helpers that all clients share."""

constants = import_module("./constants.star")


def port_spec(number, protocol="TCP", application="", wait=None):
    """Makes a port.

    Args:
        number (int): The port's number.
        protocol (string): TCP or UDP.
        application (string): What is spoken there.
        wait (string): How long to wait for it.
    """
    if application == "":
        return PortSpec(number=number, transport_protocol=protocol, wait=wait)
    return PortSpec(
        number=number,
        transport_protocol=protocol,
        application_protocol=application,
        wait=wait,
    )


def port_specs(assignments):
    ports = {}
    for name in assignments:
        if name.endswith("udp"):
            ports[name] = port_spec(assignments[name], "UDP")
        else:
            ports[name] = port_spec(assignments[name], "TCP", "http")
    return ports


def join(items, separator=","):
    text = ""
    for index, item in enumerate(items):
        if index > 0:
            text += separator
        text += str(item)
    return text


def is_public(network):
    return network in constants.PUBLIC_NETWORKS
`
}

func launcher(i, lines int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `"""Starts client %[1]d."""

constants = import_module("../constants.star")
shared = import_module("../shared.star")

HTTP_PORT = %[2]d
METRICS_PORT = %[3]d
DISCOVERY_PORT = %[4]d
DATA_DIR = "/data/client-%[1]d"

VERBOSITY = {
    "error": "1",
    "warn": "2",
    "info": "3",
    "debug": "4",
}


def launch(plan, name, network, log_level="info", extra_args=[], peers=[], config=None):
    """Starts one instance.

    Args:
        name (string): The service's name.
        network (string): The network to join.
        log_level (string): error, warn, info or debug.
        extra_args (list[string]): More arguments of the command line.
        peers (list[string]): Host names of the peers.

    Returns:
        struct: How to reach the instance.
    """
    settings = derive(network, log_level, len(peers))
    service_config = get_config(
        plan,
        name,
        network,
        VERBOSITY[log_level],
        extra_args,
        peers,
        settings,
        config,
    )
    service = plan.add_service(name, service_config)
    return struct(
        name=name,
        hostname=service.hostname,
        url="http://{0}:{1}".format(service.hostname, HTTP_PORT),
        metrics_port=METRICS_PORT,
    )


def get_config(plan, name, network, verbosity, extra_args, peers, settings, config):
    assignments = {
        "http": HTTP_PORT,
        "metrics": METRICS_PORT,
        "discovery": DISCOVERY_PORT,
        "discovery-udp": DISCOVERY_PORT,
    }
    ports = shared.port_specs(assignments)
    cmd = [
        "client-%[1]d",
        "--verbosity=" + verbosity,
        "--datadir=" + DATA_DIR,
        "--http.port={0}".format(HTTP_PORT),
        # Metrics
        "--metrics",
        "--metrics.port={0}".format(METRICS_PORT),
    ]
    if len(peers) > 0:
        cmd.append("--peers=" + shared.join(peers))
    if not shared.is_public(network):
        cmd.append("--network.custom=" + network)
    else:
        cmd.append("--network=" + network)
    if len(extra_args) > 0:
        cmd.extend([arg for arg in extra_args])
    for key in settings:
        cmd.append("--{0}={1}".format(key, settings[key]))
    files = {}
    if config != None:
        files["/config"] = config
    return ServiceConfig(
        image="example/client-%[1]d:1.0",
        ports=ports,
        cmd=cmd,
        files=files,
        env_vars={"NETWORK": network, "NAME": name},
        labels=constants.DEFAULT_LABELS,
        private_ip_address_placeholder="IP_PLACEHOLDER",
        min_cpu=50,
        max_cpu=1000,
        min_memory=128,
        max_memory=1024,
    )


def derive(network, log_level, peer_count):
    settings = {}
`, i, 8000+i, 9000+i, 30000+i)
	used := strings.Count(b.String(), "\n")
	for k := 0; used < lines-8; k++ {
		step := fmt.Sprintf(`    # Setting %[1]d depends on the network and on what came before.
    value_%[1]d = (peer_count + %[1]d) * 3
    if network == constants.NETWORKS.network_%02[2]d and value_%[1]d > 4:
        settings["option.%[1]d"] = "{0}-{1}".format(network, value_%[1]d)
    elif log_level in ["debug", "trace"]:
        settings["option.%[1]d"] = log_level + str(value_%[1]d)
    else:
        settings["option.%[1]d"] = shared.join(
            [
                value_%[1]d,
                peer_count,
                "fixed-%[1]d",
            ],
            separator=":",
        )
`, k, k%20)
		b.WriteString(step)
		used += strings.Count(step, "\n")
		if k%8 == 7 {
			next := fmt.Sprintf("    derive_%d(settings, network, log_level, peer_count)\n    return settings\n\n\ndef derive_%d(settings, network, log_level, peer_count):\n", k, k)
			b.WriteString(next)
			used += strings.Count(next, "\n")
		}
	}
	b.WriteString("    return settings\n")
	return b.String()
}

func mainModule(modules int) string {
	var b strings.Builder
	b.WriteString("\"\"\"A large generated package.\"\"\"\n\nshared = import_module(\"./src/shared.star\")\n")
	for i := range modules {
		fmt.Fprintf(&b, "client_%03d = import_module(\"./src/client_%03d/launcher.star\")\n", i, i)
	}
	b.WriteString(`

def run(plan, network="network-01", instances=1, log_level="info"):
    """Starts all clients.

    Args:
        network (string): The network to join.
        instances (int): How many of each client.
        log_level (string): error, warn, info or debug.
    """
    config = plan.render_templates(
        name="config",
        config={
            "node.toml": struct(
                template=read_file("./templates/node.toml"),
                data={"name": network, "port": 1},
            ),
        },
    )
    peers = []
    for instance in range(instances):
`)
	for i := range modules {
		fmt.Fprintf(&b, `        started = client_%03[1]d.launch(
            plan,
            "client-%[1]d-{0}".format(instance),
            network,
            log_level=log_level,
            extra_args=["--instance={0}".format(instance)],
            peers=peers[-3:],
            config=config,
        )
        peers.append(started.hostname)
`, i)
	}
	b.WriteString("    plan.print(\"started {0} services\".format(len(peers)))\n    return struct(services=len(peers))\n")
	return b.String()
}
