// Before main(): MODHTTP_ROMFS=FILE maps a ROMFS image. MicroPython mounts it at /rom when it starts, as the boards mount
// what is in their flash: a ROM file's buffer is the mapping itself, which stays as long as the process.
//
// The unix port has an empty image of its own, for tests. The linker's --wrap puts the function here in its place.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "py/mperrno.h"
#include "py/objarray.h"
#include "py/runtime.h"
#include "extmod/vfs.h"

// No items, no image.
static MP_DEFINE_MEMORYVIEW_OBJ(image, 'B', 0, 0, NULL);

mp_obj_t __wrap_mp_vfs_rom_ioctl(size_t n_args, const mp_obj_t *args);

mp_obj_t __wrap_mp_vfs_rom_ioctl(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    mp_int_t request = mp_obj_get_int(args[0]);
    if (request == MP_VFS_ROM_IOCTL_GET_NUMBER_OF_SEGMENTS) {
        return MP_OBJ_NEW_SMALL_INT(image.items != NULL);
    }
    if (request == MP_VFS_ROM_IOCTL_GET_SEGMENT && image.items != NULL) {
        return MP_OBJ_FROM_PTR(&image);
    }
    return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL); // of which no file system can be made, so nothing is mounted
}

// One record: its kind in three bytes, its length in base 128 with the highest digit first, and so many bytes.
static bool is_image(const uint8_t *data, size_t size) {
    size_t at = 3;
    size_t length = 0;
    if (size < 4 || memcmp(data, "\xd2\xcd\x31", 3) != 0) {
        return false;
    }
    do {
        if (at == size || length > size) {
            return false;
        }
        length = length << 7 | (data[at] & 0x7f);
    } while (data[at++] & 0x80);
    return length <= size - at;
}

// Returns what is wrong, or NULL.
static const char *map_image(const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) {
        return strerror(errno);
    }
    if (!S_ISREG(status.st_mode) || status.st_size == 0) {
        return "not a ROMFS image";
    }
    size_t size = (size_t)status.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (data == MAP_FAILED) {
        return strerror(errno);
    }
    if (!is_image(data, size)) {
        return "not a ROMFS image, or not all of one";
    }
    image.items = data;
    image.len = size;
    return NULL;
}

__attribute__((constructor)) static void romfs_start(void) {
    const char *path = getenv("MODHTTP_ROMFS");
    const char *error = path != NULL && *path != '\0' ? map_image(path) : NULL;
    if (error != NULL) {
        fprintf(stderr, "modhttp: MODHTTP_ROMFS=%s: %s\n", path, error);
        exit(1);
    }
    unsetenv("MODHTTP_ROMFS"); // not for the programs that this one starts
}
