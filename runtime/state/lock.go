package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// Holder is who has an enclave's lock.
type Holder struct {
	PID     int       `json:"pid"`
	Purpose string    `json:"purpose"` // "run github.com/o/r", "enclave rm"
	Since   time.Time `json:"since"`
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	text := fmt.Sprintf("%s since %s", h.Purpose, h.Since.UTC().Format(time.RFC3339))
	if h.PID > 1 { // 1 is whatever runs in a container
		text += fmt.Sprintf(" (process %d)", h.PID)
	}
	return text
}

// lockPoll is how often a waiter looks again. The kernel's lock has no wait that a context could end.
const lockPoll = 100 * time.Millisecond

// Lock takes the enclave for the caller; at most one process, and one caller in it, has it. When another has it,
// waiting is called once, with who that is: its error ends the attempt, nil waits for it to end, as long as ctx
// lasts. A holder that is killed gives it back. The state is read again once the lock is held, as the one before
// may have changed it: the error may be a *CorruptError, with the lock held. The returned function gives it back.
func (s *Store) Lock(ctx context.Context, purpose string, waiting func(Holder) error) (unlock func() error, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	lock := flock.New(s.path(lockFile))
	for attempt := 1; ; attempt++ {
		held, err := lock.TryLock()
		if err != nil {
			return nil, fmt.Errorf("locking the enclave: %w", err)
		}
		if held {
			break
		}
		if attempt == 2 { // the first may have met somebody who only looked, see Held
			if err := waiting(s.holder()); err != nil {
				return nil, errors.Join(err, lock.Close())
			}
		}
		timer := time.NewTimer(lockPoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, errors.Join(ctx.Err(), lock.Close())
		case <-timer.C:
		}
	}
	unlock = func() error {
		return errors.Join(s.Close(), ignoreMissing(os.Remove(s.path(holderFile))), lock.Close())
	}
	data, err := json.Marshal(Holder{os.Getpid(), purpose, s.now()})
	if err == nil {
		err = replaceFile(s.path(holderFile), data, false) // nobody has the lock after a power cut
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking the enclave: %w", err), unlock())
	}
	s.mu.Lock()
	err = s.load()
	s.mu.Unlock()
	var corrupt *CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return nil, errors.Join(err, unlock())
	}
	return unlock, err
}

// holderFile tells who has the lock. It is a file of its own as Windows lets nobody read a locked one.
const holderFile = "lock.json"

func (s *Store) holder() Holder {
	var h Holder
	if data, err := os.ReadFile(s.path(holderFile)); err != nil || json.Unmarshal(data, &h) != nil {
		return Holder{}
	}
	return h
}

// Held tells whether somebody has the lock now, and who.
func (s *Store) Held() (Holder, bool) {
	if _, err := os.Stat(s.path(lockFile)); err != nil {
		return Holder{}, false
	}
	lock := flock.New(s.path(lockFile))
	held, err := lock.TryLock()
	if err == nil && held {
		_ = lock.Close() // we only looked
		return Holder{}, false
	}
	return s.holder(), err == nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
