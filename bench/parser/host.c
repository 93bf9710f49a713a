// contenders.c on this machine: runs the one that is named, on the request on standard input.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

int run_modhttp(const uint8_t *data, size_t len);
int run_request(const uint8_t *data, size_t len);
int run_picohttpparser(const uint8_t *data, size_t len);
int run_llhttp(const uint8_t *data, size_t len);

static const struct {
    const char *name;
    int (*run)(const uint8_t *data, size_t len);
} contenders[] = {
    { "run_modhttp", run_modhttp },
    { "run_request", run_request },
#ifdef PEERS
    { "run_picohttpparser", run_picohttpparser },
    { "run_llhttp", run_llhttp },
#endif
};

int main(int argc, char **argv) {
    static uint8_t data[4096];
    size_t len = fread(data, 1, sizeof(data), stdin);
    for (size_t i = 0; argc == 2 && i < sizeof(contenders) / sizeof(contenders[0]); ++i) {
        if (strcmp(argv[1], contenders[i].name) == 0) {
            return contenders[i].run(data, len) != (int)len;
        }
    }
    return 2;
}
