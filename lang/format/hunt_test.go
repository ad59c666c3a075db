package format

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestHunt(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("HUNT"))
	start, _ := strconv.Atoi(os.Getenv("START"))
	if n == 0 {
		t.Skip()
	}
	mode := os.Getenv("MODE")
	o := startOracle(t, mode)
	stats := map[string]int{}
	shown := 0
	for i := start; i < start+n; i++ {
		src := randomProgram(uint64(i))
		text, _, err := decode("x", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if mode == "once" {
			got, err = pass("x", text)
		} else {
			var g []byte
			g, err = Source("x", []byte(src))
			got = string(g)
		}
		if err != nil {
			if s, w := o.format(t, src); s == "refused" {
				stats["both refuse "+strings.Split(w, ":")[0]]++
				continue
			}
			os.WriteFile("/tmp/format/hunt/"+strconv.Itoa(i)+".err", []byte(src), 0o644)
			t.Logf("%d %v", i, err)
			stats["err "+err.Error()[strings.LastIndex(err.Error(), ":"):]]++
			if stats["errshown"] < 3 {
				stats["errshown"]++
			}
			continue
		}
		if _, err := parseStarlark("x", text); err != nil {
			stats["starlark "+err.Error()[strings.LastIndex(err.Error(), ":"):]]++
			continue
		}
		status, want := o.format(t, src)
		if status == "same" {
			want = src
		}
		if status == "unstable" {
			stats["unstable"]++
			os.WriteFile("/tmp/format/hunt/"+strconv.Itoa(i)+".unstable", []byte(src), 0o644)
		}
		if status == "refused" {
			stats["refused "+strings.Split(want, ":")[0]]++
			if stats["refshown"] < 5 {
				stats["refshown"]++
				os.WriteFile("/tmp/format/hunt/"+strconv.Itoa(i)+".refused", []byte(want+"\n"+src), 0o644)
			}
			continue
		}
		if got != want {
			stats["differ"]++
			if shown < 20 {
				shown++
				d := "/tmp/format/hunt/" + strconv.Itoa(i)
				os.WriteFile(d+".src", []byte(src), 0o644)
				os.WriteFile(d+".want", []byte(want), 0o644)
				os.WriteFile(d+".got", []byte(got), 0o644)
			}
			continue
		}
		stats["ok"]++
	}
	t.Logf("%v", stats)
}
