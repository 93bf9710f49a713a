// Some newlibs' math functions report range errors through errno, and the ROM has no variables. Nobody reads it: the
// report goes below the stack pointer, where nothing is kept.

int *__errno(void);

int *__errno(void) {
    return (int *)__builtin_frame_address(0) - 16;
}
