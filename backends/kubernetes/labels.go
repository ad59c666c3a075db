package kubernetes

import (
	"encoding/json"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Labels and annotations, under the reference's prefix so that its users recognise them. What may not be the value of a
// label is an annotation.
const (
	prefix = "kurtosistech.com/"

	labelAppID    = prefix + "app-id"
	labelResource = prefix + "resource-type"
	labelEnclave  = prefix + "enclave-id"
	labelName     = prefix + "id"
	labelUUID     = prefix + "guid"
	labelLaunch   = prefix + "launch" // of Pods and their files: one try to run a service

	noteEnclaveName = prefix + "enclave-name"
	noteCreated     = prefix + "enclave-creation-time"
	noteProduction  = prefix + "production"
	notePorts       = prefix + "ports"
	noteAddress     = prefix + "private-ip"
	notePublic      = prefix + "public-ports"
	noteLabels      = prefix + "custom-labels" // JSON
	noteImage       = prefix + "image"
	noteStopped     = prefix + "stopped-at"
	noteReplaced    = prefix + "replaced" // another controller takes its place

	resourceEnclave   = "enclave"
	resourceEngine    = "engine" // the namespace of engines
	resourceService   = "user-service"
	resourceFiles     = "files"
	resourceDirectory = "persistent-directory"
)

// container is the name of a service's container in its Pod.
const container = "service"

func serviceLabels(enclave, name, uuid string) map[string]string {
	return map[string]string{labelAppID: backends.AppID, labelResource: resourceService, labelEnclave: enclave, labelName: name, labelUUID: uuid}
}

// ours selects all that this program made.
func ours() meta.ListOptions {
	return meta.ListOptions{LabelSelector: labels.SelectorFromSet(labels.Set{labelAppID: backends.AppID}).String()}
}

// of selects the objects of a service, or of all of an enclave's with "".
func of(service string) meta.ListOptions {
	set := labels.Set{labelAppID: backends.AppID, labelResource: resourceService}
	if service != "" {
		set[labelName] = service
	}
	return meta.ListOptions{LabelSelector: labels.SelectorFromSet(set).String()}
}

func filesOf(service string) meta.ListOptions {
	return meta.ListOptions{LabelSelector: labels.SelectorFromSet(labels.Set{labelAppID: backends.AppID, labelResource: resourceFiles, labelName: service}).String()}
}

func encodeLabels(m map[string]string) string {
	b, _ := json.Marshal(m) // strings always can be
	return string(b)
}

// decodeLabels takes what was damaged by hand as none.
func decodeLabels(s string) map[string]string {
	var m map[string]string
	if json.Unmarshal([]byte(s), &m) != nil || len(m) == 0 {
		return nil
	}
	return m
}

// describe notes what a spec says and the cluster does not keep.
func describe(o *meta.ObjectMeta, spec *backends.ServiceSpec) {
	o.Annotations = map[string]string{
		notePorts: backends.FormatPorts(spec.Ports), notePublic: backends.FormatPorts(spec.PublicPorts),
		noteImage: spec.Image, noteLabels: encodeLabels(spec.Labels),
	}
}

func protocol(p backends.Port) core.Protocol { return core.Protocol(p.Protocol()) }
