// Package peers holds the tests in which the built programs meet third-party
// programs: DHCP, TFTP and HTTP clients, relay agents, a foreign server, load
// generators, and hostile packets. Each test makes its own network namespaces
// and needs root for that. The tests need the build tag peers; make peers runs
// them. They build on the packages below this one. No code of the daemons is
// here and none is imported: these tests know only the daemons' flags, their
// configuration, and the wire.
package peers
