package view

import (
	"fmt"
	"html/template"
	"time"
)

// moment shows a date and time in UTC. The script converts it to the reader's
// time zone.
func moment(t time.Time) template.HTML { return element(t, "2006-01-02 15:04:05 UTC", "") }

// clock shows a time of day, to the millisecond.
func clock(t time.Time) template.HTML { return element(t, "15:04:05.000", "clock") }

// seconds shows a time of day, to the second.
func seconds(t time.Time) template.HTML { return element(t, "15:04:05", "seconds") }

// short shows a time of day to the minute.
func short(t time.Time) template.HTML { return element(t, "15:04 UTC", "short") }

// element shows a time. All of it is digits and constants.
func element(t time.Time, layout, form string) template.HTML {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	if form != "" {
		form = ` data-form="` + form + `"`
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s"%s>%s</time>`,
		t.Format("2006-01-02T15:04:05.000Z"), form, t.Format(layout)))
}

// duration shows how long something took, in as many digits as a person needs.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// size shows a number of bytes.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
