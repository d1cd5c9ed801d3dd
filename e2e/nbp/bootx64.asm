; bootx64.asm is a UEFI program that says on the console that it runs, and
; then does nothing more. It stands for whatever a site has its machines load.
;
; Build: nasm -f bin -o bootx64.efi bootx64.asm
; The headers are those of the PE/COFF specification, as far as UEFI 2.10
; section 2.1.1 has firmware read them. The code runs at any address, so there
; are no relocations.

	bits	64
	default	rel

FILE_ALIGNMENT	equ 0x200
PAGE		equ 0x1000

	section .text start=0
dos_header:
	db	"MZ"
	times 0x3c - ($ - $$) db 0
	dd	pe_header - $$

pe_header:
	db	"PE", 0, 0
	dw	0x8664			; x86-64
	dw	1			; sections
	dd	0, 0, 0			; no time, no symbols
	dw	optional_end - optional
	dw	0x0022			; executable, large addresses

optional:
	dw	0x020b			; PE32+
	db	0, 0
	dd	code_size, 0, 0
	dd	PAGE			; entry point: the section's start
	dd	PAGE			; code
	dq	0			; preferred base: none
	dd	PAGE, FILE_ALIGNMENT
	dw	0, 0, 0, 0, 0, 0	; versions
	dd	0
	dd	2 * PAGE		; size in memory
	dd	FILE_ALIGNMENT		; size of the headers
	dd	0
	dw	10			; an EFI application
	dw	0
	dq	0, 0, 0, 0		; stack and heap are the firmware's
	dd	0
	dd	6			; directories, all empty
	times 6 dq 0
optional_end:

	db	".text", 0, 0, 0
	dd	code_size, PAGE
	dd	code_size, FILE_ALIGNMENT
	dd	0, 0
	dw	0, 0
	dd	0x60000020		; code, to be read and run
	times FILE_ALIGNMENT - ($ - $$) db 0

; EFI_STATUS entry(EFI_HANDLE image, EFI_SYSTEM_TABLE *system), UEFI 2.10
; sections 4.1 and 4.3.
code:
	sub	rsp, 40			; room for four arguments, and alignment
	mov	rcx, [rdx + 64]		; system->ConOut
	lea	rdx, [text]
	call	[rcx + 8]		; ConOut->OutputString(ConOut, text)
.wait:
	pause
	jmp	.wait

text:	dw	__?utf16?__(`\r\nUEFI-STANDIN: OK loaded\r\n`), 0

	align	FILE_ALIGNMENT, db 0
code_size	equ $ - code
