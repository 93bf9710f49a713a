// What a modhttp board adds to MicroPython's start and soft reset; named by the MICROPY_BOARD_* hooks of its
// mpconfigboard.h, and so free of other includes.
#ifndef MODHTTP_PORT_RP2_BOARD_H
#define MODHTTP_PORT_RP2_BOARD_H

void modhttp_board_early_init(void);
void modhttp_board_start_soft_reset(void);
void modhttp_board_end_soft_reset(void);

#endif
