//go:build docker || faults

package live_test

import (
	"context"
	"fmt"
	"net/http"
	"os"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
)

// A client that is to be killed is this program again, told so by these variables.
const (
	clientVariable = "KURTOSIS_LIVE_CLIENT"  // the script it runs
	clientAddress  = "KURTOSIS_LIVE_ADDRESS" // of the API container
)

// beClient runs a script and prints a line as each step begins.
func beClient(address, script string) int {
	client := apicontainerapiconnect.NewApiContainerServiceClient(http.DefaultClient, "http://"+address)
	_, err := receive(context.Background(), client, runArgs(script, "{}"), func(l *pb.StarlarkRunResponseLine) {
		if i := l.GetInstruction(); i != nil {
			fmt.Println(i.InstructionName)
		}
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
