// Package peers holds the tests in which the built programs meet the
// programs of others: clients of DHCP, TFTP and HTTP, relay agents, a foreign
// server, load, and packets that mean harm. Each test
// makes its own network namespaces and needs root for that; they need the
// build tag peers, and make peers runs them. What they stand on are the
// packages below. No code of the daemons is here, and none is imported: what
// these tests know of them is their flags, their configuration, and the wire.
package peers
