// lwIP on the host: started before MicroPython, driven from the pendsv signal.
#ifndef MODHTTP_UNIX_STACK_H
#define MODHTTP_UNIX_STACK_H

// Set by whoever wants to print the forwarder's address in a better place than the interrupt: called there when
// the program's server accepts connections; line ends with a newline.
extern void (*stack_announce)(const char *line);

// The end of the program: what it has answered leaves before it does, and lwIP runs no more, so that no callback of
// lwIP's finds the heap gone. Called when the VM ends, and at exit.
void stack_flush(void);

#endif
