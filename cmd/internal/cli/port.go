package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
)

func (a *app) portCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "port", Short: "Where ports can be reached"})
	var form string
	show := &cobra.Command{
		Use:   "print ENCLAVE SERVICE PORT",
		Short: "Print where a service's port can be reached from this machine",
		Long: `Print where a service's port can be reached from this machine.

--format names what is printed, comma-separated: protocol, ip, number.`,
		Example: `  kurtosis port print demo web http                     http://127.0.0.1:32768
  kurtosis port print demo web http --format ip,number  127.0.0.1:32768
  kurtosis port print demo web http --format number     32768`,
		Args:              operands(3, "the enclave", "the service", "the port's id"),
		ValidArgsFunction: a.completePorts,
		RunE: func(cmd *cobra.Command, args []string) error {
			parts, err := portFormat(form)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return a.withService(ctx, args[0], args[1], func(_ *client.Enclave, service client.Service) error {
				port, err := published(service.Service, args[2])
				if err != nil {
					return err
				}
				if a.output == formatJSON {
					a.printJSON(portDocument{args[2], port.Application, string(port.Protocol()), port.Address, int(port.Number)})
					return nil
				}
				fmt.Fprintln(a.Out, formatPort(port, parts))
				return nil
			})
		},
	}
	show.Flags().StringVar(&form, "format", "protocol,ip,number", "what is printed: any of protocol, ip and number")
	a.outputFlag(show, formatJSON)
	cmd.AddCommand(show)
	return cmd
}

type portDocument struct {
	ID        string `json:"id"`
	Protocol  string `json:"protocol,omitempty"`
	Transport string `json:"transport"`
	IP        string `json:"ip"`
	Number    int    `json:"number"`
}

func portFormat(form string) ([]string, error) {
	parts := strings.Split(form, ",")
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
		if !slices.Contains([]string{"protocol", "ip", "number"}, parts[i]) {
			return nil, &usageError{fmt.Sprintf("--format can't be '%s': '%s' isn't one of protocol, ip, number", form, parts[i]), ""}
		}
	}
	return parts, nil
}

// published finds a port as it can be reached from here, or says why it cannot.
func published(s backends.Service, id string) (backends.Endpoint, error) {
	if port, ok := s.Published[id]; ok {
		return port, nil
	}
	if _, ok := s.Ports[id]; !ok {
		hint := "it has no ports"
		if len(s.Ports) > 0 {
			hint = "it has " + strings.Join(slices.Sorted(maps.Keys(s.Ports)), ", ")
		}
		return backends.Endpoint{}, &faultError{fmt.Sprintf("service '%s' has no port '%s'", s.Name, id), hint}
	}
	if s.State == backends.Stopped {
		return backends.Endpoint{}, &faultError{fmt.Sprintf("service '%s' is stopped", s.Name), ""}
	}
	hint := "on Docker UDP ports are published with publish_udp=True; clusters forward TCP alone, public_ports opens UDP ports on their nodes"
	if s.Ports[id].Protocol() != backends.UDP {
		hint = "--no-connect keeps it off, and a cluster is elsewhere: 'kurtosis gateway' brings its services to this machine"
	}
	return backends.Endpoint{}, &faultError{fmt.Sprintf("port '%s' of service '%s' isn't published on this machine", id, s.Name), hint}
}

func formatPort(p backends.Endpoint, parts []string) string {
	protocol := ""
	var rest []string
	for _, part := range parts {
		switch part {
		case "protocol":
			protocol = p.Application
		case "ip":
			rest = append(rest, p.Address)
		case "number":
			rest = append(rest, fmt.Sprint(p.Number))
		}
	}
	text := strings.Join(rest, ":")
	switch {
	case protocol == "":
		return text
	case text == "":
		return protocol
	}
	return protocol + "://" + text
}
