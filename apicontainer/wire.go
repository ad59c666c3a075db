package apicontainer

import pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"

// Names of messages, as this package uses them.
type (
	line                    = pb.StarlarkRunResponseLine
	chunk                   = pb.StreamedDataChunk
	connectServicesArgs     = pb.ConnectServicesArgs
	connectServicesResponse = pb.ConnectServicesResponse
)
