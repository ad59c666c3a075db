package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

func (a *app) enclaveCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "enclave", Short: "Make, look at, stop, start and remove enclaves"})
	cmd.AddCommand(a.enclaveAddCommand(), a.enclaveListCommand(), a.enclaveInspectCommand(), a.enclaveStopCommand(), a.enclaveStartCommand(),
		a.enclaveConnectCommand(), a.enclaveDumpCommand(), a.enclaveRemoveCommand())
	return cmd
}

// enclaveDocument is an enclave as JSON.
type enclaveDocument struct {
	UUID       string    `json:"uuid"`
	Name       string    `json:"name"`
	Status     string    `json:"status"`
	Created    time.Time `json:"created"`
	Production bool      `json:"production"`
	Subnet     string    `json:"subnet,omitempty"`
}

func enclaveOf(e backends.Enclave) enclaveDocument {
	return enclaveDocument{e.UUID, e.Name, string(e.Status), e.Created, e.Production, e.Subnet}
}

func (a *app) enclaveListCommand() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "List the enclaves",
		Example: "  kurtosis enclave ls\n  kurtosis enclave ls -o json",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []client.EnclaveInfo
			err := a.withEngine(cmd.Context(), needEnclaves, func(s *session) (err error) {
				list, err = s.List(cmd.Context())
				return err
			})
			if err != nil && !errors.Is(err, errNoEngine) {
				return err
			}
			return a.listEnclaves(list, full)
		},
	}
	cmd.Flags().BoolVar(&full, "full-uuids", false, "show UUIDs whole")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) listEnclaves(list []client.EnclaveInfo, full bool) error {
	if a.output == formatJSON {
		docs := make([]enclaveDocument, len(list))
		for i, e := range list {
			docs[i] = enclaveOf(e.Enclave)
		}
		a.printJSON(docs)
		return nil
	}
	table := ui.Table{Head: []string{"UUID", "Name", "Status", "Creation Time"}}
	for _, e := range list {
		table.Rows = append(table.Rows, []string{shown(e.UUID, full), e.Name, string(e.Status), e.Created.Local().Format(time.RFC1123)})
	}
	return table.Write(a.Out, a.outStyle())
}

// shown is a UUID as listings show it.
func shown(uuid string, full bool) string {
	if full {
		return uuid
	}
	return backends.ShortUUID(uuid)
}

// outStyle is the style of standard output.
func (a *app) outStyle() ui.Style { return ui.StyleOf(a.Out, os.Getenv) }

func (a *app) warn(message, hint string) {
	fmt.Fprintf(a.Err, "%s %s\n", a.style.Yellow("warning:"), message)
	if hint != "" {
		fmt.Fprintf(a.Err, "%s %s\n", a.style.Bold("hint:"), hint)
	}
}

func (a *app) enclaveInspectCommand() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use:               "inspect ENCLAVE",
		Short:             "Show an enclave's services, files artifacts and last run",
		Example:           "  kurtosis enclave inspect demo\n  kurtosis enclave inspect demo -o json",
		Args:              operands(1, "the enclave"),
		ValidArgsFunction: a.completeEnclaves,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.find(ctx, args[0], func(s *session, found client.EnclaveInfo) error {
				if !found.Running() {
					return a.inspectStopped(ctx, s, found, full)
				}
				e, err := s.dial(found)
				if err != nil {
					return err
				}
				defer e.Close()
				return a.inspectEnclave(ctx, found, e, full)
			})
		},
	}
	cmd.Flags().BoolVar(&full, "full-uuids", false, "show UUIDs whole")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// inspectDocument is all that is known of an enclave, as JSON.
type inspectDocument struct {
	enclaveDocument
	Services  []serviceDocument  `json:"services"`
	Artifacts []artifactDocument `json:"files_artifacts"`
	LastRun   *state.Run         `json:"last_run,omitempty"`
	Holder    *state.Holder      `json:"in_use_by,omitempty"`
}

type serviceDocument struct {
	UUID     string       `json:"uuid"`
	Name     string       `json:"name"`
	Status   string       `json:"status"`
	Reason   string       `json:"reason,omitempty"`
	ExitCode *int         `json:"exit_code,omitempty"`
	Image    string       `json:"image"`
	Address  string       `json:"address"`
	Hostname string       `json:"hostname"`
	Ports    []event.Port `json:"ports"`
}

type artifactDocument struct {
	UUID  string `json:"uuid"`
	Name  string `json:"name"`
	Size  int64  `json:"size"`
	Files int    `json:"files"`
}

func serviceOf(s backends.Service) serviceDocument {
	doc := serviceDocument{
		UUID: s.UUID, Name: s.Name, Status: string(s.State), Reason: s.Reason, Image: s.Image,
		Address: s.Address, Hostname: s.Hostname, Ports: execute.Ports(s),
	}
	if s.State == backends.Stopped {
		doc.ExitCode = &s.ExitCode
	}
	return doc
}

func (a *app) inspectEnclave(ctx context.Context, found client.EnclaveInfo, e *client.Enclave, full bool) error {
	doc, err := inspection(ctx, found, e)
	if err != nil {
		return err
	}
	return a.showInspection(doc, full)
}

// inspection is what an API container tells about its enclave, as a document.
func inspection(ctx context.Context, found client.EnclaveInfo, e *client.Enclave) (inspectDocument, error) {
	held, err := e.Inspect(ctx)
	if err != nil {
		return inspectDocument{}, err
	}
	doc := inspectDocument{
		enclaveDocument: enclaveOf(found.Enclave), Services: []serviceDocument{}, Artifacts: []artifactDocument{},
		LastRun: held.LastRun, Holder: held.Holder,
	}
	doc.Status = string(held.Enclave.Status)
	for _, s := range held.Services {
		doc.Services = append(doc.Services, serviceOf(s.Service))
	}
	for _, artifact := range held.Artifacts {
		doc.Artifacts = append(doc.Artifacts, artifactDocument{artifact.UUID, artifact.Name, artifact.Size, artifact.Files})
	}
	slices.SortFunc(doc.Artifacts, func(a, b artifactDocument) int { return cmp.Compare(a.Name, b.Name) })
	return doc, nil
}

// inspectStopped shows what there is to see of an enclave whose API container doesn't run: its services. Files
// artifacts and runs are in its data.
func (a *app) inspectStopped(ctx context.Context, s *session, found client.EnclaveInfo, full bool) error {
	services, err := s.backend.ListServices(ctx, found.UUID)
	if err != nil {
		return err
	}
	doc := inspectDocument{enclaveDocument: enclaveOf(found.Enclave), Services: []serviceDocument{}, Artifacts: []artifactDocument{}}
	for _, service := range services {
		doc.Services = append(doc.Services, serviceOf(service))
	}
	if err := a.showInspection(doc, full); err != nil {
		return err
	}
	a.warn("the enclave is stopped: its files artifacts and its last run are not shown", fmt.Sprintf("'kurtosis enclave start %s' starts it", found.Name))
	return nil
}

func (a *app) showInspection(doc inspectDocument, full bool) error {
	if a.output == formatJSON {
		a.printJSON(doc)
		return nil
	}
	return a.writeInspect(doc, full)
}

// sectionWidth is how wide the heads of inspect's sections are.
const sectionWidth = 100

func section(title string) string {
	left := (sectionWidth - len(title) - 2) / 2
	right := sectionWidth - len(title) - 2 - left
	return strings.Repeat("=", left) + " " + title + " " + strings.Repeat("=", right)
}

func (a *app) writeInspect(doc inspectDocument, full bool) error {
	style := a.outStyle()
	line := func(key, value string) { fmt.Fprintf(a.Out, "%-17s%s\n", key+":", value) }
	line("Name", doc.Name)
	line("UUID", shown(doc.UUID, full))
	line("Status", doc.Status)
	line("Creation Time", doc.Created.Local().Format(time.RFC1123))
	flags := ""
	if doc.Production {
		flags = "production"
	}
	line("Flags", flags)
	if said := lastRun(doc.LastRun, doc.Holder); said != "" {
		line("Last Run", strings.ReplaceAll(said, "\n", "\n"+strings.Repeat(" ", 17)))
	}
	fmt.Fprintf(a.Out, "\n%s\n", section("Files Artifacts"))
	artifacts := ui.Table{Head: []string{"UUID", "Name"}}
	for _, artifact := range doc.Artifacts {
		artifacts.Rows = append(artifacts.Rows, []string{shown(artifact.UUID, full), artifact.Name})
	}
	if err := artifacts.Write(a.Out, style); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\n%s\n", section("User Services"))
	services := ui.Table{Head: []string{"UUID", "Name", "Ports", "Status"}}
	slices.SortFunc(doc.Services, func(a, b serviceDocument) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range doc.Services {
		services.Rows = append(services.Rows, []string{shown(s.UUID, full), s.Name, portLines(s.Ports), s.Status})
	}
	return services.Write(a.Out, style)
}

// portLines is a service's ports, a line each: "http: 80/tcp -> http://127.0.0.1:57335".
func portLines(ports []event.Port) string {
	lines := make([]string, len(ports))
	for i, p := range ports {
		text := fmt.Sprintf("%s: %d/%s", p.ID, p.Number, strings.ToLower(p.Transport))
		if p.Public != "" {
			public := p.Public
			if p.Application != "" {
				public = p.Application + "://" + public
			}
			text += " -> " + public
		}
		lines[i] = text
	}
	if len(lines) == 0 {
		return "<none>"
	}
	return strings.Join(lines, "\n")
}

// lastRun explains a run that did not succeed, or that goes on; the others need no word.
func lastRun(run *state.Run, holder *state.Holder) string {
	switch {
	case run == nil || run.Status == state.RunSucceeded && holder == nil:
		return ""
	case holder != nil:
		said := fmt.Sprintf("going on: %s, since %s", holder.Purpose, holder.Since.Local().Format(time.RFC1123))
		if run.Status == state.RunRunning {
			said += fmt.Sprintf("\n%d of %d steps done%s", run.Executed+run.Skipped, run.Total, at(run.Current))
		}
		return said
	case run.Status == state.RunRunning:
		return fmt.Sprintf("killed at %s\n%d of %d steps were done%s\nrun the package again to go on from there",
			run.Started.Local().Format(time.RFC1123), run.Executed+run.Skipped, run.Total, at(run.Current))
	}
	said := string(run.Status)
	if !run.Ended.IsZero() {
		said += " at " + run.Ended.Local().Format(time.RFC1123)
	}
	said += fmt.Sprintf("\n%d of %d steps were done", run.Executed+run.Skipped, run.Total)
	if run.Error != "" {
		said += "\n" + run.Error
	}
	return said
}

func at(current []string) string {
	if len(current) == 0 {
		return ""
	}
	return ", the last one begun is " + strings.Join(current, ", ")
}

func (a *app) enclaveRemoveCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:               "rm ENCLAVE...",
		Short:             "Remove enclaves with all that is in them",
		Example:           "  kurtosis enclave rm demo\n  kurtosis enclave rm -f demo other",
		Args:              someEnclaves,
		ValidArgsFunction: a.completeEnclaveList,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.findAll(ctx, args, func(s *session, list []client.EnclaveInfo) error {
				removed := []enclaveDocument{}
				for _, enclave := range list {
					if !force {
						if err := a.removable(ctx, s, enclave); err != nil {
							return err
						}
					}
					if _, err := s.Remove(ctx, enclave.UUID); err != nil {
						return err
					}
					removed = append(removed, enclaveOf(enclave.Enclave))
					if a.output != formatJSON {
						fmt.Fprintln(a.Out, enclave.Name)
					}
				}
				if a.output == formatJSON {
					a.printJSON(removed)
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "remove them also while services run in them")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// someEnclaves wants one operand or more.
func someEnclaves(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return &usageError{"the enclave is missing", "usage: " + cmd.UseLine()}
	}
	return nil
}

// removable asks whether an enclave in which something runs is to be removed.
func (a *app) removable(ctx context.Context, s *session, found client.EnclaveInfo) error {
	if found.Running() {
		e, err := s.dial(found)
		if err != nil {
			return err
		}
		defer e.Close()
		held, err := e.Inspect(ctx)
		if err != nil {
			return err
		}
		if held.Holder != nil {
			busy := &runtime.BusyError{Enclave: found.Name, Holder: *held.Holder}
			return a.confirm(busy.Error(), "remove it?")
		}
	}
	if found.Status != backends.EnclaveRunning {
		return nil
	}
	return a.confirm(fmt.Sprintf("enclave '%s' has running services", found.Name), "remove it?")
}

// findAll finds enclaves, all of them before anything is done to one.
func (a *app) findAll(ctx context.Context, identifiers []string, do func(*session, []client.EnclaveInfo) error) error {
	var list []client.EnclaveInfo
	return a.find(ctx, identifiers[0], func(s *session, first client.EnclaveInfo) error {
		list = append(list, first)
		for _, identifier := range identifiers[1:] {
			found, err := s.Find(ctx, identifier)
			if err != nil {
				return err
			}
			list = append(list, found)
		}
		return do(s, list)
	})
}

// confirm asks a person; where nobody can answer it refuses.
func (a *app) confirm(fact, question string) error {
	in, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return &faultError{fact, "-f does it all the same"}
	}
	fmt.Fprintf(a.Err, "%s; %s [y/N] ", fact, question)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return &faultError{"nothing was removed", ""}
	}
	return nil
}
