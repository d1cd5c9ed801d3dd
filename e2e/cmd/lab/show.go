package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/pxebox/pxebox/e2e/handoff"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// The content of the picture. A menu that is also on a serial port, or counts
// down, would give a different picture each time.
const (
	pictureTitle = "Network boot, workshop"
	picture      = `
[menu]
title   = "` + pictureTitle + `"
timeout = "0s"

[[wds]]
name   = "wds"
server = "192.168.77.2"

[[entry]]
name  = "wds"
label = "Windows 11, by the deployment server"
wds   = "wds"
help  = "Installs Windows. Everything on the computer's disk is lost."

[[entry]]
name    = "linux"
label   = "Linux"
submenu = true

[[entry]]
name   = "debian"
in     = "linux"
label  = "Debian 12, installer"
kernel = "debian/linux"
initrd = ["debian/initrd.gz"]

[[entry]]
name   = "rescue"
label  = "Rescue system"
kernel = "debian/linux"
initrd = ["debian/initrd.gz"]
append = "rescue/enable=true"

[[entry]]
name  = "disk"
label = "This computer's own disk"
disk  = true
`
)

// show is one run of the lab.
type show struct {
	image, dir, display, screenshot string
	uefi, keep                      bool

	start time.Time
	steps []handoff.Event
}

// run boots everything. limit bounds the time until WDS, not the time after it.
func (s *show) run(ctx context.Context, limit time.Duration) error {
	s.start = time.Now()
	l, err := lab.New(s.dir, "run", slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer l.Close()
	bounded, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not there after %v", limit))
	defer cancel()
	bounded, unwatch := l.Watch(bounded)
	defer unwatch()

	client, err := s.reachMenu(bounded, l)
	if err != nil {
		return err
	}
	if s.screenshot != "" {
		return l.ScreenshotMenu(bounded, client, s.screenshot)
	}
	err = l.Follow(bounded, client, s.step)
	s.summary(l, err)
	if s.keep && ctx.Err() == nil {
		fmt.Println("All is left up; what you type goes to the client's serial port. Ctrl-C ends it.")
		go typeTo(client.Console)
		<-ctx.Done()
	}
	return err
}

// reachMenu boots the box, waits until it serves, and powers on the client.
func (s *show) reachMenu(ctx context.Context, l *lab.Lab) (*qemu.Machine, error) {
	choice, err := lab.Accelerator()
	if err != nil {
		return nil, err
	}
	s.say("guests run on", choice)
	settings := lab.ServerMode + lab.Menu(5*time.Second, "wds", true) + lab.WDSEntry + lab.DebianEntry + lab.DiskEntry
	title := lab.Title
	if s.screenshot != "" {
		settings, title = lab.ServerMode+picture, pictureTitle
	}
	perm := map[string]lab.File{lab.SettingsFile: {Content: []byte(settings)}}
	for _, name := range []string{"linux", "initrd.gz"} {
		// No client starts them, but an entry whose files are missing would
		// show a message.
		perm[path.Join(lab.BootDir, "debian", name)] = lab.File{Content: []byte("stands for Debian's\n")}
	}
	firmware, err := l.Firmware(qemu.Debian13)
	if err != nil {
		return nil, err
	}
	if _, err := l.StartBox(s.image, perm); err != nil {
		return nil, err
	}
	s.say("the box is powered on")
	if err := l.WaitReady(ctx, lab.BoxAddr, title); err != nil {
		return nil, err
	}
	s.step(handoff.Event{Time: time.Now(), Detail: "the box serves its menu"})

	c := lab.ClientConfig{Firmware: firmware, Display: s.display}
	if c.Display == "" && s.screenshot == "" && haveWindow() {
		c.Display = "gtk"
	}
	if c.Display == "" && s.screenshot == "" {
		c.Serial = indented{os.Stdout}
	}
	start, name := l.StartClient, firmware.IPXE()
	if s.uefi {
		name = firmware.OVMF()
		start = func(c lab.ClientConfig) (*qemu.Machine, error) {
			return l.StartUEFI(lab.UEFIConfig{ClientConfig: c, SecureBoot: true})
		}
	}
	client, err := start(c)
	if err != nil {
		return nil, err
	}
	s.step(handoff.Event{Time: time.Now(), Detail: "the client is powered on, with " + name})
	return client, nil
}

func (s *show) say(words ...any) {
	fmt.Printf("%7.1f s  %s", time.Since(s.start).Seconds(), fmt.Sprintln(words...))
}

func (s *show) step(e handoff.Event) {
	s.steps = append(s.steps, e)
	fmt.Println(s.line(e))
}

// line formats a step with the time since the start. A step without a number is
// the lab's own.
func (s *show) line(e handoff.Event) string {
	name := ""
	if e.Step != handoff.None {
		name = e.Step.String()
	}
	return fmt.Sprintf("%7.1f s  %-12s  %s", e.Time.Sub(s.start).Seconds(), name, e.Detail)
}

func (s *show) summary(l *lab.Lab, err error) {
	fmt.Println("\nFrom power-on to WDS:")
	for _, e := range s.steps {
		fmt.Println(s.line(e))
	}
	if err == nil {
		fmt.Println("The client reached WDS.")
	} else {
		fmt.Println("The client did not reach WDS.")
	}
	fmt.Println("Packets:", l.Capture())
}

// haveWindow reports whether there is a display, and a QEMU that can use it.
func haveWindow() bool {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return false
	}
	out, err := exec.Command("qemu-system-x86_64", "-display", "help").Output()
	return err == nil && strings.Contains(string(out), "\ngtk\n")
}

// typeTo passes a person's typing on, one line at a time.
func typeTo(c *qemu.Console) {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if err := errors.Join(err, c.Type(strings.TrimSuffix(line, "\n")+"\r")); err != nil {
			return
		}
	}
}

// indented sets the client's console apart from the lab's own lines.
type indented struct{ w io.Writer }

func (i indented) Write(p []byte) (int, error) {
	if _, err := fmt.Fprintf(i.w, "             | %s", p); err != nil {
		return 0, err
	}
	return len(p), nil
}
