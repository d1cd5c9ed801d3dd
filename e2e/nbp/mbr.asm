; mbr.asm is the first sector of a disk: its code says on the serial port that it
; runs, and then does nothing more. It stands for the system that is on a
; machine's own disk. Behind it is the table with one partition, an EFI system
; partition, so that UEFI finds a program of its own there.
;
; Build: nasm -f bin -o mbr mbr.asm

	bits	16
	org	0x7c00

COM1	equ	0x3f8
FIRST	equ	2048		; of the partition, in sectors
SECTORS	equ	65536 - FIRST

start:
	xor	ax, ax
	mov	ds, ax
	cld
	mov	si, text
.next:
	lodsb
	or	al, al
	jz	.rest
	mov	ah, al
	mov	dx, COM1 + 5	; line status
.busy:
	in	al, dx
	test	al, 0x20	; room for one more
	jz	.busy
	mov	al, ah
	mov	dx, COM1
	out	dx, al
	jmp	.next
.rest:
	hlt
	jmp	.rest

text:
	db	13, 10, "DISK-STANDIN: OK started", 13, 10, 0

	times 446 - ($ - $$) db 0
	db	0		; not active
	db	0xff, 0xff, 0xff
	db	0xef		; EFI system partition (UEFI 2.10 section 5.2.2)
	db	0xff, 0xff, 0xff
	dd	FIRST, SECTORS
	times 510 - ($ - $$) db 0
	dw	0xaa55
