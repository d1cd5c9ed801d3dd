// Package httpbench measures pxed's HTTP server next to nginx and to the least
// program that serves a folder with net/http. All run throughout, each on its
// own host, and take turns. wrk generates the load.
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
	"runtime"
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
daemon off; user root; pid $DIR/pid; error_log stderr; worker_processes %d;
events { worker_connections 1024; }
http {
	access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
	open_file_cache max=1000 inactive=60s;
	client_body_temp_path $DIR/t1; proxy_temp_path $DIR/t2; fastcgi_temp_path $DIR/t3; uwsgi_temp_path $DIR/t4; scgi_temp_path $DIR/t5;
	server { listen 80; root $DIR/boot; }
}
`

// Programs are what is measured.
type Programs struct {
	Bin   string // folder of ours, as built
	Peers string // folder of unpacked Debian packages
	Plain string // a program that serves the folder in its argument with Plain
}

// Names returns the names of the servers, in the order of the results. The last
// is ours.
func Names(p Programs) []string {
	return []string{fileserver.Named("nginx", p.nginx(), "-v"), "net/http alone", "pxed"}
}

func (p Programs) nginx() string { return filepath.Join(p.Peers, "usr/sbin/nginx") }

// start starts all servers, each with the same files.
func start(ctx context.Context, p Programs, cores int) (all []*fileserver.Running, err error) {
	files := map[string][]byte{large: tftpload.Random(1, largeSize), small: tftpload.Random(2, smallSize)}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop(all))
		}
	}()
	pxed, err := fileserver.Pxed(p.Bin, manyEntries()).Start(ctx, cores, files)
	if err != nil {
		return nil, err
	}
	defer func() { all = append(all, pxed) }()
	rendered, err := fetch(ctx, pxed, menu)
	if err != nil {
		return nil, err
	}
	if n := len(rendered); n < smallSize || n > smallSize*5/4 {
		return nil, fmt.Errorf("the menu has %d bytes, and not some %d", n, smallSize)
	}
	files[menu] = rendered
	workers := cores
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	for _, s := range []fileserver.Server{
		fileserver.Command("nginx", fmt.Sprintf(nginxConf, workers), p.nginx(), "-p", "$DIR", "-c", "$DIR/conf",
			"-e", "stderr"),
		fileserver.Command("net/http alone", "", p.Plain, "-serve", "$DIR/boot"),
	} {
		r, err := s.Start(ctx, cores, files)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	for name, want := range files {
		for _, r := range append(slices.Clone(all), pxed) {
			if got, err := fetch(ctx, r, name); err != nil || !bytes.Equal(got, want) {
				return all, fmt.Errorf("%s is served as %d other bytes: %v", name, len(got), err)
			}
		}
	}
	return all, nil
}

func stop(all []*fileserver.Running) error {
	var err error
	for _, r := range all {
		err = errors.Join(err, r.Close())
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
	Rate       float64       // median; bytes or requests per second
	CPU        time.Duration // of the server per 10⁹ bytes
	PerRequest time.Duration // of the server per request
}

// Measure runs each of the cases runs times for the given length. The results are by
// case, then by server, in the order of Names. The servers are held to so many
// cores; 0 means all.
func Measure(
	ctx context.Context, p Programs, cases []Case, cores, runs int, length time.Duration, log io.Writer,
) (results [][]Result, err error) {
	servers, err := start(ctx, p, cores)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop(servers)) }()
	names := Names(p)
	wrk, err := filepath.Abs(filepath.Join(p.Peers, "usr/bin/wrk"))
	if err != nil {
		return nil, err
	}
	for _, c := range cases {
		tallies := make([]tally, len(servers))
		for range runs {
			for i, r := range servers {
				l, spent, err := run(ctx, wrk, r, c, length)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", c.Name, names[i], err)
				}
				tallies[i].add(c, l, spent, length)
			}
		}
		row := make([]Result, len(servers))
		for i := range row {
			row[i] = tallies[i].result()
			fmt.Fprintf(log, "%s: %s: %.4g, CPU %v a GB, %v a request\n", c.Name, names[i], row[i].Rate, row[i].CPU,
				row[i].PerRequest)
		}
		results = append(results, row)
	}
	return results, nil
}

// tally collects the runs of one server in one case.
type tally struct {
	rates           []float64
	cpu             time.Duration
	bytes, requests float64
}

func (t *tally) add(c Case, l load, cpu, length time.Duration) {
	rate := l.bytes
	if c.small {
		rate = l.requests
	}
	t.rates = append(t.rates, rate)
	t.cpu += cpu
	t.bytes += l.bytes * length.Seconds()
	t.requests += l.requests * length.Seconds()
}

func (t *tally) result() Result {
	slices.Sort(t.rates)
	r := Result{Rate: t.rates[len(t.rates)/2], CPU: time.Duration(float64(t.cpu) / t.bytes * 1e9)}
	if t.requests > 0 {
		r.PerRequest = time.Duration(float64(t.cpu) / t.requests)
	}
	return r
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
