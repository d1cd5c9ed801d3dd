package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// dashboard is the part of a Grafana dashboard that the tests look at.
type dashboard struct {
	Title  string
	UID    string
	Panels []struct {
		ID      int
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

var (
	metricName = regexp.MustCompile(`\b(?:pxebox|process|go)_[a-z0-9_]+`)
	grouping   = regexp.MustCompile(`by \(([^)]*)\)`)
	described  = regexp.MustCompile(`fqName: "([^"]+)".*constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}`)
)

// The dashboard asks for metrics that exist, and for all of the box's own.
func TestGrafanaDashboard(t *testing.T) {
	b, err := os.ReadFile("../../../docs/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatalf("docs/grafana.json: %v", err)
	}
	m := New()
	m.Dropped(func() uint64 { return 0 })
	m.Running(trace.TFTP, func() int { return 0 })
	descriptions := make(chan *prometheus.Desc)
	go func() { m.registry.Describe(descriptions); close(descriptions) }()
	labels, shown := map[string]string{}, map[string]bool{}
	for one := range descriptions {
		d := described.FindStringSubmatch(one.String())
		labels[d[1]] = d[2] + "," + d[3] + ",le,job,instance,"
	}

	var expressions []string
	for _, v := range d.Templating.List {
		expressions = append(expressions, v.Definition)
	}
	seen := map[int]bool{}
	for _, p := range d.Panels {
		if p.Title == "" || len(p.Targets) == 0 || seen[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H == 0 {
			t.Errorf("panel %d %q has no title, no targets, another panel's ID or no place", p.ID, p.Title)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	for _, e := range expressions {
		for _, name := range metricName.FindAllString(e, -1) {
			base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
			has, ok := labels[base]
			if !ok {
				t.Errorf("there is no metric %s: %s", name, e)
			}
			shown[base] = true
			for _, by := range grouping.FindAllStringSubmatch(e, -1) {
				for label := range strings.SplitSeq(by[1], ",") {
					if label = strings.TrimSpace(label); !strings.Contains(has, label+",") &&
						!strings.Contains(has, label+"=") {
						t.Errorf("%s has no label %s, only %s", name, label, has)
					}
				}
			}
		}
	}
	for name := range labels {
		if !shown[name] && strings.HasPrefix(name, "pxebox_") {
			t.Errorf("no panel shows %s", name)
		}
	}
}
