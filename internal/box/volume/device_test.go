package volume

import (
	"slices"
	"testing"
	"testing/fstest"
)

func sys(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, content := range files {
		m[name] = &fstest.MapFile{Data: []byte(content + "\n")}
	}
	return m
}

var oneDisk = map[string]string{
	"block/vda/size": "16777216", "block/vda/diskseq": "1", "block/vda/queue/hw_sector_size": "512",
	"block/vda/vda1/partition": "1", "block/vda/vda1/start": "8192", "block/vda/vda1/size": "204800",
	"block/vda/vda5/partition": "5", "block/vda/vda5/start": "2048", "block/vda/vda5/size": "6144",
	"block/loop0/size": "0", "block/ram0/size": "8192",
	// a reader whose new card the kernel has not noticed yet
	"block/sda/size": "0", "block/sda/diskseq": "7", "block/sda/removable": "1",
	"block/mmcblk0/size": "0", // a slot without a card
}

func TestDevices(t *testing.T) {
	got, err := Devices(sys(oneDisk))
	want := []Device{{"sda", "sda", "7/0"}, {"vda", "vda", "1/16777216"}, {"vda1", "vda", "1/8192+204800"},
		{"vda5", "vda", "1/2048+6144"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Devices(fstest.MapFS{}); err == nil {
		t.Error("without /sys there is no error")
	}
}

func TestChanged(t *testing.T) {
	disk := Device{"vda", "vda", "1/16777216"}
	stick, other := Device{"sda1", "sda", "2/2048+100"}, Device{"sda1", "sda", "3/2048+100"}
	for _, tt := range []struct {
		situation   string
		before, now []Device
		mounted     Device
		added       []Device
		gone        bool
	}{
		{situation: "at the start", now: []Device{disk, stick}, added: []Device{disk, stick}},
		{situation: "nothing", before: []Device{disk, stick}, now: []Device{disk, stick}, mounted: stick},
		{situation: "plugged in", before: []Device{disk}, now: []Device{disk, stick}, added: []Device{stick}},
		{situation: "pulled out", before: []Device{disk, stick}, now: []Device{disk}, mounted: stick, gone: true},
		{situation: "another one between two looks", before: []Device{disk, stick}, now: []Device{disk, other},
			mounted: stick, added: []Device{other}, gone: true},
		{situation: "a second one goes", before: []Device{disk, stick, other}, now: []Device{disk, stick},
			mounted: stick},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			added, gone := changed(tt.before, tt.now, tt.mounted)
			if !slices.Equal(added, tt.added) || gone != tt.gone {
				t.Errorf("got %v, %v", added, gone)
			}
		})
	}
}
