package qemu

import (
	"errors"
	"testing"
)

func TestChoose(t *testing.T) {
	works := func() error { return nil }
	aborts := func() error { return errors.New("trial: QEMU ended: failed to set MSR 0x10a\nsignal: aborted") }
	for _, test := range []struct {
		situation, forced string
		open, try         func() error // nil: must not be called
		want              Choice
		err               string
	}{
		{
			situation: "KVM runs the kernel", open: works, try: works,
			want: Choice{KVM, "it runs the appliance's kernel"},
		},
		{
			situation: "KVM does not", open: works, try: aborts,
			want: Choice{TCG, "KVM does not run the appliance's kernel: trial: QEMU ended: failed to set MSR 0x10a"},
		},
		{
			situation: "KVM has an internal error", open: works,
			try: func() error {
				return errors.New("trial: QEMU ended: qemu-system-x86_64: warning: host doesn't support requested " +
					"feature\n" +
					"KVM internal error. Suberror: 1\nRAX=0000000001ad29a0")
			},
			want: Choice{TCG, "KVM does not run the appliance's kernel: KVM internal error. Suberror: 1"},
		},
		{
			situation: "KVM hangs", open: works,
			try:  func() error { return errors.New("it did not start within 1m30s\nmore") },
			want: Choice{TCG, "KVM does not run the appliance's kernel: it did not start within 1m30s"},
		},
		{
			situation: "there is no KVM",
			open:      func() error { return errors.New("open /dev/kvm: no such file or directory") },
			want:      Choice{TCG, "no KVM: open /dev/kvm: no such file or directory"},
		},
		{situation: "TCG is forced", forced: "tcg", want: Choice{TCG, "ACCEL=tcg"}},
		{situation: "KVM is forced", forced: "kvm", want: Choice{KVM, "ACCEL=kvm"}},
		{
			situation: "a word that is neither is forced", forced: "KVM",
			err: "ACCEL=KVM: QEMU guests run on tcg or kvm; write ACCEL=tcg or ACCEL=kvm",
		},
	} {
		t.Run(test.situation, func(t *testing.T) {
			must := func(f func() error) func() error {
				if f != nil {
					return f
				}
				return func() error { t.Error("it looks at the machine"); return nil }
			}
			got, err := choose(test.forced, must(test.open), must(test.try))
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}
