; pxeboot.asm stands in for Microsoft's pxeboot.n12: a network boot program for
; BIOS machines that loads bootmgr.exe from the server that it came from.
;
; - The server is siaddr of cached packet 3, the boot server's answer, which PXE
;   2.1 section 4.4.1 means for this.
; - bootmgr.exe is looked for in the folder of the packet's boot file. Servers
;   with several folders are documented so: boot\x64 of WDS and SMSBoot\x64 of
;   ConfigMgr each hold both programs. How the real one splits a name with
;   forward slashes has not been seen. A box that looks in the entry's folder
;   first finds the same file with the folder and without it.
; - It starts what it has loaded only if that is the stand-in for bootmgr.exe.
;
; Each line goes to COM1 and to the screen, and starts with "WINPE: ". It prints
; a last one, "WINPE: FAIL <reason>", only if bootmgr.exe does not start.
;
; Build: nasm -f bin -o pxeboot.n12 pxeboot.asm, with pxe.inc in the same folder

	cpu	386
	bits	16
	org	0x7c00

LOAD		equ 0x2000	; the segment of bootmgr.exe
LOAD_END	equ 0x8000	; PXE has the memory from 512 KiB on
PACKET_LEN	equ 1536

	absolute 0xa000
packet:		resb PACKET_LEN		; the boot server's answer
name:		resb FILE_LEN + 16	; of bootmgr.exe
pxe_entry:	resd 1
is_pxenv:	resb 1
server:		resd 1
parameters:	resb 160
entry_pxe:	resd 1			; far pointer to !PXE, as at our entry
entry_pxenv:	resd 1			; and to PXENV+
stack_bottom:	resb 4096
stack_top:

	section .text

start:
	; At entry: ES:BX is PXENV+, SS:[SP+4] is !PXE (PXE 2.1 section 4.4.5).
	cli
	cld
	mov	bp, sp
	mov	eax, [ss:bp + 4]
	mov	dx, es
	shl	edx, 16
	mov	dx, bx
	xor	cx, cx
	mov	ds, cx
	mov	ss, cx
	mov	sp, stack_top
	sti
	mov	[entry_pxe], eax
	mov	[entry_pxenv], edx
	call	serial_init
	mov	si, msg_hello
	call	line
	call	find_pxe
	mov	si, msg_no_pxe
	jc	fail

	mov	cx, 3			; PXENV_PACKET_TYPE_CACHED_REPLY
	mov	di, packet
	mov	dx, PACKET_LEN
	call	cached
	mov	si, msg_no_packet
	jc	fail
	cmp	word [parameters + 4], OPTIONS
	jb	fail
	mov	eax, [packet + SIADDR]
	mov	[server], eax
	or	eax, eax
	mov	si, msg_no_server
	jz	fail

	call	make_name
	mov	si, msg_loading
	call	begin
	mov	si, name
	call	puts
	mov	si, msg_from
	call	puts
	mov	si, server
	call	put_ip
	call	newline
	call	load
	jc	fail			; SI is the reason

	; As our own start was: ES:BX and the pointer on the stack.
	les	bx, [entry_pxenv]
	push	dword [entry_pxe]
	push	dword 0			; where a return address is
	jmp	LOAD:0

fail:
	push	si
	mov	si, msg_fail
	call	begin
	pop	si
	call	puts
	call	newline
halt:
	hlt
	jmp	halt

; make_name: the folder of the packet's boot file, and bootmgr.exe.
make_name:
	push	ds
	pop	es
	mov	si, packet + FILE
	mov	di, name
	mov	dx, di			; the end of the folder so far
	mov	cx, FILE_LEN
.next:
	lodsb
	or	al, al
	jz	.done
	stosb
	cmp	al, '\'
	je	.folder
	cmp	al, '/'
	jne	.more
.folder:
	mov	dx, di
.more:
	loop	.next
.done:
	mov	di, dx
	mov	si, msg_bootmgr
	mov	cx, msg_bootmgr_len
	rep	movsb
	ret

; load: bootmgr.exe to LOAD:0. CF and SI = reason.
load:
	mov	si, name
	call	tftp_open
	mov	si, msg_open
	jc	.failed
	mov	bx, LOAD
	xor	di, di
.read:
	mov	es, bx
	call	tftp_read
	mov	si, msg_read
	jc	.close_failed
	add	di, cx
	; A segment that leaves room for the next block.
	mov	ax, di
	shr	ax, 4
	add	bx, ax
	and	di, 15
	cmp	bx, LOAD_END
	mov	si, msg_long
	jae	.close_failed
	cmp	cx, bp
	je	.read
	call	tftp_close
	mov	ax, LOAD
	mov	es, ax
	mov	di, MAGIC_AT
	mov	si, magic
	mov	cx, magic_len
	repe	cmpsb
	mov	si, msg_no_magic
	jne	.failed
	clc
	ret
.close_failed:
	call	tftp_close
.failed:
	stc
	ret

%include "pxe.inc"

magic:		db "PXEBOX-LAB-BOOTMGR"
magic_len	equ $ - magic
MAGIC_AT	equ 3			; a jump comes first

msg_bootmgr:	db "bootmgr.exe", 0
msg_bootmgr_len	equ $ - msg_bootmgr

msg_prefix:	db "WINPE: ", 0
msg_hello:	db "pxeboot.n12 started", 0
msg_loading:	db "loading ", 0
msg_from:	db " from ", 0
msg_fail:	db "FAIL ", 0
msg_no_pxe:	db "no PXE entry point", 0
msg_no_packet:	db "cached packet 3 absent", 0
msg_no_server:	db "siaddr of cached packet 3 is zero: no server", 0
msg_open:	db "PXENV_TFTP_OPEN of bootmgr.exe failed", 0
msg_read:	db "PXENV_TFTP_READ of bootmgr.exe failed", 0
msg_long:	db "bootmgr.exe is too long", 0
msg_no_magic:	db "what came as bootmgr.exe is another program", 0
