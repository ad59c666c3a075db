package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/apicontainer"
	"github.com/kurtosis-go/kurtosis/backends"
)

// engineLabel, among an enclave's own labels, names the engine that made it, unless that is the default one.
const engineLabel = "kurtosis-engine"

// OwnerOf is the name of the engine that an enclave is of: no other one lists it.
func OwnerOf(e backends.Enclave) string { return cmp.Or(e.Labels[engineLabel], DefaultName) }

// DataDir is where an API container has its enclave's data volume.
const DataDir = "/kurtosis-data"

// CreateEnclave makes an enclave and its API container, and returns once that answers.
func (s *Server) CreateEnclave(ctx context.Context, req *connect.Request[engineapi.CreateEnclaveArgs]) (*connect.Response[engineapi.CreateEnclaveResponse], error) {
	made, err := s.create(ctx, req.Msg.GetEnclaveName(), req.Msg.GetMode() == engineapi.EnclaveMode_PRODUCTION)
	if err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&engineapi.CreateEnclaveResponse{EnclaveInfo: enclaveInfo(made.Enclave, made.api)}), nil
}

func (s *Server) create(ctx context.Context, name string, production bool) (managed, error) {
	spec := backends.EnclaveSpec{Name: name, Production: production}
	if s.Name != DefaultName {
		spec.Labels = map[string]string{engineLabel: s.Name}
	}
	enclave, err := s.enclaves.Make(ctx, spec)
	if err != nil {
		return managed{}, err
	}
	api, err := s.startAPI(ctx, enclave, 0)
	if err == nil {
		err = s.history.add(enclave)
	}
	if err != nil {
		// A half of an enclave is of no use; the caller's own context may have ended.
		return managed{}, errors.Join(err, s.Backend.RemoveEnclave(context.WithoutCancel(ctx), enclave.UUID))
	}
	s.logs.follow(enclave.UUID)
	return managed{enclave, &api}, nil
}

// outdated says whether an API container is of another version of this program, or wants another token than this engine.
func (s *Server) outdated(ctx context.Context, api *backends.System) (bool, error) {
	if api.Image != s.Image {
		return true, nil
	}
	settings, err := s.Backend.SystemSettings(ctx, api.ID)
	return settings.Env[TokenVariable] != s.RPC.Token, err
}

// renew puts an API container of this engine's image in the place of another. What that kept is in its volume.
func (s *Server) renew(ctx context.Context, m managed) error {
	if err := s.Backend.StopSystem(ctx, m.api.ID); err != nil {
		return err
	}
	if err := s.Backend.RemoveSystem(ctx, m.api.ID); err != nil {
		return err
	}
	_, err := s.startAPI(ctx, m.Enclave, m.api.Published.Number)
	return err
}

// startAPI makes the API container of an enclave and waits until it answers. port is that on the host, 0 a free one.
func (s *Server) startAPI(ctx context.Context, enclave backends.Enclave, port uint16) (backends.System, error) {
	env := maps.Clone(s.Env)
	if env == nil {
		env = map[string]string{}
	}
	if s.RPC.Token != "" {
		env[TokenVariable] = s.RPC.Token
	}
	api, err := s.Backend.StartSystem(ctx, backends.SystemSpec{
		Kind: backends.ContainerTypeAPI, Name: backends.APIContainerName(enclave.UUID), UUID: backends.NewUUID(), Image: s.Image,
		Command: []string{"api", "serve", "--enclave", enclave.UUID, "--port", strconv.Itoa(apicontainer.Port), "--data", DataDir},
		Env:     env, Enclave: enclave.UUID, Labels: map[string]string{backends.LabelEngine: s.Name},
		Port: apicontainer.Port, PublishAddress: s.PublishAddress, PublishPort: port,
		Volume: backends.DataVolumeName(enclave.UUID), VolumeType: backends.VolumeTypeData, VolumePath: DataDir, Control: true,
	})
	if err != nil {
		return api, err
	}
	return api, AwaitReady(ctx, s.Backend, api, time.Time{})
}

// TokenVariable is the environment variable that tells containers of ours the token that calls have to bring.
const TokenVariable = "KURTOSIS_TOKEN"

// enclaveInfo is an enclave on the wire. Clients take "running" for "can be used", so the API container counts.
func enclaveInfo(e backends.Enclave, api *backends.System) *engineapi.EnclaveInfo {
	m := &engineapi.EnclaveInfo{
		EnclaveUuid: e.UUID, Name: e.Name, ShortenedUuid: backends.ShortUUID(e.UUID), CreationTime: timestamppb.New(e.Created),
		ContainersStatus:   engineapi.EnclaveContainersStatus_EnclaveContainersStatus_EMPTY,
		ApiContainerStatus: engineapi.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_NONEXISTENT,
	}
	if e.Production {
		m.Mode = engineapi.EnclaveMode_PRODUCTION
	}
	switch {
	case e.Status == backends.EnclaveRunning, api != nil && api.State == backends.Running:
		m.ContainersStatus = engineapi.EnclaveContainersStatus_EnclaveContainersStatus_RUNNING
	case e.Status == backends.EnclaveStopped, api != nil:
		m.ContainersStatus = engineapi.EnclaveContainersStatus_EnclaveContainersStatus_STOPPED
	}
	if api == nil {
		return m
	}
	m.ApiContainerStatus = engineapi.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_STOPPED
	m.ApiContainerInfo = &engineapi.EnclaveAPIContainerInfo{
		ContainerId: api.ID, IpInsideEnclave: api.Address, GrpcPortInsideEnclave: uint32(api.Port), BridgeIpAddress: api.Address,
	}
	if api.State == backends.Running {
		m.ApiContainerStatus = engineapi.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_RUNNING
		m.ApiContainerHostMachineInfo = &engineapi.EnclaveAPIContainerHostMachineInfo{
			IpOnHostMachine: api.Published.Address, GrpcPortOnHostMachine: uint32(api.Published.Number),
		}
	}
	return m
}

// managed is an enclave of this engine with its API container, nil where it has none.
type managed struct {
	backends.Enclave
	api *backends.System
}

// list gives this engine's enclaves, oldest first.
func (s *Server) list(ctx context.Context) ([]managed, error) {
	all, err := s.Backend.ListEnclaves(ctx)
	if err != nil {
		return nil, err
	}
	apis, err := s.Backend.ListSystems(ctx, backends.ContainerTypeAPI)
	if err != nil {
		return nil, err
	}
	byEnclave := map[string]*backends.System{}
	for i := range apis {
		byEnclave[apis[i].Enclave] = &apis[i]
	}
	var list []managed
	for _, e := range all {
		if OwnerOf(e) == s.Name {
			list = append(list, managed{e, byEnclave[e.UUID]})
		}
	}
	return list, nil
}

func (s *Server) find(ctx context.Context, identifier string) (managed, error) {
	list, err := s.list(ctx)
	if err != nil {
		return managed{}, err
	}
	enclaves := make([]backends.Enclave, len(list))
	for i := range list {
		enclaves[i] = list[i].Enclave
	}
	found, err := backends.MatchEnclave(enclaves, identifier)
	if err != nil {
		return managed{}, err
	}
	return list[slices.IndexFunc(list, func(m managed) bool { return m.UUID == found.UUID })], nil
}

// GetEnclaves lists all enclaves.
func (s *Server) GetEnclaves(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[engineapi.GetEnclavesResponse], error) {
	return s.infos(ctx, nil)
}

// GetEnclavesByUuids lists those that are named and exist; no names are all.
func (s *Server) GetEnclavesByUuids(ctx context.Context, req *connect.Request[engineapi.GetEnclavesByUuidsArgs]) (*connect.Response[engineapi.GetEnclavesResponse], error) {
	return s.infos(ctx, req.Msg.EnclaveUuids)
}

func (s *Server) infos(ctx context.Context, uuids []string) (*connect.Response[engineapi.GetEnclavesResponse], error) {
	list, err := s.list(ctx)
	if err != nil {
		return nil, rpc.Error(err)
	}
	out := &engineapi.GetEnclavesResponse{EnclaveInfo: map[string]*engineapi.EnclaveInfo{}}
	for _, m := range list {
		if len(uuids) == 0 || slices.Contains(uuids, m.UUID) {
			out.EnclaveInfo[m.UUID] = enclaveInfo(m.Enclave, m.api)
		}
	}
	return connect.NewResponse(out), nil
}

// GetExistingAndHistoricalEnclaveIdentifiers lists the enclaves that there are and those that there were.
func (s *Server) GetExistingAndHistoricalEnclaveIdentifiers(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[engineapi.GetExistingAndHistoricalEnclaveIdentifiersResponse], error) {
	list, err := s.list(ctx)
	if err != nil {
		return nil, rpc.Error(err)
	}
	for _, m := range list { // those that were made without this engine
		if err := s.history.add(m.Enclave); err != nil {
			return nil, rpc.Error(err)
		}
	}
	out := &engineapi.GetExistingAndHistoricalEnclaveIdentifiersResponse{}
	for _, i := range s.history.all() {
		out.AllIdentifiers = append(out.AllIdentifiers, &engineapi.EnclaveIdentifiers{EnclaveUuid: i.UUID, Name: i.Name, ShortenedUuid: backends.ShortUUID(i.UUID)})
	}
	return connect.NewResponse(out), nil
}

// StopEnclave stops the services of an enclave, then its API container. Everything stays for Start.
func (s *Server) StopEnclave(ctx context.Context, req *connect.Request[engineapi.StopEnclaveArgs]) (*connect.Response[emptypb.Empty], error) {
	m, err := s.find(ctx, req.Msg.EnclaveIdentifier)
	if err != nil {
		return nil, rpc.Error(err)
	}
	if err := s.mark(m.UUID); err != nil {
		return nil, rpc.Error(err)
	}
	if m.api != nil && m.api.State == backends.Running {
		// First, so that a run that is under way ends before its services do.
		if err := s.Backend.StopSystem(ctx, m.api.ID); err != nil {
			return nil, rpc.Error(err)
		}
	}
	if err := s.Backend.StopEnclave(ctx, m.UUID); err != nil {
		return nil, rpc.Error(err)
	}
	return empty(), nil
}

// Start starts what StopEnclave stopped, or a crash: the services, and the API container, with the addresses and
// ports that they had. An API container that another version of this program made, or that wants another token, is replaced.
func (s *Server) Start(ctx context.Context, identifier string) error {
	m, err := s.find(ctx, identifier)
	if err != nil {
		return err
	}
	if err := s.unmark(m.UUID); err != nil {
		return err
	}
	if err := s.Backend.StartEnclave(ctx, m.UUID); err != nil {
		return err
	}
	if m.api != nil {
		if outdated, err := s.outdated(ctx, m.api); err != nil {
			return err
		} else if outdated {
			return s.renew(ctx, m)
		}
	}
	if m.api == nil {
		_, err := s.startAPI(ctx, m.Enclave, 0)
		return err
	}
	if m.api.State == backends.Running {
		return nil
	}
	// The log may have the lines of earlier lives; its times are the engine's, so what is new comes after what is there.
	since := time.Time{}
	for line, err := range s.Backend.SystemLogs(ctx, m.api.ID, backends.LogOptions{Tail: 1}) {
		if err != nil {
			return err
		}
		since = line.Time.Add(time.Nanosecond)
	}
	if err := s.Backend.ResumeSystem(ctx, m.api.ID); err != nil {
		return err
	}
	return AwaitReady(ctx, s.Backend, *m.api, since)
}

// DestroyEnclave removes an enclave and all that belongs to it. What was logged is kept for its time.
func (s *Server) DestroyEnclave(ctx context.Context, req *connect.Request[engineapi.DestroyEnclaveArgs]) (*connect.Response[emptypb.Empty], error) {
	m, err := s.find(ctx, req.Msg.EnclaveIdentifier)
	if err != nil {
		return nil, rpc.Error(err)
	}
	if err := s.destroy(ctx, m); err != nil {
		return nil, rpc.Error(err)
	}
	return empty(), nil
}

func (s *Server) destroy(ctx context.Context, m managed) error {
	if err := s.history.add(m.Enclave); err != nil {
		return err
	}
	if err := s.Backend.RemoveEnclave(ctx, m.UUID); err != nil {
		return fmt.Errorf("removing enclave %q: %w", m.Name, err)
	}
	return s.unmark(m.UUID)
}

// removedAtOnce bounds how many enclaves are removed at once.
const removedAtOnce = 8

// Clean removes the enclaves in which nothing runs, or all of this engine's.
func (s *Server) Clean(ctx context.Context, req *connect.Request[engineapi.CleanArgs]) (*connect.Response[engineapi.CleanResponse], error) {
	list, err := s.list(ctx)
	if err != nil {
		return nil, rpc.Error(err)
	}
	if !req.Msg.GetShouldCleanAll() {
		list = slices.DeleteFunc(list, func(m managed) bool {
			return enclaveInfo(m.Enclave, m.api).ContainersStatus == engineapi.EnclaveContainersStatus_EnclaveContainersStatus_RUNNING
		})
	}
	errs := make([]error, len(list))
	slots := make(chan struct{}, removedAtOnce)
	var all sync.WaitGroup
	for i, m := range list {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = s.destroy(ctx, m)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, rpc.Error(err)
	}
	out := &engineapi.CleanResponse{}
	for _, m := range list {
		out.RemovedEnclaveNameAndUuids = append(out.RemovedEnclaveNameAndUuids, &engineapi.EnclaveNameAndUuid{Name: m.Name, Uuid: m.UUID})
	}
	return connect.NewResponse(out), nil
}
