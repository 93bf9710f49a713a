// Vectors, well-known words and lookup tables: RP2040 datasheet, section 2.8 (Bootrom), 2.8.2.3 and 2.8.3.
//
// What the chip's ROM does with the flash chip, this one asks of the emulator: BKPT with a number that
// emulator/machine.mjs knows ("hypercall"). Arguments are in r0-r2, as the C functions get them.

    .syntax unified
    .cpu cortex-m0plus
    .thumb
#include "function.h"

#define CALL_NO_IMAGE 0xe0
#define CALL_ERASE 0xe1
#define CALL_PROGRAM 0xe2
#define CALL_BOOTSEL 0xe3
#define CALL_FAULT 0xe4

#define BOOT_STACK 0x20041f00    // below the RAM that the second stage is copied to

    .section .vectors, "ax"
    .word BOOT_STACK
    .word reset
    .word fault             // NMI
    .word fault             // HardFault
    .byte 'M', 'u', 1, 3    // magic, ROM version 3 (silicon B2)
    .hword function_table
    .hword data_table
    .hword table_lookup + 1

function reset
    bl boot_stage2_load     // r0: entry of the second stage, 0 if the flash holds none
    cmp r0, #0
    beq 1f
    movs r1, #0
    mov lr, r1              // no return address: the second stage enters the image's vector table
    bx r0
1:  bkpt #CALL_NO_IMAGE
    b 1b

function fault
    bkpt #CALL_FAULT
    b fault

function flash_range_erase
    bkpt #CALL_ERASE
    bx lr

function flash_range_program
    bkpt #CALL_PROGRAM
    bx lr

function reset_to_usb_boot
    bkpt #CALL_BOOTSEL
    b reset_to_usb_boot

// The emulated flash is always readable through XIP: connecting it, leaving and entering XIP and
// flushing the cache change nothing.
function flash_nothing
    bx lr

// void *table_lookup(uint16_t *table, uint32_t code)
function table_lookup
1:  ldrh r2, [r0]
    cmp r2, #0
    beq 2f
    ldrh r3, [r0, #2]
    adds r0, #4
    cmp r2, r1
    bne 1b
    movs r2, r3
2:  movs r0, r2
    bx lr

// Sine in r0, r1 and cosine in r2, r3: more than C can return.
function double_sincos
    push {r0, r1, r4, r5, r6, lr}
    bl sin
    movs r4, r0
    movs r5, r1
    ldr r0, [sp]
    ldr r1, [sp, #4]
    bl cos
    movs r2, r0
    movs r3, r1
    movs r0, r4
    movs r1, r5
    add sp, #8
    pop {r4, r5, r6, pc}

    .macro function_entry a, b, name
    .byte \a, \b
    .hword \name + 1       // Thumb
    .endm

    .macro data_entry a, b, name
    .byte \a, \b
    .hword \name
    .endm

    .section .rodata
    .align 2
function_table:
    function_entry 'P', '3', popcount32
    function_entry 'R', '3', reverse32
    function_entry 'L', '3', clz32
    function_entry 'T', '3', ctz32
    function_entry 'M', 'S', memset
    function_entry 'S', '4', memset
    function_entry 'M', 'C', memcpy
    function_entry 'C', '4', memcpy
    function_entry 'U', 'B', reset_to_usb_boot
    function_entry 'I', 'F', flash_nothing
    function_entry 'E', 'X', flash_nothing
    function_entry 'R', 'E', flash_range_erase
    function_entry 'R', 'P', flash_range_program
    function_entry 'F', 'C', flash_nothing
    function_entry 'C', 'X', flash_nothing
    .hword 0

    .align 2
data_table:
    data_entry 'S', 'F', float_table
    data_entry 'S', 'D', double_table
    data_entry 'C', 'R', copyright
    .hword 0

copyright:
    .asciz "modhttp emulator boot ROM"

    // The byte two before a table is its length in words.
    .align 2
    .byte 0, 0, 32, 0
float_table:
    .word __aeabi_fadd, __aeabi_fsub, __aeabi_fmul, __aeabi_fdiv
    .word float_compare, __aeabi_cfcmple
    .word __ieee754_sqrtf
    .word float_to_int, float_to_fix, float_to_uint, float_to_ufix
    .word __aeabi_i2f, fix_to_float, __aeabi_ui2f, ufix_to_float
    .word cosf, float_sincos, tanf, float_sincos
    .word __ieee754_expf, __ieee754_logf
    .word float_compare, __ieee754_atan2f
    .word __aeabi_l2f, fix64_to_float, __aeabi_ul2f, ufix64_to_float
    .word float_to_int64, float_to_fix64, float_to_uint64, float_to_ufix64
    .word __aeabi_f2d

    .byte 0, 0, 32, 0
double_table:
    .word __aeabi_dadd, __aeabi_dsub, __aeabi_dmul, __aeabi_ddiv
    .word double_compare, __aeabi_cdcmple
    .word __ieee754_sqrt
    .word double_to_int, double_to_fix, double_to_uint, double_to_ufix
    .word __aeabi_i2d, fix_to_double, __aeabi_ui2d, ufix_to_double
    .word cos, double_sincos, tan, double_sincos
    .word __ieee754_exp, __ieee754_log
    .word double_compare, __ieee754_atan2
    .word __aeabi_l2d, fix64_to_double, __aeabi_ul2d, ufix64_to_double
    .word double_to_int64, double_to_fix64, double_to_uint64, double_to_ufix64
    .word __aeabi_d2f
