// The stack that interrupts need under a running Python program.
#ifndef MODHTTP_PORT_RP2_STACK_H
#define MODHTTP_PORT_RP2_STACK_H

// PendSV runs on the stack of what it interrupts, so Python must stop recursing this many bytes early.
#define MODHTTP_STACK_RESERVE (1280)

#endif
