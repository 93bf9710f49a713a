// extmod/lwip-include/lwipopts_common.h includes MicroPython's configuration; slipgate has none to give.
