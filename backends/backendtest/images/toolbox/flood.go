package main

import (
	"bufio"
	"context"
	"os"
	"strconv"
	"time"
)

// floodTick is how often a flood's lines are written: in bursts, as busy services do.
const floodTick = 10 * time.Millisecond

// flood prints the numbers from 1 to N, a line each, RATE of them a second.
func flood(ctx context.Context, args []string) error {
	if err := need(args, 2); err != nil {
		return err
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	rate, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	defer out.Flush()
	tick := time.NewTicker(floodTick)
	defer tick.Stop()
	started := time.Now()
	for printed := 0; printed < n; {
		due := min(n, int(time.Since(started).Seconds()*float64(rate))+1)
		for ; printed < due; printed++ {
			out.WriteString("line ")
			out.WriteString(strconv.Itoa(printed + 1))
			out.WriteByte('\n')
		}
		if err := out.Flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}
