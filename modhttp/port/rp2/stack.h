// The stack that interrupts need under a running Python program.
#ifndef MODHTTP_PORT_RP2_STACK_H
#define MODHTTP_PORT_RP2_STACK_H

// PendSV, and with it lwIP and the server, runs on the stack of what it interrupts, and one more interrupt may come on
// top. Python's own check leaves 256 bytes, which are for its own C functions. This many bytes are added to the stack
// of both cores; the GC heap has that much less.
//
// tools/stack_depth.py computes what is needed from the compiler's frame sizes and the calls in the ELF: 2884 bytes,
// for a file's answer that finds no room and refuses another connection to make some, when a USB interrupt comes.
// (--limit makes it fail when a firmware needs more than this.)
#if MODHTTP_BOARD_SLIP
#define MODHTTP_STACK_RESERVE (2944)
#else
// On Ethernet and Wi-Fi there is multicast DNS: 3812 bytes, for a question that asks for the name which is being probed (option
// --mdns), and what the driver takes before and after, which only an upstream checkout can tell. tools/dist.py has it checked.
#define MODHTTP_STACK_RESERVE (4608)
#endif

#endif
