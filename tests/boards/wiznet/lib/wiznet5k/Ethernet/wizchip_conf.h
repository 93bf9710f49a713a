// The part of the chip's driver that wiznet.c calls.
typedef enum { IK_SOCK_0 = 1 << 8 } intr_kind;
uint16_t getSn_RX_RSR(uint8_t sn);
