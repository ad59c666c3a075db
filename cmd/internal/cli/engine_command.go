package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine"
	"github.com/kurtosis-go/kurtosis/engine/image"
)

// engineFlags say which engine, and how it is started.
type engineFlags struct {
	name      string
	port      uint16
	listen    string
	token     string
	tls       bool
	secret    string // certificate and key of an engine that is replaced
	replaces  bool   // there was one
	image     string
	retention time.Duration
	origins   []string
	github    string
}

func (a *app) engineCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{
		Use:   "engine",
		Short: "Run the engine that makes enclaves",
		Long: `Run the engine that makes enclaves.

The engine is a container that makes enclaves, each with an API container, over gRPC, gRPC-Web and
Connect on port 9710 of this machine. The commands of kurtosis talk to it, too, and start it where they need it.`,
	})
	cmd.AddCommand(a.engineStartCommand(), a.engineStopCommand(), a.engineRestartCommand(), a.engineStatusCommand(), a.engineLogsCommand(), a.engineImageCommand(), a.engineServeCommand())
	return cmd
}

// imageVariable names the image of a registry that engines are made of.
const imageVariable = "KURTOSIS_ENGINE_IMAGE"

// defaultListen is the address on which only this machine reaches an engine.
const defaultListen = "127.0.0.1"

func (f *engineFlags) declareName(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "name", "", "which engine, of several on one machine (default $"+engineVariable+", else "+engine.DefaultName+")")
}

// named fills in the engine's name.
func (f *engineFlags) named() error {
	if f.name != "" {
		return nil
	}
	var err error
	f.name, err = engineName()
	return err
}

func (f *engineFlags) declare(cmd *cobra.Command) {
	f.declareName(cmd)
	flags := cmd.Flags()
	flags.Uint16Var(&f.port, "port", engine.Port, "the port on this machine")
	flags.StringVar(&f.listen, "listen", defaultListen, "the address on this machine; others than loopback want a token")
	flags.StringVar(&f.token, "token", "", "what callers have to bring, as 'authorization: Bearer TOKEN' (default $"+engine.TokenVariable+")")
	flags.BoolVar(&f.tls, "tls", false, "speak TLS, with an authority of the engine's own that is kept beside the configuration")
	flags.StringVar(&f.image, "image", "", "the engine's image, of a registry (default $KURTOSIS_ENGINE_IMAGE, else one made of this program)")
	flags.DurationVar(&f.retention, "log-retention-period", engine.DefaultRetention, "how long the logs of services that are gone are kept")
	flags.StringSliceVar(&f.origins, "origin", nil, "web pages beyond this machine's that may call, as https://ui.example.com")
	flags.StringVar(&f.github, "github-auth-token", "", "a token for private packages on GitHub (default $KURTOSIS_GITHUB_TOKEN)")
	for _, name := range []string{"version", "log-level", "domain"} {
		flags.String(name, "", "accepted so that scripts written for the reference work")
		_ = flags.MarkHidden(name)
	}
	flags.Int("enclave-pool-size", 0, "likewise")
	_ = flags.MarkHidden("enclave-pool-size")
}

// complete fills in what the environment says.
func (f *engineFlags) complete() error {
	f.token = cmp.Or(f.token, os.Getenv(engine.TokenVariable))
	f.image = cmp.Or(f.image, namedImage())
	f.github = cmp.Or(f.github, os.Getenv("KURTOSIS_GITHUB_TOKEN"))
	return f.named()
}

func (f *engineFlags) check() error {
	if err := f.complete(); err != nil {
		return err
	}
	ip := net.ParseIP(f.listen)
	switch {
	case ip == nil:
		return &usageError{fmt.Sprintf("--listen can't be '%s': it must be an address of this machine", f.listen), "0.0.0.0 is all of them"}
	case !ip.IsLoopback() && f.token == "":
		return &usageError{fmt.Sprintf("--listen %s lets others call, who could then use Docker on this machine", f.listen), "give a --token that callers have to bring"}
	case f.port == 0:
		return &usageError{"--port can't be 0", ""}
	case f.retention <= 0:
		return &usageError{fmt.Sprintf("--log-retention-period can't be %s: it must be positive", f.retention), ""}
	}
	return nil
}

// engineDocument is an engine as JSON.
type engineDocument struct {
	Name      string `json:"name"`
	Status    string `json:"status"` // running, stopped, absent
	Address   string `json:"address,omitempty"`
	Build     string `json:"build,omitempty"`
	API       string `json:"api_version,omitempty"`
	Image     string `json:"image,omitempty"`
	Container string `json:"container,omitempty"`
	Outdated  bool   `json:"outdated,omitempty"` // made by another version of this program
}

func (a *app) engineStartCommand() *cobra.Command {
	f := &engineFlags{}
	cmd := &cobra.Command{
		Use: "start", Short: "Start an engine", Args: operands(0),
		Example: "  kurtosis engine start\n  kurtosis engine start --name second --port 9720",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.withSystems(cmd.Context(), func(b engine.Backend) error { return a.startEngine(cmd.Context(), b, f) })
		},
	}
	f.declare(cmd)
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) startEngine(ctx context.Context, b engine.Backend, f *engineFlags) error {
	found, ok, err := findEngine(ctx, b, f.name)
	if err != nil {
		return err
	}
	if ok && found.State == backends.Running {
		wanted, err := engineImage(ctx, b, f.image)
		if err != nil {
			return err
		}
		if found.Image != wanted.Ref {
			return otherVersion(f.name, found)
		}
		return a.showEngine(f.name, &found, "runs already", false)
	}
	if ok { // what it kept is in its volume
		if err := b.RemoveSystem(ctx, found.ID); err != nil {
			return err
		}
	}
	started, err := launchEngine(ctx, b, f)
	if err != nil {
		return err
	}
	if f.replaces || ok && found.Image != started.Image {
		a.dropImages(ctx, b)
	}
	return a.showEngine(f.name, &started, "runs", false)
}

// launchEngine starts an engine that doesn't exist, and waits until it answers.
func launchEngine(ctx context.Context, b engine.Backend, f *engineFlags) (backends.System, error) {
	info, err := b.Info(ctx)
	if err != nil {
		return backends.System{}, err
	}
	program, err := engineProgram(info.Platform)
	if err != nil {
		return backends.System{}, err
	}
	wanted, err := image.Of(info.Platform, f.image, program)
	if err != nil {
		return backends.System{}, err
	}
	if info.ClusterType == backends.Kubernetes && !wanted.HasPod() {
		return backends.System{}, errNoPod
	}
	if info.ClusterType == backends.Kubernetes && f.tls {
		return backends.System{}, &faultError{"--tls is of no use on a cluster", "what is said to an engine there goes through the cluster's own API, over TLS"}
	}
	env := environment()
	if f.token != "" {
		env[engine.TokenVariable] = f.token
	}
	if f.github != "" {
		env["KURTOSIS_GITHUB_TOKEN"] = f.github
	}
	if f.tls && f.secret == "" {
		if f.secret, err = makeTLS(f.name, f.listen, time.Now()); err != nil {
			return backends.System{}, err
		}
	}
	delete(env, tlsVariable)
	if f.tls {
		env[tlsVariable] = f.secret
	}
	command := []string{"engine", "serve", "--name", f.name, "--port", strconv.Itoa(engine.Port), "--image", wanted.Ref,
		"--data", engine.DataDir, "--publish", f.listen, "--log-retention-period", f.retention.String()}
	for _, origin := range f.origins {
		command = append(command, "--origin", origin)
	}
	labels := map[string]string{backends.LabelEngine: f.name, backends.LabelBuild: Version}
	if f.image == "" {
		labels[labelProgram] = fingerprint(program)
	}
	if f.tls {
		labels[labelTLS] = "true"
	}
	// By its name, so that of two that are started at the same time one is refused.
	started, err := startFrom(ctx, b, wanted, backends.SystemSpec{
		Kind: backends.ContainerTypeEngine, Name: backends.EngineName(f.name), UUID: backends.NewUUID(), Image: wanted.Ref, Command: command, Env: env,
		Labels: labels, Port: engine.Port, PublishAddress: f.listen, PublishPort: f.port,
		Volume: backends.EngineVolumeName(f.name), VolumeType: backends.VolumeTypeEngine, VolumePath: engine.DataDir, Control: true,
	})
	if err != nil {
		return backends.System{}, err
	}
	if err := engine.AwaitReady(ctx, b, started, time.Time{}); err != nil {
		return backends.System{}, errors.Join(err, b.RemoveSystem(context.WithoutCancel(ctx), started.ID))
	}
	return started, nil
}

// startAttempts is how often an image is made sure of that somebody else takes for one which nobody needs.
const startAttempts = 3

// startFrom starts a container of an image that may have to be made first.
func startFrom(ctx context.Context, b engine.Backend, from image.Image, spec backends.SystemSpec) (started backends.System, err error) {
	for range startAttempts {
		if err := from.Ensure(ctx, b); err != nil {
			return backends.System{}, noImage(err)
		}
		if started, err = b.StartSystem(ctx, spec); backends.KindOf(err) != backends.ImageNotFound {
			break
		}
	}
	return started, err
}

// dropImages removes the images made of programs of which nothing runs any more.
func (a *app) dropImages(ctx context.Context, b engine.Backend) {
	if err := b.RemoveSystemImages(ctx, image.Repository); err != nil && ctx.Err() == nil {
		a.warn("images of earlier engines are still there: "+err.Error(), "`docker image rm` removes them")
	}
}

// engineImage is the image that this program would start an engine from.
func engineImage(ctx context.Context, b backends.Backend, named string) (image.Image, error) {
	info, err := b.Info(ctx)
	if err != nil {
		return image.Image{}, err
	}
	program, err := engineProgram(info.Platform)
	if err != nil {
		return image.Image{}, err
	}
	return image.Of(info.Platform, named, program)
}

// findEngine finds an engine by its name.
func findEngine(ctx context.Context, b engine.Backend, name string) (backends.System, bool, error) {
	list, err := b.ListSystems(ctx, backends.ContainerTypeEngine)
	if err != nil {
		return backends.System{}, false, err
	}
	for _, s := range list {
		if s.Labels[backends.LabelEngine] == name {
			return s, true, nil
		}
	}
	return backends.System{}, false, nil
}

func (a *app) showEngine(name string, s *backends.System, verb string, outdated bool) error {
	doc := engineDocument{Name: name, Status: "absent", Outdated: outdated}
	if s != nil {
		doc.Status, doc.Build, doc.Image, doc.Container = "stopped", s.Labels[backends.LabelBuild], s.Image, s.Name
		if s.State == backends.Running {
			doc.Status, doc.Address = "running", publishedAt(*s)
		}
	}
	if a.output == formatJSON {
		a.printJSON(doc)
		return nil
	}
	if doc.Address == "" {
		fmt.Fprintf(a.Out, "engine '%s' %s%s\n", name, verb, onCluster(s))
		return nil
	}
	fmt.Fprintf(a.Out, "engine '%s' %s on %s (%s)\n", name, verb, doc.Address, doc.Build)
	return nil
}

func (a *app) engineStopCommand() *cobra.Command {
	f := &engineFlags{}
	var forget bool
	cmd := &cobra.Command{
		Use: "stop", Short: "Stop an engine; enclaves and their services stay",
		Example: "  kurtosis engine stop\n  kurtosis engine stop --forget            its logs and its memory of enclaves that are gone, too",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := f.named(); err != nil {
				return err
			}
			return a.withSystems(ctx, func(b engine.Backend) error {
				found, ok, err := findEngine(ctx, b, f.name)
				if err != nil {
					return err
				}
				verb := "does not run"
				if ok {
					verb = "stopped"
					if err := removeEngine(ctx, b, found); err != nil {
						return err
					}
				}
				if forget {
					if err := b.RemoveSystemVolume(ctx, backends.EngineVolumeName(f.name)); err != nil {
						return err
					}
					a.dropImages(ctx, b)
				}
				return a.showEngine(f.name, nil, verb, false)
			})
		},
	}
	f.declareName(cmd)
	cmd.Flags().BoolVar(&forget, "forget", false, "remove what it kept, too, and images of engines that nothing runs from")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func removeEngine(ctx context.Context, b engine.Backend, s backends.System) error {
	if s.State == backends.Running {
		if err := b.StopSystem(ctx, s.ID); err != nil {
			return err
		}
	}
	return b.RemoveSystem(ctx, s.ID)
}

func (a *app) engineRestartCommand() *cobra.Command {
	f := &engineFlags{}
	cmd := &cobra.Command{
		Use: "restart", Short: "Stop an engine and start it with this version of the program",
		Long:    "Stop an engine and start it with this version of the program, with the address, port, tokens and other settings it has unless others are given. Enclaves and their services stay.",
		Example: "  kurtosis engine restart",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := f.named(); err != nil {
				return err
			}
			return a.withSystems(ctx, func(b engine.Backend) error {
				found, ok, err := findEngine(ctx, b, f.name)
				if err != nil {
					return err
				}
				if err := f.complete(); err != nil {
					return err
				}
				if ok {
					if err := f.keep(ctx, b, found, cmd.Flags()); err != nil {
						return err
					}
				}
				if err := f.check(); err != nil {
					return err
				}
				if ok {
					if err := removeEngine(ctx, b, found); err != nil {
						return err
					}
					f.replaces = true
				}
				return a.startEngine(ctx, b, f)
			})
		},
	}
	f.declare(cmd)
	cmd.Flags().Bool("restart-api-containers", false, "likewise")
	_ = cmd.Flags().MarkHidden("restart-api-containers")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) engineStatusCommand() *cobra.Command {
	f := &engineFlags{}
	cmd := &cobra.Command{
		Use: "status", Short: "Say whether an engine runs, where, and of which version",
		Example: "  kurtosis engine status\n  kurtosis engine status -o json",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.named(); err != nil {
				return err
			}
			return a.withSystems(cmd.Context(), func(b engine.Backend) error { return a.engineStatus(cmd.Context(), b, f.name) })
		},
	}
	f.declareName(cmd)
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) engineStatus(ctx context.Context, b engine.Backend, name string) error {
	found, ok, err := findEngine(ctx, b, name)
	if err != nil {
		return err
	}
	if !ok {
		return a.showEngine(name, nil, "does not run", false)
	}
	if found.State != backends.Running {
		return a.showEngine(name, &found, fmt.Sprintf("has ended (exit status %d)", found.ExitCode), false)
	}
	outdated := found.Labels[backends.LabelBuild] != Version
	// Without a version of its own a build is told by its content; where no image can be made of it, not at all.
	if own, err := engineImage(ctx, b, namedImage()); err == nil && own.Ref != found.Image {
		outdated = true
	}
	doc := engineDocument{
		Name: name, Status: "running", Build: found.Labels[backends.LabelBuild], Image: found.Image, Container: found.Name, Outdated: outdated,
		Address: publishedAt(found),
	}
	asked, err := newSession(b, name, found)
	if err != nil {
		return err
	}
	defer asked.Close()
	if doc.API, err = asked.version(ctx); err != nil {
		return &faultError{fmt.Sprintf("the engine '%s' runs but does not answer on %s: %s", name, cmp.Or(doc.Address, found.Name), err), "'kurtosis engine logs' shows what it says"}
	}
	if a.output == formatJSON {
		a.printJSON(doc)
		return nil
	}
	where := " on " + doc.Address
	if doc.Address == "" {
		where = onCluster(&found)
	}
	fmt.Fprintf(a.Out, "engine '%s' runs%s\nVersion: %s\nAPI version: %s\nImage: %s\n", name, where, doc.Build, doc.API, doc.Image)
	if outdated {
		a.warn(fmt.Sprintf("it is of another version than this program (%s)", Version), "'kurtosis engine restart' replaces it; enclaves and their services stay")
	}
	return nil
}

// publishedAt is where a container of ours is reached from this machine; "" where it takes the backend to reach it.
func publishedAt(s backends.System) string {
	if s.Published.Number == 0 {
		return ""
	}
	return net.JoinHostPort(s.Published.Address, strconv.Itoa(int(s.Published.Number)))
}

// onCluster says where a container of ours is that is not published.
func onCluster(s *backends.System) string {
	if s == nil || s.State != backends.Running {
		return ""
	}
	return fmt.Sprintf(" as %s (%s); 'kurtosis gateway' brings it to this machine", s.ID, s.Labels[backends.LabelBuild])
}

func (a *app) engineLogsCommand() *cobra.Command {
	f := &engineFlags{}
	var follow bool
	cmd := &cobra.Command{
		Use: "logs", Short: "Print what an engine says", Args: operands(0),
		Example: "  kurtosis engine logs\n  kurtosis engine logs -f",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := f.named(); err != nil {
				return err
			}
			return a.withSystems(ctx, func(b engine.Backend) error {
				found, ok, err := findEngine(ctx, b, f.name)
				if err != nil {
					return err
				}
				if !ok {
					return &faultError{fmt.Sprintf("there is no engine '%s'", f.name), "'kurtosis engine start' starts one"}
				}
				for line, err := range b.SystemLogs(ctx, found.ID, backends.LogOptions{Follow: follow}) {
					if err != nil {
						return err
					}
					fmt.Fprintln(a.Out, line.Text)
				}
				return nil
			})
		},
	}
	f.declareName(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the engine ends")
	return cmd
}
