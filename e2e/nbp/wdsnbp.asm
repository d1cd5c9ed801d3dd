; wdsnbp.asm stands in for Microsoft's wdsnbp.com: a network boot program for
; BIOS machines that checks what a handoff to a WDS server must have left behind,
; and then does what the real one does until the next program is in.
;
; - It finds the PXE entry point, and prints every cached packet.
; - It takes the server from packet 2, as the real one of Server 2008 R2 does;
;   from packet 3 only where that carries option 60 and packet 2 names nobody.
; - It sends that server a request with option 250 on UDP 4011, and reads the
;   answer.
; - It fetches the file named there by the PXE TFTP calls, and looks for the
;   stand-in server's marker.
;
; Each line goes to COM1 and to the screen, and starts with "WDS-STANDIN: ".
; The last one is "WDS-STANDIN: OK ..." or "WDS-STANDIN: FAIL <reason>".
;
; Build: nasm -f bin -o wdsnbp.com wdsnbp.asm, with pxe.inc in the same folder

	cpu	386
	bits	16
	org	0x7c00

PXENV_UDP_OPEN		equ 0x30
PXENV_UDP_CLOSE		equ 0x31
PXENV_UDP_READ		equ 0x32
PXENV_UDP_WRITE		equ 0x33

PORT_CLIENT	equ 68
PORT_BINL	equ 4011

REQUEST_LEN	equ 548		; the least that RFC 2131 lets a server expect

TRIES		equ 5
ANSWER_TICKS	equ 2 * 18	; 2 s a try, at 18.2 ticks a second
BUFFER_LEN	equ 1536

; The BIOS loads us at 0000:7C00. All that is not code lies above it in the
; same segment, where PXE guarantees memory for the program.
	absolute 0xa000
packet1:	resb BUFFER_LEN		; our DHCPDISCOVER
packet2:	resb BUFFER_LEN		; the DHCPACK
packet3:	resb BUFFER_LEN		; the boot server's answer
request:	resb BUFFER_LEN
answer:		resb BUFFER_LEN
block:		resb BUFFER_LEN
length1:	resw 1
length2:	resw 1
length3:	resw 1
answer_len:	resw 1
pxe_entry:	resd 1			; far pointer to the PXE API
is_pxenv:	resb 1			; 1: the older API, with registers
server:		resd 1
bytes:		resd 1
sum:		resd 1
tries:		resb 1
deadline:	resw 1
marker_ok:	resb 1
parameters:	resb 160		; of a PXE call
stack_bottom:	resb 4096
stack_top:

	section .text

start:
	; At entry: ES:BX is PXENV+, SS:[SP+4] is !PXE (PXE 2.1 section 4.4.5).
	cli
	cld
	mov	bp, sp
	mov	eax, [ss:bp + 4]	; far pointer to !PXE
	mov	dx, es
	shl	edx, 16
	mov	dx, bx			; far pointer to PXENV+
	xor	cx, cx
	mov	ds, cx
	mov	ss, cx
	mov	sp, stack_top
	sti
	call	serial_init
	mov	si, msg_hello
	call	line
	call	find_pxe
	jc	.no_pxe

	call	read_packets
	mov	si, packet1
	mov	bx, [length1]
	mov	al, '1'
	call	print_packet
	mov	si, packet2
	mov	bx, [length2]
	mov	al, '2'
	call	print_packet
	mov	si, packet3
	mov	bx, [length3]
	mov	al, '3'
	call	print_packet

	call	choose_server
	mov	eax, [server]
	or	eax, eax
	jz	.no_server
	mov	si, msg_server
	call	begin
	mov	si, server
	call	put_ip
	call	newline

	cmp	dword [packet2 + YIADDR], 0
	je	.no_address

	call	ask
	mov	si, msg_no_answer
	jc	.fail
	call	print_answer
	mov	si, msg_wrong_siaddr
	mov	eax, [answer + SIADDR]
	cmp	eax, [server]
	jne	.fail
	mov	al, 250
	mov	si, answer
	mov	bx, [answer_len]
	call	find_option
	mov	si, msg_no_250
	jc	.fail
	mov	al, 252
	mov	si, answer
	mov	bx, [answer_len]
	call	find_option
	mov	si, msg_no_252
	jc	.fail
	cmp	byte [answer + FILE], 0
	mov	si, msg_no_file
	je	.fail

	call	fetch
	jc	.fail			; SI is the reason
	call	print_fetched
	cmp	byte [marker_ok], 1
	mov	si, msg_no_marker
	jne	.fail

	; A program that reads the other packet would ask another server.
	mov	eax, [server]
	cmp	eax, [packet2 + SIADDR]
	mov	si, msg_packet2
	jne	.fail
	cmp	eax, [packet3 + SIADDR]
	mov	si, msg_packet3
	jne	.fail

	mov	si, msg_ok
	call	begin
	mov	si, server
	call	put_ip
	mov	si, msg_ok_end
	call	puts
	call	newline
	jmp	halt

.no_pxe:
	mov	si, msg_no_pxe
	jmp	.fail
.no_server:
	mov	si, msg_no_server
	jmp	.fail
.no_address:
	mov	si, msg_no_address
.fail:
	push	si
	mov	si, msg_fail
	call	begin
	pop	si
	call	puts
	call	newline
halt:
	hlt				; interrupts stay on: the screen may be read
	jmp	halt

; ---- PXE --------------------------------------------------------------------

; read_packets: PXENV_GET_CACHED_INFO for 1, 2 and 3 into our own buffers.
read_packets:
	push	ds
	pop	es
	mov	di, packet1
	mov	cx, (packet3 - packet1 + BUFFER_LEN) / 2
	xor	ax, ax
	rep	stosw
	mov	di, packet1
	mov	bx, length1
	mov	cx, 1
.next:
	mov	word [bx], 0
	mov	dx, BUFFER_LEN
	call	cached
	jc	.none
	mov	ax, [parameters + 4]
	mov	[bx], ax
.none:
	add	di, BUFFER_LEN
	add	bx, 2
	inc	cx
	cmp	cx, 4
	jb	.next
	ret

; choose_server: packet 2's siaddr; packet 3's if packet 2 has none and packet
; 3 is a PXE server's (option 60).
choose_server:
	mov	eax, [packet2 + SIADDR]
	or	eax, eax
	jnz	.have
	mov	al, 60
	mov	si, packet3
	mov	bx, [length3]
	call	find_option
	mov	eax, 0			; flags survive a mov
	jc	.have
	mov	eax, [packet3 + SIADDR]
.have:
	mov	[server], eax
	ret

; ---- the request on 4011 ----------------------------------------------------

; ask: sends the request and waits for its answer, TRIES times. CF: none came.
ask:
	call	build_request
	mov	byte [tries], TRIES
	call	clear
	mov	eax, [packet2 + YIADDR]
	mov	[parameters + 2], eax		; src_ip
	mov	ax, PXENV_UDP_OPEN
	call	pxe
	jc	.failed_open
.try:
	mov	si, msg_asking
	call	begin
	mov	si, server
	call	put_ip
	call	newline
	call	clear
	mov	eax, [server]
	mov	[parameters + 2], eax		; ip; gw 0: the server is on our link
	mov	word [parameters + 10], PORT_CLIENT << 8
	mov	word [parameters + 12], (PORT_BINL >> 8) | ((PORT_BINL & 0xff) << 8)
	mov	word [parameters + 14], REQUEST_LEN
	mov	word [parameters + 16], request
	mov	[parameters + 18], ds
	mov	ax, PXENV_UDP_WRITE
	call	pxe
	; A failed write is a lost packet (ARP may need a second try).
	call	now
	add	ax, ANSWER_TICKS
	mov	[deadline], ax
.poll:
	call	clear
	; dest_ip 0: PXE 2.1 section 3.4.3, take what comes for any of our addresses.
	mov	word [parameters + 12], PORT_CLIENT << 8	; d_port
	mov	word [parameters + 14], BUFFER_LEN
	mov	word [parameters + 16], answer
	mov	[parameters + 18], ds
	mov	ax, PXENV_UDP_READ
	call	pxe
	jc	.nothing
	mov	ax, [parameters + 14]
	mov	[answer_len], ax
	call	is_answer
	jnc	.got
.nothing:
	call	now
	sub	ax, [deadline]
	js	.poll
	dec	byte [tries]
	jnz	.try
	call	.close
	stc
	ret
.got:
	call	.close
	clc
	ret
.failed_open:
	mov	si, msg_no_udp
	call	line
	stc
	ret
.close:
	call	clear
	mov	ax, PXENV_UDP_CLOSE
	jmp	pxe

; is_answer: CF clear if the packet in answer is a reply to our request.
is_answer:
	cmp	word [answer_len], OPTIONS
	jb	.no
	cmp	byte [answer], 2
	jne	.no
	mov	eax, [answer + XID]
	cmp	eax, [request + XID]
	jne	.no
	mov	al, 53
	mov	si, answer
	mov	bx, [answer_len]
	call	find_option
	jc	.no
	cmp	byte [si], 5			; DHCPACK
	jne	.no
	clc
	ret
.no:
	stc
	ret

; build_request: what wdsnbp.com sends. Who we are comes from our own DISCOVER.
build_request:
	push	ds
	pop	es
	mov	di, request
	mov	cx, BUFFER_LEN / 2
	xor	ax, ax
	rep	stosw
	mov	byte [request], 1		; BOOTREQUEST
	mov	ax, [packet1 + 1]		; htype, hlen
	mov	[request + 1], ax
	call	now
	mov	[request + XID], ax
	mov	eax, [packet1 + CHADDR + 2]
	xor	[request + XID], eax
	mov	eax, [packet2 + YIADDR]
	mov	[request + CIADDR], eax
	mov	si, packet1 + CHADDR
	mov	di, request + CHADDR
	mov	cx, 16
	rep	movsb
	mov	dword [request + 236], 0x63538263	; RFC 2131 section 3
	mov	di, request + OPTIONS
	mov	si, opt_53
	call	.append
	mov	al, 60
	mov	si, opt_60
	call	.copy
	mov	al, 93
	mov	si, opt_93
	call	.copy
	mov	al, 94
	mov	si, opt_94
	call	.copy
	mov	si, opt_55
	call	.append
	mov	si, opt_57
	call	.append
	mov	si, opt_250
	call	.append
	mov	al, 97
	mov	si, opt_97
	call	.copy
	mov	byte [di], 255
	ret
.copy:					; option AL of packet 1; SI if it has none
	push	si
	mov	si, packet1
	mov	bx, [length1]
	call	find_option
	pop	bx
	jc	.default
	sub	si, 2
	jmp	.append
.default:
	mov	si, bx
.append:				; code, length, value at SI
	mov	cl, [si + 1]
	xor	ch, ch
	add	cx, 2
	rep	movsb
	ret

; ---- the file named in the answer -------------------------------------------

; fetch: CF and SI = reason, or bytes, sum and marker_ok.
fetch:
	mov	dword [bytes], 0
	mov	dword [sum], 0
	mov	byte [marker_ok], 0
	mov	si, answer + FILE
	call	tftp_open
	mov	si, msg_open
	jc	.failed
.read:
	push	ds
	pop	es
	mov	di, block
	call	tftp_read
	mov	si, msg_read
	jc	.close_failed
	cmp	dword [bytes], 0
	jne	.count
	cmp	cx, marker_len
	jb	.count
	push	cx
	mov	si, block
	mov	di, marker
	mov	cx, marker_len
	repe	cmpsb
	pop	cx
	jne	.count
	mov	byte [marker_ok], 1
.count:
	movzx	ecx, cx
	add	[bytes], ecx
	mov	dx, cx
	mov	si, block
	jcxz	.counted
.add:
	lodsb
	movzx	eax, al
	add	[sum], eax
	loop	.add
.counted:
	cmp	dx, bp
	je	.read
	call	tftp_close
	clc
	ret
.close_failed:
	call	tftp_close
.failed:
	stc
	ret

; ---- printing ---------------------------------------------------------------

; print_packet: AL its digit, SI the packet, BX its length.
print_packet:
	push	si
	mov	si, msg_packet
	call	begin
	pop	si
	call	putc
	cmp	bx, OPTIONS
	jae	.there
	mov	si, msg_absent
	call	puts
	jmp	newline
.there:
	push	si
	mov	si, msg_yiaddr
	call	puts
	pop	si
	add	si, YIADDR
	call	put_ip
	sub	si, YIADDR
	push	si
	mov	si, msg_ciaddr
	call	puts
	pop	si
	add	si, CIADDR
	call	put_ip
	sub	si, CIADDR
	push	si
	mov	si, msg_siaddr
	call	puts
	pop	si
	add	si, SIADDR
	call	put_ip
	sub	si, SIADDR
	push	si
	mov	si, msg_file
	call	puts
	pop	si
	call	put_file
	push	si
	mov	al, 60
	call	find_option
	mov	si, msg_has60
	jnc	.has60
	mov	si, msg_no60
.has60:
	call	puts
	pop	si
	jmp	newline

print_answer:
	mov	si, msg_answer
	call	begin
	mov	si, answer + SIADDR
	call	put_ip
	mov	si, msg_file
	call	puts
	mov	si, answer
	call	put_file
	jmp	newline

print_fetched:
	mov	si, msg_fetched
	call	begin
	mov	si, answer
	call	put_file
	mov	si, msg_bytes
	call	puts
	mov	eax, [bytes]
	call	put_number
	mov	si, msg_sum
	call	puts
	mov	eax, [sum]
	call	put_number
	jmp	newline

; put_file: the file field of the packet at SI.
put_file:
	push	si
	push	cx
	add	si, FILE
	mov	cx, FILE_LEN
.next:
	lodsb
	or	al, al
	jz	.done
	call	putc
	loop	.next
.done:
	pop	cx
	pop	si
	ret

%include "pxe.inc"

; ---- data -------------------------------------------------------------------

; What the request says where packet 1 does not (a ROM may leave out 97), and
; what is always the same.
opt_53:		db 53, 1, 3
opt_55:		db 55, 4, 60, 67, 252, 250
opt_57:		db 57, 2, 0x05, 0xc0
opt_60:		db 60, 32, "PXEClient:Arch:00000:UNDI:002001"
opt_93:		db 93, 2, 0, 0
opt_94:		db 94, 3, 1, 2, 1
opt_97:		db 97, 17, 0, 0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
; Architecture 6, version 0800, nothing done yet.
opt_250:	db 250, 12
		db 1, 2, 0, 6
		db 13, 2, 8, 0
		db 14, 1, 0
		db 255

marker:		db "PXEBOX-LAB-NEXT-PROGRAM"
marker_len	equ $ - marker

msg_prefix:	db "WDS-STANDIN: ", 0
msg_hello:	db "started", 0
msg_packet:	db "packet ", 0
msg_absent:	db " absent", 0
msg_yiaddr:	db " yiaddr=", 0
msg_ciaddr:	db " ciaddr=", 0
msg_siaddr:	db " siaddr=", 0
msg_file:	db " file=", 0
msg_has60:	db " option60=yes", 0
msg_no60:	db " option60=no", 0
msg_server:	db "server ", 0
msg_asking:	db "asking ", 0
msg_answer:	db "answer siaddr=", 0
msg_fetched:	db "fetched file=", 0
msg_bytes:	db " bytes=", 0
msg_sum:	db " sum=", 0
msg_ok:		db "OK server=", 0
msg_ok_end:	db " packets 2 and 3 name it", 0
msg_fail:	db "FAIL ", 0
msg_no_pxe:	db "no PXE entry point", 0
msg_no_server:	db "packet 2 names no server", 0
msg_no_address:	db "packet 2 has no address (yiaddr 0)", 0
msg_no_udp:	db "PXENV_UDP_OPEN failed", 0
msg_no_answer:	db "no answer on port 4011", 0
msg_wrong_siaddr: db "the answer's siaddr is not the server asked", 0
msg_no_250:	db "the answer has no option 250: not a WDS server", 0
msg_no_252:	db "the answer has no option 252: no boot configuration", 0
msg_no_file:	db "the answer names no file", 0
msg_open:	db "PXENV_TFTP_OPEN failed", 0
msg_read:	db "PXENV_TFTP_READ failed", 0
msg_no_marker:	db "the file fetched is not the WDS server's", 0
msg_packet2:	db "packet 2 names another server", 0
msg_packet3:	db "packet 3 names another server", 0
