// From reset to the second stage: RP2040 datasheet, section 2.8.1.

#include <stdint.h>
#include <string.h>

#define FLASH ((const uint8_t *)0x10000000)
#define STAGE2_SIZE 256     // the last word is the checksum of the rest
#define STAGE2_RAM ((uint8_t *)0x20041f00)

uint32_t boot_stage2_load(void);

// CRC-32 with polynomial 0x04c11db7, most significant bit first, nothing inverted at the end.
static uint32_t checksum(const uint8_t *bytes, uint32_t length) {
    uint32_t crc = 0xffffffff;
    for (uint32_t i = 0; i < length; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc << 1) ^ ((crc >> 31) * 0x04c11db7);
        }
    }
    return crc;
}

// Copies the flash's first 256 bytes to RAM. Returns their Thumb entry address, 0 if the checksum is wrong.
uint32_t boot_stage2_load(void) {
    uint32_t expected;
    memcpy(STAGE2_RAM, FLASH, STAGE2_SIZE);
    memcpy(&expected, STAGE2_RAM + STAGE2_SIZE - 4, 4);
    if (checksum(STAGE2_RAM, STAGE2_SIZE - 4) != expected) {
        return 0;
    }
    return (uint32_t)STAGE2_RAM | 1;
}
