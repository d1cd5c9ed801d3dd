package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
)

// Execute runs a QMP command (QEMU Machine Protocol) and waits for its end.
func (m *Machine) Execute(ctx context.Context, command string, arguments any) error {
	return m.query(ctx, command, arguments, &json.RawMessage{})
}

// query is Execute for a command whose answer the caller needs.
func (m *Machine) query(ctx context.Context, command string, arguments, answer any) error {
	m.qmp.Lock() // QEMU talks to one client at a time
	defer m.qmp.Unlock()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", m.qmpPath())
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	in := bufio.NewScanner(conn)
	in.Buffer(nil, 1<<20)
	// The greeting comes first, and events at any time; only "return" and
	// "error" answer a command.
	run := func(command string, arguments, answer any) error {
		request, err := json.Marshal(struct {
			Execute   string `json:"execute"`
			Arguments any    `json:"arguments,omitempty"`
		}{command, arguments})
		if err != nil {
			return err
		}
		if _, err := conn.Write(append(request, '\n')); err != nil {
			return err
		}
		for in.Scan() {
			var reply struct {
				Return json.RawMessage
				Error  *struct{ Desc string }
			}
			if err := json.Unmarshal(in.Bytes(), &reply); err != nil {
				return err
			}
			if reply.Error != nil {
				return fmt.Errorf("QMP %s: %s", command, reply.Error.Desc)
			}
			if reply.Return != nil {
				return json.Unmarshal(reply.Return, answer)
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("QMP %s: the connection ended: %v", command, in.Err())
	}
	if err := run("qmp_capabilities", nil, &json.RawMessage{}); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if err := run(command, arguments, answer); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	return nil
}

// Screenshot writes the guest's screen to a PNG file.
func (m *Machine) Screenshot(ctx context.Context, path string) error {
	return m.Execute(ctx, "screendump", map[string]string{"filename": path, "format": "png"})
}

// Reset resets the guest, as its reset button would.
func (m *Machine) Reset(ctx context.Context) error {
	return m.Execute(ctx, "system_reset", nil)
}

// PowerDown presses the guest's power button, and allows it to end.
func (m *Machine) PowerDown(ctx context.Context) error {
	m.mayEnd.Store(true)
	return m.Execute(ctx, "system_powerdown", nil)
}

// Written returns how many bytes the guest has written to its disks, including
// its boot loader's writes.
func (m *Machine) Written(ctx context.Context) (int64, error) {
	var disks []struct {
		Stats struct {
			Bytes int64 `json:"wr_bytes"`
		} `json:"stats"`
	}
	if err := m.query(ctx, "query-blockstats", nil, &disks); err != nil {
		return 0, err
	}
	total := int64(0)
	for _, d := range disks {
		total += d.Stats.Bytes
	}
	return total, nil
}
