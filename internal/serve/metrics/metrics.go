// Package metrics counts what the servers do, for Prometheus. No label holds
// what a client chose, such as a name or an address. Otherwise anyone who can
// send packets could fill the memory with time series.
package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// What a scrape may cost. A site has one collector, and two while it replaces
// one.
const (
	maxScrapes  = 2
	scrapeLimit = 5 * time.Second
)

// durations are the buckets of a transfer's time, in seconds. A menu takes
// milliseconds. An installer's image over a busy link takes minutes.
var durations = []float64{.001, .01, .1, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800}

// Metrics is an independent set of counters. Its methods may be called from any
// goroutine.
type Metrics struct {
	registry    *prometheus.Registry
	answers     *prometheus.CounterVec
	silences    *prometheus.CounterVec
	transfers   *prometheus.CounterVec
	bytes       *prometheus.CounterVec
	retransmits *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	boots       *prometheus.CounterVec
	leases      prometheus.Gauge
	generation  *prometheus.GaugeVec
}

// New returns Metrics with all counters at zero.
func New() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "pxebox", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "pxebox", Name: name, Help: help}
	}
	m := &Metrics{
		registry:    prometheus.NewRegistry(),
		answers:     counter("dhcp_answers_total", "DHCP packets answered, by type of answer.", "step", "outcome"),
		silences:    counter("dhcp_silences_total", "DHCP packets not answered; the log says why.", "class"),
		transfers:   counter("transfers_total", "File requests, by outcome.", "protocol", "outcome"),
		bytes:       counter("transfer_bytes_total", "Bytes of files sent to clients.", "protocol"),
		retransmits: counter("retransmits_total", "File packets that were retransmitted.", "protocol"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "pxebox", Name: "transfer_seconds", Help: "Duration of complete transfers.", Buckets: durations,
		}, []string{"protocol"}),
		boots: counter("boots_total",
			"Boots that have ended or paused, for example in a menu, by how far they got and by their verdict.",
			"stage", "finding"),
		leases: prometheus.NewGauge(gauge("leases", "Leased addresses.")),
		generation: prometheus.NewGaugeVec(gauge("generation_info", "The configuration in use, by its ID; always 1."),
			[]string{"id"}),
	}
	m.registry.MustRegister(
		m.answers, m.silences, m.transfers, m.bytes, m.retransmits, m.duration, m.boots, m.leases, m.generation,
		// The process's memory, CPU time and open files. The Go runtime's
		// collector has four times as many metrics, and they help an operator
		// little.
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, Timeout: scrapeLimit})
}

// Dropped adds a counter of the events that were lost before they were counted.
// It is called at most once.
func (m *Metrics) Dropped(count func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "pxebox", Name: "events_dropped_total",
		Help: "Events dropped because a subscriber was full; the other counters may lack them.",
	}, func() float64 { return float64(count()) }))
}

// Running adds a gauge of a protocol's transfers under way. It is called at
// most once for each protocol.
func (m *Metrics) Running(p trace.Protocol, count func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "pxebox", Name: "transfers_running", Help: "Transfers under way.",
		ConstLabels: prometheus.Labels{"protocol": string(p)},
	}, func() float64 { return float64(count()) }))
}

// Leases sets how many addresses are leased.
func (m *Metrics) Leases(n int) { m.leases.Set(float64(n)) }

// Generation sets the generation that is served from now on.
func (m *Metrics) Generation(id string) {
	m.generation.Reset()
	m.generation.WithLabelValues(id).Set(1)
}

// Class says why a packet was not answered.
type Class string

// The classes.
const (
	Ignored Class = "ignored" // it was not for this box
	Trouble Class = "trouble" // an administrator must fix something
	Limited Class = "limited" // it was part of a flood
)

// Unanswered counts a DHCP packet that was not answered.
func (m *Metrics) Unanswered(c Class) { m.silences.WithLabelValues(string(c)).Inc() }

// Boot counts a boot that has ended. Stages and findings are tables of package
// trace.
func (m *Metrics) Boot(v trace.Verdict) {
	m.boots.WithLabelValues(v.Stage.String(), string(v.Finding)).Inc()
}

// Count counts events until ctx ends.
func (m *Metrics) Count(ctx context.Context, events <-chan trace.Event) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-events:
			m.Event(e)
		}
	}
}

// Event counts one event.
func (m *Metrics) Event(e trace.Event) {
	if e.Protocol == trace.DHCP {
		if e.Outcome == trace.Seen || e.Outcome == trace.Unanswered || e.What == trace.HandedOver ||
			e.What == trace.Adapted {
			return // not an answer
		}
		m.answers.WithLabelValues(e.What, string(e.Outcome)).Inc()
		return
	}
	if e.Outcome == trace.Begun {
		return // counted when it has ended
	}
	protocol := string(e.Protocol)
	m.transfers.WithLabelValues(protocol, string(e.Outcome)).Inc()
	m.bytes.WithLabelValues(protocol).Add(float64(e.Bytes))
	m.retransmits.WithLabelValues(protocol).Add(float64(e.Retransmits))
	if e.Outcome == trace.Sent {
		m.duration.WithLabelValues(protocol).Observe(e.Took.Seconds())
	}
}
