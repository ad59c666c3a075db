package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	// storageClass is the default class of the cluster; provisioner fills claims that name it.
	storageClass = "host-path"
	provisioner  = "test-cluster/host-path"
)

// volumes makes claims into directories of the host.
type volumes struct {
	client kubernetes.Interface
	dir    string
}

// provisionVolumes makes a volume for each claim, and removes its directory when the volume is released.
func provisionVolumes(ctx context.Context, name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig")
	dir := flags.String("dir", "volumes", "where the directories are made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, factory, err := connect(*kubeconfig)
	if err != nil {
		return err
	}
	v := volumes{client, *dir}
	if err := v.class(ctx); err != nil {
		return err
	}
	failed := make(chan error, 1)
	try := func(err error) {
		if err != nil && ctx.Err() == nil {
			select {
			case failed <- err:
			default: // one is enough to end
			}
		}
	}
	claims := func(o any) {
		if claim, ok := o.(*core.PersistentVolumeClaim); ok {
			try(v.provision(ctx, claim))
		}
	}
	released := func(o any) {
		if volume, ok := o.(*core.PersistentVolume); ok {
			try(v.reclaim(ctx, volume))
		}
	}
	if _, err := factory.Core().V1().PersistentVolumeClaims().Informer().AddEventHandler(
		cache.ResourceEventHandlerFuncs{AddFunc: claims, UpdateFunc: func(_, o any) { claims(o) }}); err != nil {
		return err
	}
	if _, err := factory.Core().V1().PersistentVolumes().Informer().AddEventHandler(
		cache.ResourceEventHandlerFuncs{AddFunc: released, UpdateFunc: func(_, o any) { released(o) }}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v volumes) class(ctx context.Context) error {
	reclaim, binding := core.PersistentVolumeReclaimRetain, storage.VolumeBindingImmediate
	_, err := v.client.StorageV1().StorageClasses().Create(ctx, &storage.StorageClass{
		ObjectMeta:  meta.ObjectMeta{Name: storageClass, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
		Provisioner: provisioner, ReclaimPolicy: &reclaim, VolumeBindingMode: &binding,
	}, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (v volumes) provision(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	if claim.Spec.StorageClassName == nil || *claim.Spec.StorageClassName != storageClass || claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil {
		return nil
	}
	name := "pvc-" + string(claim.UID)
	dir := filepath.Join(v.dir, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	_, err := v.client.CoreV1().PersistentVolumes().Create(ctx, &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name},
		Spec: core.PersistentVolumeSpec{
			StorageClassName: storageClass, AccessModes: claim.Spec.AccessModes, Capacity: claim.Spec.Resources.Requests,
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimRetain,
			PersistentVolumeSource:        core.PersistentVolumeSource{HostPath: &core.HostPathVolumeSource{Path: dir}},
			ClaimRef:                      &core.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
		},
	}, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (v volumes) reclaim(ctx context.Context, volume *core.PersistentVolume) error {
	if volume.Spec.StorageClassName != storageClass || volume.Status.Phase != core.VolumeReleased || volume.Spec.HostPath == nil {
		return nil
	}
	if err := os.RemoveAll(volume.Spec.HostPath.Path); err != nil {
		return err
	}
	err := v.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
