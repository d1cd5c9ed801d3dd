; bootmgr.asm stands in for Microsoft's bootmgr.exe: what starts WinPE on a BIOS
; machine once pxeboot.n12 has loaded it.
;
; - It asks the server of cached packet 3 for the files of Windows' media, by the
;   fixed names that the real one asks for, in the same order. The names begin
;   with a backslash, which means the root.
; - \Boot\BCD is a text: a line with "regfPXEBOX-LAB-BCD" and one with the path
;   of the WIM.
; - It prints the length and the CRC-32 of each file, or that it is not there.
;
; Each line goes to COM1 and to the screen, and starts with "WINPE: ". The last
; one is "WINPE: OK ..." or "WINPE: FAIL <reason>".
;
; Build: nasm -f bin -o bootmgr.exe bootmgr.asm, with pxe.inc in the same folder

	cpu	386
	bits	16
	org	0

PACKET_LEN	equ 1536
TRIES		equ 3		; for each file: see fetch

; pxeboot.n12 loads it at 2000:0. What is not code lies above it in the same
; segment.
	absolute 0xa000
packet:		resb PACKET_LEN
block:		resb BLOCK
wim:		resb FILE_LEN		; the path in the BCD
pxe_entry:	resd 1
is_pxenv:	resb 1
server:		resd 1
parameters:	resb 160
tries:		resb 1
bytes:		resd 1
crc:		resd 1
table:		resd 256		; of CRC-32
stack_bottom:	resb 4096
stack_top:

	section .text

	jmp	near start
	db	"PXEBOX-LAB-BOOTMGR"

start:
	; At entry: as pxeboot.n12 itself was started.
	cli
	cld
	mov	bp, sp
	mov	eax, [ss:bp + 4]
	mov	dx, es
	shl	edx, 16
	mov	dx, bx
	mov	cx, cs
	mov	ds, cx
	mov	ss, cx
	mov	sp, stack_top
	sti
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
	mov	eax, [packet + SIADDR]
	mov	[server], eax
	call	make_table

	mov	si, name_bcd
	call	need
	call	read_bcd
	mov	si, msg_no_bcd
	jc	fail
	mov	si, name_font
	call	fetch			; without it the real one shows no menu
	mov	si, name_sdi
	call	need
	mov	si, wim
	call	need

	mov	si, msg_ok
	call	begin
	mov	si, wim
	call	puts
	mov	si, msg_from
	call	puts
	mov	si, server
	call	put_ip
	call	newline
halt:
	hlt				; interrupts stay on: the screen may be read
	jmp	halt

fail:
	push	si
	mov	si, msg_fail
	call	begin
	pop	si
	call	puts
	call	newline
	jmp	halt

; need: fetches the file whose name is at SI, which must be there.
need:
	call	fetch
	jc	fail			; with the name as the reason
	ret

; fetch: reads the file whose name is at SI, and prints the name, bytes and crc.
; The last block stays in block. CF: it is not there, or did not come whole. The
; TFTP of iPXE's PXE API gives up when a block comes twice, as it does when an ACK
; is late; so a second try is worth it.
fetch:
	push	si
	call	begin
	mov	byte [tries], TRIES
.open:
	mov	dword [bytes], 0
	mov	dword [crc], -1
	call	tftp_open
	jc	.missing
.read:
	push	ds
	pop	es
	mov	di, block
	call	tftp_read
	jc	.broken
	movzx	ecx, cx
	add	[bytes], ecx
	call	add_crc
	cmp	cx, bp
	je	.read
	call	tftp_close
	mov	si, msg_bytes
	call	puts
	mov	eax, [bytes]
	call	put_number
	mov	si, msg_crc
	call	puts
	mov	eax, [crc]
	not	eax
	call	put_hex
	call	newline
	pop	si
	clc
	ret
.broken:
	call	tftp_close
	pop	si
	push	si
	dec	byte [tries]
	jnz	.open
	mov	si, msg_broken
	jmp	.failed
.missing:
	mov	si, msg_missing
.failed:
	call	puts
	call	newline
	pop	si
	stc
	ret

; read_bcd: the path of the WIM, from the BCD in block. CF: it is not ours.
read_bcd:
	push	ds
	pop	es
	mov	si, block
	mov	di, magic
	mov	cx, magic_len
	repe	cmpsb
	jne	.no
	mov	di, wim
	mov	cx, FILE_LEN - 1
.next:
	lodsb
	cmp	al, 10
	je	.done
	stosb
	loop	.next
.no:
	stc
	ret
.done:
	mov	byte [di], 0
	clc
	ret

; make_table: for each byte, what eight steps of CRC-32 make of it.
make_table:
	xor	bx, bx
.byte:
	movzx	eax, bx
	mov	cx, 8
.bit:
	shr	eax, 1
	jnc	.even
	xor	eax, 0xedb88320
.even:
	loop	.bit
	mov	si, bx
	shl	si, 2
	mov	[table + si], eax
	inc	bx
	cmp	bx, 256
	jb	.byte
	ret

; add_crc: the CX bytes in block.
add_crc:
	pushad
	jcxz	.done
	mov	si, block
	mov	eax, [crc]
.next:
	movzx	ebx, byte [si]
	inc	si
	xor	bl, al
	shr	eax, 8
	xor	eax, [table + ebx * 4]
	loop	.next
	mov	[crc], eax
.done:
	popad
	ret

; put_hex: EAX, eight digits.
put_hex:
	pushad
	mov	cx, 8
.digit:
	rol	eax, 4
	push	ax
	and	al, 15
	cmp	al, 10
	sbb	al, 0x69		; the digit in ASCII, with das
	das
	call	putc
	pop	ax
	loop	.digit
	popad
	ret

%include "pxe.inc"

name_bcd:	db "\Boot\BCD", 0
name_font:	db "\Boot\Fonts\wgl4_boot.ttf", 0
name_sdi:	db "\Boot\boot.sdi", 0

magic:		db "regfPXEBOX-LAB-BCD", 10
magic_len	equ $ - magic

msg_prefix:	db "WINPE: ", 0
msg_hello:	db "bootmgr.exe started", 0
msg_bytes:	db " bytes=", 0
msg_crc:	db " crc=", 0
msg_from:	db " from ", 0
msg_missing:	db " is not there", 0
msg_broken:	db " did not come whole", 0
msg_ok:		db "OK ", 0
msg_fail:	db "FAIL ", 0
msg_no_pxe:	db "no PXE entry point", 0
msg_no_packet:	db "cached packet 3 absent", 0
msg_no_bcd:	db "what came as \Boot\BCD is not the lab's", 0
