// Package httpbench measures pxed's HTTP server next to nginx. Both run
// throughout, each on its own host, and take turns. wrk generates the load.
// Each file is first fetched and compared, because wrk does not check the
// content.
package httpbench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/tftpload"
)

// Case is a row of the table.
type Case struct {
	Name        string
	file        string
	connections int
	small       bool // counts requests per second instead of bytes
}

const (
	// menu is a file that pxed keeps in memory; nginx gets the same bytes.
	menu         = "pxelinux.cfg/default"
	large, small = "large", "small"

	largeSize, smallSize = 64 << 20, 4 << 10
)

// Cases are the cases in which the servers are compared.
var Cases = []Case{
	{"one large file, MB/s", large, 1, false},
	{"eight at once, MB/s", large, 8, false},
	{"files of 4 KiB in memory, 50 connections, requests/s", menu, 50, true},
	{"files of 4 KiB on disk, 50 connections, requests/s", small, 50, true},
}

// manyEntries makes pxed render a menu of slightly more than 4 KiB.
func manyEntries() string {
	var b strings.Builder
	for i := range 19 {
		fmt.Fprintf(&b, "[[entry]]\nname = \"e%d\"\nlabel = \"Machine room %d\"\nkernel = \"linux\"\nappend = %q\n",
			i, i, strings.Repeat("console=ttyS0,115200 ", 7))
	}
	return b.String()
}

const nginxConf = `
daemon off; user root; pid $DIR/pid; error_log stderr; worker_processes auto;
events { worker_connections 1024; }
http {
	access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
	open_file_cache max=1000 inactive=60s;
	client_body_temp_path $DIR/t1; proxy_temp_path $DIR/t2; fastcgi_temp_path $DIR/t3; uwsgi_temp_path $DIR/t4; scgi_temp_path $DIR/t5;
	server { listen 80; root $DIR/boot; }
}
`

// servers are nginx and ours, each with its files.
type servers struct {
	nginx, pxed *fileserver.Running
	files       map[string][]byte
}

func start(ctx context.Context, bin, peers string) (_ *servers, err error) {
	s := &servers{files: map[string][]byte{large: tftpload.Random(1, largeSize), small: tftpload.Random(2, smallSize)}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.pxed, err = fileserver.Pxed(bin, manyEntries()).Start(ctx, 0, s.files); err != nil {
		return nil, err
	}
	rendered, err := fetch(ctx, s.pxed, menu)
	if err != nil {
		return nil, err
	}
	if n := len(rendered); n < smallSize || n > smallSize*5/4 {
		return nil, fmt.Errorf("the menu has %d bytes, and not some %d", n, smallSize)
	}
	s.files[menu] = rendered
	nginx := fileserver.Command("nginx", nginxConf, nginxProgram(peers), "-p", "$DIR", "-c", "$DIR/conf",
		"-e", "stderr")
	if s.nginx, err = nginx.Start(ctx, 0, s.files); err != nil {
		return nil, err
	}
	for name, want := range s.files {
		for _, r := range []*fileserver.Running{s.nginx, s.pxed} {
			if got, err := fetch(ctx, r, name); err != nil || !bytes.Equal(got, want) {
				return nil, fmt.Errorf("%s is served as %d other bytes: %v", name, len(got), err)
			}
		}
	}
	return s, nil
}

func (s *servers) close() error {
	var err error
	for _, r := range []*fileserver.Running{s.nginx, s.pxed} {
		if r != nil {
			err = errors.Join(err, r.Close())
		}
	}
	return err
}

// fetch gets a file, once the server answers.
func fetch(ctx context.Context, r *fileserver.Running, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("it serves nothing by HTTP"))
	defer cancel()
	transport := &http.Transport{DialContext: func(ctx context.Context, network,
		address string) (c net.Conn, err error) {
		err = r.Client.Do(func() error {
			c, err = (&net.Dialer{}).DialContext(ctx, network, address)
			return err
		})
		return c, err
	}}
	defer transport.CloseIdleConnections()
	for {
		b, err := get(ctx, &http.Client{Transport: transport}, url(name))
		if err == nil {
			return b, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond): // the port is not open yet
		}
	}
}

func url(name string) string { return fmt.Sprintf("http://%v/%s", fileserver.Address, name) }

func get(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

// Result is the result of one server in one case.
type Result struct {
	Rate float64       // median; bytes or requests per second
	CPU  time.Duration // of the server per 10⁹ bytes
}

// Measure runs each case runs times for the given length. The results are by
// case: nginx's, then ours.
func Measure(
	ctx context.Context, bin, peers string, runs int, length time.Duration, log io.Writer,
) (results [][2]Result, err error) {
	s, err := start(ctx, bin, peers)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	wrk, err := filepath.Abs(filepath.Join(peers, "usr/bin/wrk"))
	if err != nil {
		return nil, err
	}
	for _, c := range Cases {
		var rates [2][]float64
		var cpu [2]time.Duration
		var moved [2]float64
		for range runs {
			for i, r := range []*fileserver.Running{s.nginx, s.pxed} {
				l, spent, err := run(ctx, wrk, r, c, length)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", c.Name, err)
				}
				rate := l.bytes
				if c.small {
					rate = l.requests
				}
				rates[i] = append(rates[i], rate)
				cpu[i] += spent
				moved[i] += l.bytes * length.Seconds()
			}
		}
		var row [2]Result
		for i := range row {
			slices.Sort(rates[i])
			row[i] = Result{rates[i][runs/2], time.Duration(float64(cpu[i]) / moved[i] * 1e9)}
		}
		fmt.Fprintf(log, "%s: nginx %.4g, pxed %.4g\n", c.Name, row[0].Rate, row[1].Rate)
		results = append(results, row)
	}
	return results, nil
}

// run loads a server with wrk, and measures the server's processor time
// meanwhile.
func run(
	ctx context.Context, wrk string, r *fileserver.Running, c Case, length time.Duration,
) (load, time.Duration, error) {
	cmd := exec.CommandContext(ctx, wrk, "-t", fmt.Sprint(min(2, c.connections)), "-c", fmt.Sprint(c.connections), "-d",
		fmt.Sprintf("%.0fs", length.Seconds()), url(c.file))
	var err error
	if cmd.Env, err = fileserver.Environment(wrk); err != nil {
		return load{}, 0, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	before, err := r.CPU()
	if err != nil {
		return load{}, 0, err
	}
	if err := r.Client.Start(cmd); err != nil {
		return load{}, 0, fmt.Errorf("wrk, which make bench-http fetches: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return load{}, 0, fmt.Errorf("wrk: %w: %s", err, out.Bytes())
	}
	after, err := r.CPU()
	if err != nil {
		return load{}, 0, err
	}
	l, err := parse(out.String())
	return l, after - before, err
}

// Congestion returns the congestion control that both servers use (tcp(7)): the
// system's, because they set none.
func Congestion() (string, error) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
	return strings.TrimSpace(string(b)), err
}

// Nginx returns the name and version of the measured nginx.
func Nginx(peers string) string { return fileserver.Named("nginx", nginxProgram(peers), "-v") }

func nginxProgram(peers string) string { return filepath.Join(peers, "usr/sbin/nginx") }

// Section returns the results in Markdown, with what a reader must know to
// interpret them.
func Section(machine, nginx, congestion string, runs int, length time.Duration, results [][2]Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## HTTP\n\n| case | %s | pxed | pxed ÷ nginx | nginx, CPU s/GB | pxed, CPU s/GB |\n", nginx)
	b.WriteString("|---|--:|--:|--:|--:|--:|\n")
	for i, c := range Cases {
		n, p := results[i][0], results[i][1]
		divisor := 1e6
		if c.small {
			divisor = 1
		}
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | **%.2f** | %.2f | %.2f |\n",
			c.Name, n.Rate/divisor, p.Rate/divisor, p.Rate/n.Rate, n.CPU.Seconds(), p.CPU.Seconds())
	}
	fmt.Fprintf(&b, `
Measured on %s. Each number is the median of %d runs
of %v by wrk, on two threads at most, over a separate veth pair for each
server. nginx has a worker for each core, sendfile and open_file_cache on, and
no log. The large file has 64 MiB. The file in memory is one that pxed renders;
nginx has the same bytes on disk. What both serve is fetched and compared
before.

Both have the system's congestion control, %s; the appliance's kernels have bbr.
That paces what is sent by timers, which costs more the smaller the packets are:
without it (reno) nginx gains far more with small files than pxed does.
`, machine, runs, length, congestion)
	return b.String()
}
