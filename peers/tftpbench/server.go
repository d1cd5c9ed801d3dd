package tftpbench

import (
	"path/filepath"

	"github.com/pxebox/pxebox/peers/fileserver"
)

// Folders are the folders of the programs.
type Folders struct {
	Bin   string // ours, as built
	Peers string // unpacked Debian packages of peers
	Pin   string // a program that serves the folder in its argument with pin/tftp
}

// Servers returns the servers to compare; the last is ours. Each allows as many
// transfers as there are clients, and writes no log.
func Servers(f Folders) []fileserver.Server {
	return []fileserver.Server{
		fileserver.Command(fileserver.Named("tftpd-hpa", f.unpacked("in.tftpd"), "-V"), "", f.unpacked("in.tftpd"),
			"--foreground", "--address", fileserver.Address.String(), "--user", "root", "--secure", "boot"),
		fileserver.Command(fileserver.Named("dnsmasq", "dnsmasq", "--version"), "", "dnsmasq",
			"--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=/dev/null", "--pid-file=",
			"--user=root", "--port=0",
			"--enable-tftp", "--quiet-tftp", "--tftp-max=1000", "--tftp-root=$DIR/boot"),
		fileserver.Command(fileserver.Named("atftpd", f.unpacked("atftpd"), "--version"), "", f.unpacked("atftpd"),
			"--daemon", "--no-fork", "--maxthread", "1000", "--user", "root", "--group", "root", "--logfile",
			"/dev/null", "boot"),
		fileserver.Command("pin/tftp 3.2.0", "", f.Pin, "-serve", "boot"),
		fileserver.Pxed(f.Bin, "[tftp]\nmax_block = 65464\n"),
	}
}

func (f Folders) unpacked(name string) string { return filepath.Join(f.Peers, "usr/sbin", name) }
