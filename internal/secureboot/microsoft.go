package secureboot

import (
	"encoding/hex"
	"maps"
)

// The authorities whose certificates machines have in their signature database
// (db). Each hierarchy has an old and a new one, and a machine may have only one
// of the two.
const (
	// UEFICA2011 and UEFICA2023 issue the certificates for programs of third
	// parties: shim, iPXE, wimboot.
	UEFICA2011 = "Microsoft Corporation UEFI CA 2011"
	UEFICA2023 = "Microsoft UEFI CA 2023"

	// WindowsPCA2011 and WindowsCA2023 issue those for Windows: bootmgfw.efi,
	// wdsmgfw.efi, winload.efi. KB5025885 revokes the first.
	WindowsPCA2011 = "Microsoft Windows Production PCA 2011"
	WindowsCA2023  = "Windows UEFI CA 2023"
)

// The certificates' SHA-256, as Microsoft publishes them in
// github.com/microsoft/secureboot_objects below PreSignedObjects/DB.
var (
	thirdParty = map[Fingerprint]string{
		fingerprint("48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507"): UEFICA2011,
		fingerprint("f6124e34125bee3fe6d79a574eaa7b91c0e7bd9d929c1a321178efd611dad901"): UEFICA2023,
	}
	windows = map[Fingerprint]string{
		fingerprint("e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961"): WindowsPCA2011,
		fingerprint("076f1fea90ac29155ebf77c17682f75f1fdd1be196da302dc8461e350a9ae330"): WindowsCA2023,
	}
)

func fingerprint(s string) Fingerprint {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // the table is part of the program
	}
	return Fingerprint(b)
}

// ThirdParty returns Microsoft's authorities for programs of third parties. The
// caller may change the map.
func ThirdParty() map[Fingerprint]string { return maps.Clone(thirdParty) }

// Microsoft returns all four of Microsoft's authorities. The caller may change the
// map.
func Microsoft() map[Fingerprint]string {
	all := maps.Clone(thirdParty)
	maps.Copy(all, windows)
	return all
}
