// memcpy and memset: RP2040 datasheet, section 2.8.3.1.2. In assembler, because their cost is part of nearly
// every cycle count: the chip's are too.

    .syntax unified
    .cpu cortex-m0plus
    .thumb
#include "function.h"

// void *memcpy(void *to, const void *from, size_t length)
function memcpy
    mov ip, r0
    cmp r2, #8
    blo .Lcopy_bytes
    movs r3, r0
    eors r3, r1
    lsls r3, #30
    bne .Lcopy_bytes        // the two can never be aligned together
1:  lsls r3, r0, #30
    beq 2f
    ldrb r3, [r1]
    strb r3, [r0]
    adds r0, #1
    adds r1, #1
    subs r2, #1
    b 1b
2:  subs r2, #16
    blo 4f
    push {r4-r6}
3:  ldmia r1!, {r3-r6}
    stmia r0!, {r3-r6}
    subs r2, #16
    bhs 3b
    pop {r4-r6}
4:  adds r2, #12            // what is left, less 4
    bmi 6f
5:  ldmia r1!, {r3}
    stmia r0!, {r3}
    subs r2, #4
    bpl 5b
6:  adds r2, #4
.Lcopy_bytes:               // from the end down
    subs r2, #1
    bmi 8f
7:  ldrb r3, [r1, r2]
    strb r3, [r0, r2]
    subs r2, #1
    bpl 7b
8:  mov r0, ip
    bx lr

// void *memset(void *to, int byte, size_t length)
function memset
    mov ip, r0
    cmp r2, #8
    blo .Lset_bytes
1:  lsls r3, r0, #30
    beq 2f
    strb r1, [r0]
    adds r0, #1
    subs r2, #1
    b 1b
2:  push {r4-r6}
    uxtb r1, r1
    lsls r3, r1, #8
    orrs r1, r3
    lsls r3, r1, #16
    orrs r1, r3
    movs r3, r1
    movs r4, r1
    movs r5, r1
    subs r2, #16
    blo 4f
3:  stmia r0!, {r1, r3-r5}
    subs r2, #16
    bhs 3b
4:  adds r2, #12
    bmi 6f
5:  stmia r0!, {r1}
    subs r2, #4
    bpl 5b
6:  adds r2, #4
    pop {r4-r6}
.Lset_bytes:
    subs r2, #1
    bmi 8f
7:  strb r1, [r0, r2]
    subs r2, #1
    bpl 7b
8:  mov r0, ip
    bx lr
