// Package e2e holds the tests that boot whole machines: the appliance's image,
// and clients that network-boot from it, in QEMU on a LAN inside the test. They
// need the build tag e2e; make e2e runs them. They build on the packages below
// this one: lan, wds, nbp, secureboot, peer, qemu, handoff, browser, and lab,
// which puts a site together. No code of the appliance is here.
package e2e
