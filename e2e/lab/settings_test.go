package lab

import (
	"testing"
	"time"

	"github.com/pxebox/pxebox/config/parser"
)

func TestSettingsAreValid(t *testing.T) {
	for situation, text := range map[string]string{
		"server": ServerMode + Menu(5*time.Second, "wds", true) + WDSEntry + DiskEntry,
		"proxy":  ProxyMode + Menu(0, "debian", false) + WDSEntry + DebianEntry,
	} {
		t.Run(situation, func(t *testing.T) {
			c, err := parser.Parse(SettingsFile, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if c.Menu.Title != Title || len(c.Entries) != 2 {
				t.Errorf("got %+v", c)
			}
		})
	}
}
