package docker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/kurtosis-go/kurtosis/backends"
)

// RunTool runs a program in a container of its own, on the engine's default network.
func (b *Backend) RunTool(ctx context.Context, spec backends.ToolSpec) (exitCode int, err error) {
	doing := fmt.Sprintf("running %s in image %q", spec.Command[0], spec.Image)
	config := container.Config{
		Image: spec.Image, Entrypoint: spec.Command, AttachStdout: true, AttachStderr: true,
		Labels: map[string]string{backends.LabelAppID: backends.AppID, backends.LabelContainerType: backends.ContainerTypeTool},
	}
	for k, v := range spec.Env {
		config.Env = append(config.Env, k+"="+v)
	}
	slices.Sort(config.Env)
	var host container.HostConfig
	if spec.Volume != "" {
		host.Mounts = []mount.Mount{{Type: mount.TypeVolume, Source: spec.Volume, Target: spec.VolumePath, VolumeOptions: &mount.VolumeOptions{
			Labels: map[string]string{backends.LabelAppID: backends.AppID, backends.LabelVolumeType: spec.VolumeType},
		}}}
	}
	made, err := b.client.ContainerCreate(ctx, &config, &host, nil, nil, "kurtosis-tool--"+backends.NewUUID())
	if err != nil {
		return 0, b.wrap(ctx, err, doing)
	}
	defer func() {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		removeErr := b.client.ContainerRemove(after, made.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil && removeErr != nil {
			err = b.wrap(ctx, removeErr, doing)
		}
	}()
	if spec.Files != nil {
		archive, err := spec.Files(ctx)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", doing, err)
		}
		defer archive.Close()
		if err := b.client.CopyToContainer(ctx, made.ID, "/", archive, container.CopyToContainerOptions{}); err != nil {
			return 0, b.wrap(ctx, err, doing)
		}
	}
	output, err := b.client.ContainerAttach(ctx, made.ID, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return 0, b.wrap(ctx, err, doing)
	}
	defer output.Close()
	stop := context.AfterFunc(ctx, output.Close) // a hijacked connection knows no context
	defer stop()
	ended, failed := b.client.ContainerWait(ctx, made.ID, container.WaitConditionNextExit)
	if err := b.client.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		return 0, b.wrap(ctx, err, doing)
	}
	if _, err := stdcopy.StdCopy(spec.Stdout, spec.Stderr, output.Reader); err != nil {
		return 0, b.wrap(ctx, err, doing)
	}
	select {
	case end := <-ended:
		return int(end.StatusCode), nil
	case err := <-failed:
		return 0, b.wrap(ctx, err, doing)
	}
}
