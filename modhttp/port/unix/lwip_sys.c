// What lwIP asks of its system.
#include <string.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lwip/sys.h"

u32_t sys_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (u32_t)now.tv_sec * 1000 + (u32_t)(now.tv_nsec / 1000000);
}

uint32_t modhttp_lwip_rand(void) {
    uint32_t value = 0;
    while (getrandom(&value, sizeof(value), 0) != sizeof(value)) {
    }
    return value;
}

static void say(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

void modhttp_lwip_assert(const char *what, const char *file, int line) {
    char digits[12];
    char *digit = digits + sizeof(digits) - 1;
    *digit = '\0';
    do {
        *--digit = (char)('0' + line % 10);
        line /= 10;
    } while (line > 0);
    say("modhttp: lwIP assertion: ");
    say(what);
    say(" (");
    say(file);
    say(":");
    say(digit);
    say(")\n");
    abort();
}
