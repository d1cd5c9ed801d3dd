package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/internal/test/report"
)

const (
	// limit is how long a boot may take.
	limit = 4 * time.Minute
	// settles is how long a box that answers is left alone before it counts as
	// idle: the kernel writes changed data after 30 s.
	settles = time.Minute
	// idles is how long to watch the idle box.
	idles = time.Minute
	// asks is how often clients ask until the first of them has an answer.
	// There are many clients, because the box does not answer a single one as
	// often.
	asks    = 50 * time.Millisecond
	clients = 10
)

// Settings of the two boots.
const (
	proxyMode = `
[network]
address = "192.168.77.1/24"

[dhcp]
mode = "proxy"
`
	entries = lab.WDSEntry + lab.DiskEntry
)

// box is an image and the machine that it boots on.
type box struct {
	title, image string
	start        func(*lab.Lab, string, map[string]lab.File) (*qemu.Machine, error)
}

var boxes = []box{
	{"PC", "pxebox-amd64.img", (*lab.Lab).StartBox},
	{"Raspberry Pi", "pxebox-rpi.img", startARMBox},
}

func startARMBox(l *lab.Lab, image string, perm map[string]lab.File) (*qemu.Machine, error) {
	f, err := l.Firmware(qemu.Debian13)
	if err != nil {
		return nil, err
	}
	return l.StartARMBox(f, image, perm)
}

// figures are the measurements of a box. Times count from the kernel's start,
// sizes are in bytes.
type figures struct {
	init          time.Duration // gokrazy's first program runs
	proxy, server time.Duration // the first DHCP answer, by mode
	memory, pxed  int64
	root          int64
	image, stored int64 // the file's size, and how much of it is not a hole
	written       int64 // while idle
}

type measurement struct {
	boxes     []box
	dir, page string
}

func (m *measurement) run(ctx context.Context) error {
	machine, err := report.Machine()
	if err != nil {
		return err
	}
	choice, err := lab.Accelerator()
	if err != nil {
		return err
	}
	all := make([]figures, len(m.boxes))
	for i, b := range m.boxes {
		if all[i], err = m.measure(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", b.image, err)
		}
	}
	text := section(machine, string(choice.Accel), m.boxes, all)
	if m.page != "" {
		err = report.Write(m.page, "measure", text)
	}
	_, printed := os.Stdout.WriteString(text)
	for i, f := range all {
		if f.written > 0 {
			err = errors.Join(err, fmt.Errorf("%s: idle, it writes %d bytes in %v", m.boxes[i].image, f.written, idles))
		}
	}
	return errors.Join(err, printed)
}

func (m *measurement) measure(ctx context.Context, b box) (f figures, err error) {
	if err := f.sizes(filepath.Join(m.dir, b.image)); err != nil {
		return f, err
	}
	for _, boot := range []struct {
		settings string
		answer   *time.Duration
		after    func(context.Context, *lab.Lab, *qemu.Machine, *figures) error
	}{
		{lab.ServerMode, &f.server, nil},
		{proxyMode, &f.proxy, m.idle},
	} {
		err := func() error {
			l, err := lab.New(m.dir, "measure", slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			defer l.Close()
			ctx, unwatch := l.Watch(ctx)
			defer unwatch()
			settings := boot.settings + lab.Menu(0, "wds", false) + entries
			perm := map[string]lab.File{lab.SettingsFile: {Content: []byte(settings)}}
			guest, err := b.start(l, filepath.Join(m.dir, b.image), perm)
			if err != nil {
				return err
			}
			if f.init, *boot.answer, err = firstAnswer(ctx, l, guest); err != nil || boot.after == nil {
				return err
			}
			return boot.after(ctx, l, guest, &f)
		}()
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// sizes measures an image.
func (f *figures) sizes(image string) error {
	info, err := os.Stat(image)
	if err != nil {
		return fmt.Errorf("%w: run make image image-rpi", err)
	}
	f.image = info.Size()
	f.stored = info.Sys().(*syscall.Stat_t).Blocks * 512
	const rootA = 2
	offset, _, err := lab.Partition(image, rootA)
	if err != nil {
		return err
	}
	file, err := os.Open(image)
	if err != nil {
		return err
	}
	defer file.Close()
	// The superblock of a squashfs (Linux, fs/squashfs/squashfs_fs.h).
	var superblock [48]byte
	if _, err := file.ReadAt(superblock[:], offset); err != nil {
		return err
	}
	if string(superblock[:4]) != "hsqs" {
		return errors.New("the root is no squashfs")
	}
	f.root = int64(binary.LittleEndian.Uint64(superblock[40:]))
	return nil
}

// initRuns matches the kernel's last message, with the seconds since its start.
var initRuns = regexp.MustCompile(`\[ *(\d+\.\d+)\] Run /gokrazy/init`)

// firstAnswer lets clients ask until the box answers one. It returns the start
// time of the box's first program and the time of that answer, both since the
// kernel's start.
func firstAnswer(ctx context.Context, l *lab.Lab, guest *qemu.Machine) (init, answer time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no DHCP answer within %v", limit))
	defer cancel()
	conn, err := l.Observer.ListenUDP(dhcpv4.ClientPort)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	asked := make(chan error, 1)
	go func() {
		asked <- ask(ctx, conn)
		cancel()
	}()
	first, err := l.LAN.WaitUDP(ctx, func(d lan.Datagram) bool {
		return d.SrcMAC == lab.BoxMAC && d.Src.Port() == dhcpv4.ServerPort
	})
	cancel()
	if err := errors.Join(err, <-asked); err != nil {
		return 0, 0, err
	}
	line, err := guest.Console.WaitFor(context.Background(), initRuns.String())
	if err != nil {
		return 0, 0, err
	}
	stamp, err := strconv.ParseFloat(initRuns.FindStringSubmatch(line.Text)[1], 64)
	if err != nil {
		return 0, 0, err
	}
	init = time.Duration(stamp * float64(time.Second))
	return init, init + first.Time.Sub(line.Time), nil
}

// ask repeats the first request of a BIOS machine's network card until ctx
// ends, each time as another machine.
func ask(ctx context.Context, conn net.PacketConn) error {
	const undi = 1 // option 94: UNDI 2.1
	tick := time.NewTicker(asks)
	defer tick.Stop()
	for i := 0; ; i++ {
		mac := lab.Client(byte(0x10 + i%clients))
		q, err := dhcpv4.NewDiscovery(mac[:], dhcpv4.WithBroadcast(true),
			dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00000:UNDI:002001")),
			dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, 0})),
			dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionClientNetworkInterfaceIdentifier, []byte{undi, 2, 1})),
		)
		if err != nil {
			return err
		}
		if _, err := conn.WriteTo(q.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ServerPort}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// idle leaves the box alone, and measures its resource use and activity
// meanwhile.
func (m *measurement) idle(ctx context.Context, l *lab.Lab, guest *qemu.Machine, f *figures) error {
	written := make([]int64, 2)
	for i, wait := range []time.Duration{settles, idles} {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		var err error
		if written[i], err = guest.Written(ctx); err != nil {
			return err
		}
	}
	f.written = written[1] - written[0]
	var err error
	if f.memory, err = m.memory(ctx, l); err != nil {
		return err
	}
	f.pxed, err = pxedMemory(ctx, l)
	return err
}

// memory returns how much memory the box's processes and kernel use, according
// to its update page.
func (m *measurement) memory(ctx context.Context, l *lab.Lab) (int64, error) {
	var status struct {
		Meminfo struct{ MemTotal, MemAvailable int64 } // bytes
	}
	page, err := l.PageClient(lab.BoxAddr)
	if err != nil {
		return 0, err
	}
	err = get(ctx, page, lab.Page, func(r *http.Request) {
		r.SetBasicAuth("gokrazy", lab.BoxPassword)
		r.Header.Set("Accept", "application/json")
	}, func(body io.Reader) error { return json.NewDecoder(body).Decode(&status) })
	return status.Meminfo.MemTotal - status.Meminfo.MemAvailable, err
}

// pxedMemory returns pxed's part of that memory.
func pxedMemory(ctx context.Context, l *lab.Lab) (size int64, err error) {
	const name = "process_resident_memory_bytes "
	client := &http.Client{Transport: &http.Transport{DialContext: l.Observer.DialContext, DisableKeepAlives: true}}
	err = get(ctx, client, fmt.Sprintf("http://%v/metrics", lab.BoxAddr), func(*http.Request) {},
		func(body io.Reader) error {
			for in := bufio.NewScanner(body); in.Scan(); {
				if value, ok := strings.CutPrefix(in.Text(), name); ok {
					bytes, err := strconv.ParseFloat(value, 64)
					size = int64(bytes)
					return err
				}
			}
			return errors.New("the metrics do not tell the memory")
		})
	return size, err
}

func get(
	ctx context.Context, client *http.Client, url string, prepare func(*http.Request), read func(io.Reader) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	prepare(r)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	if err := read(resp.Body); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return nil
}
