package backends

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// NewUUID makes a random identifier of 32 hex digits.
func NewUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, by its documentation
	return hex.EncodeToString(b[:])
}

// ShortUUIDLength is how much of a UUID is shown to people.
const ShortUUIDLength = 12

// ShortUUID is what people see of a UUID.
func ShortUUID(uuid string) string {
	if len(uuid) > ShortUUIDLength {
		return uuid[:ShortUUIDLength]
	}
	return uuid
}

// Names of objects on an engine, the same as the reference's so that its users recognise them.

func NetworkName(enclaveName string) string               { return "kt-" + enclaveName }
func NamespaceName(enclaveName string) string             { return "kt-" + enclaveName }
func ContainerName(service, serviceUUID string) string    { return service + "--" + serviceUUID }
func APIContainerName(enclaveUUID string) string          { return "kurtosis-api--" + enclaveUUID }
func EngineName(guid string) string                       { return "kurtosis-engine--" + guid }
func DataVolumeName(enclaveUUID string) string            { return enclaveUUID }
func PersistentVolumeName(key, enclaveUUID string) string { return key + "--" + enclaveUUID }

// LabelPrefix begins every label on Docker objects; CustomLabelPrefix the user's own among them.
const (
	LabelPrefix       = "com.kurtosistech."
	CustomLabelPrefix = LabelPrefix + "custom."

	LabelAppID           = LabelPrefix + "app-id" // AppID
	LabelContainerType   = LabelPrefix + "container-type"
	LabelVolumeType      = LabelPrefix + "volume-type"
	LabelID              = LabelPrefix + "id"   // the name
	LabelGUID            = LabelPrefix + "guid" // the UUID
	LabelEnclaveUUID     = LabelPrefix + "enclave-id"
	LabelEnclaveName     = LabelPrefix + "enclave-name"
	LabelEnclaveCreation = LabelPrefix + "enclave-creation-time" // RFC 3339
	LabelProduction      = LabelPrefix + "production"
	LabelPorts           = LabelPrefix + "ports"
	LabelPublicPorts     = LabelPrefix + "public-ports"
	LabelPrivateIP       = LabelPrefix + "private-ip"
	LabelImage           = LabelPrefix + "image" // as it was asked for; engines may lengthen it

	LabelBuildContent = LabelPrefix + "build-content" // of images that we built: what they were built from
	LabelBuildBases   = LabelPrefix + "build-bases"   // and on top of

	// What log collectors read.
	LogLabelEnclaveName = "kurtosis_enclave_name"
	LogLabelEnclaveUUID = "kurtosis_enclave_uuid"
	LogLabelServiceName = "kurtosis_service_name"
	LogLabelServiceUUID = "kurtosis_service_uuid"
)

// Values of LabelAppID, LabelContainerType and LabelVolumeType.
const (
	AppID = "kurtosis"

	ContainerTypeEngine  = "kurtosis-engine"
	ContainerTypeAPI     = "api-container"
	ContainerTypeService = "user-service"
	ContainerTypeRelay   = "relay" // ours: see Dial of backends/docker
	ContainerTypeTool    = "tool"  // ours: see Tools

	VolumeTypeData       = "enclave-data"
	VolumeTypeFiles      = "files-artifacts-expansion"
	VolumeTypePersistent = "persistent-directory"
	VolumeTypeNix        = "nix-store" // ours: of no enclave, and kept
)

// FormatPorts is the value of LabelPorts: "id:number/TRANSPORT[/application],…", by id.
func FormatPorts(ports map[string]Port) string {
	ids := make([]string, 0, len(ports))
	for id := range ports {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		p := ports[id]
		fmt.Fprintf(&b, "%s:%d/%s", id, p.Number, p.Protocol())
		if p.Application != "" {
			b.WriteString("/" + p.Application)
		}
	}
	return b.String()
}

// ParsePorts reads what FormatPorts wrote.
func ParsePorts(s string) (map[string]Port, error) {
	ports := map[string]Port{}
	if s == "" {
		return ports, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		id, rest, ok := strings.Cut(part, ":")
		fields := strings.SplitN(rest, "/", 3)
		if !ok || id == "" || len(fields) < 2 {
			return nil, Errorf(Invalid, "malformed port %q", part)
		}
		n, err := strconv.ParseUint(fields[0], 10, 16)
		if err != nil || n == 0 {
			return nil, Errorf(Invalid, "malformed port number in %q", part)
		}
		p := Port{Number: uint16(n), Transport: Transport(fields[1])}
		if len(fields) == 3 {
			p.Application = fields[2]
		}
		ports[id] = p
	}
	return ports, nil
}

// Protocol is the transport with its default.
func (p Port) Protocol() Transport {
	if p.Transport == "" {
		return TCP
	}
	return p.Transport
}

// String is "80/tcp".
func (p Port) String() string {
	return strconv.Itoa(int(p.Number)) + "/" + strings.ToLower(string(p.Protocol()))
}

// FormatCreation and ParseCreation convert LabelEnclaveCreation.
func FormatCreation(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func ParseCreation(s string) (time.Time, error) { return time.Parse(time.RFC3339Nano, s) }
