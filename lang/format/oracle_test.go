package format

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// oracle is a running black.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// startOracle runs the black that is installed. Without one the test is skipped, unless KURTOSIS_TEST_BLACK=required
// says that there must be one, as `make test` and CI do.
func startOracle(t testing.TB, args ...string) *oracle {
	t.Helper()
	python := ""
	for _, candidate := range []string{"/usr/bin/python3", "python3"} { // Debian's package is for its own Python
		version, err := exec.Command(candidate, "-c", "import black; print(black.__version__)").Output()
		if err == nil && strings.TrimSpace(string(version)) == "23.1.0" {
			python = candidate
			break
		}
	}
	if python == "" {
		if os.Getenv("KURTOSIS_TEST_BLACK") == "required" {
			t.Fatal("black 23.1.0 is not installed: apt-get install black")
		}
		t.Skip("black 23.1.0 is not installed: apt-get install black")
	}
	cmd := exec.Command(python, append([]string{"testdata/oracle.py"}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("oracle: %v", err)
		}
	})
	return &oracle{in, bufio.NewReader(out)}
}

// format asks black for the layout of src; status is as oracle.py has it.
func (o *oracle) format(t testing.TB, src string) (status, result string) {
	t.Helper()
	if _, err := fmt.Fprintf(o.in, "%d\n%s", len(src), src); err != nil {
		t.Fatal(err)
	}
	line, err := o.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	status, count, _ := strings.Cut(strings.TrimSpace(line), " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(o.out, b); err != nil {
		t.Fatal(err)
	}
	return status, string(b)
}
