#!/bin/sh
# Builds the firmware of a board: build/firmware/<BOARD>.uf2 and .elf. BOARD may name a variant: MODHTTP_PICO_W-FAST.
#
#   tools/build_firmware.sh <MicroPython tree> [BOARD] [build directory] [configure]
#
# "configure" stops before anything is compiled. The tree is only read. mpy-cross comes from $MICROPY_MPYCROSS, or is built once into $MODHTTP_CACHE.
# Equal sources and compilers give equal bytes, wherever they and the build lie.
set -eu

usage() {
    echo "usage: $0 <MicroPython tree> [BOARD] [build directory] [configure]" >&2
    exit 2
}

[ $# -ge 1 ] && [ $# -le 4 ] && [ "${4:-configure}" = configure ] || usage
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tree=$(CDPATH='' cd -- "$1" && pwd)
board=${2:-MODHTTP_PICO}
family=${board%%-*} # without the variant
variant=${board#"$family"}
variant=${variant#-}
boards=$root/ports/rp2/boards
mkdir -p "${3:-$root/build}/firmware"
out=$(CDPATH='' cd -- "${3:-$root/build}/firmware" && pwd)
objects=$out/obj-$board
cache=${MODHTTP_CACHE:-$HOME/.cache/modhttp}
jobs=${JOBS:-$(nproc)}

[ -f "$boards/$family/mpconfigboard.h" ] && [ -z "$variant" -o -f "$boards/$family/mpconfigvariant_$variant.cmake" ] || {
    echo "$0: no board $board in ports/rp2/boards" >&2
    exit 2
}
[ -f "$tree/ports/rp2/CMakeLists.txt" ] || {
    echo "$0: $tree is not a MicroPython source tree" >&2
    exit 2
}

export PYTHONDONTWRITEBYTECODE=1 # no __pycache__ in the tree
export PYTHONHASHSEED=0 # make-pins.py writes a set in the order of its hashes
# The version is the tree's, not that of a git repository that happens to be around it; no date, so that equal sources
# give equal images.
version() { sed -n "s/^#define MICROPY_VERSION_$1 *//p" "$tree/py/mpconfig.h"; }
export MICROPY_GIT_TAG="v$(version MAJOR).$(version MINOR).$(version MICRO)"
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1767225600}" # 2026-01-01
# Nor paths: they would be in the text of assertions and in the ELF's debug information. The last one that fits is taken.
export CFLAGS="-ffile-prefix-map=$tree=micropython -ffile-prefix-map=$root=modhttp -ffile-prefix-map=$objects=build"
export CXXFLAGS="$CFLAGS" ASMFLAGS="$CFLAGS"
unset CFLAGS_EXTRA LDFLAGS

# Runs a command, and shows what it said only when it fails.
quietly() {
    log=$1
    shift
    "$@" >"$log" 2>&1 || {
        status=$?
        cat "$log" >&2
        exit $status
    }
}

if [ -z "${MICROPY_MPYCROSS:-}" ]; then
    mkdir -p "$cache/mpy-cross-$MICROPY_GIT_TAG"
    export MICROPY_MPYCROSS="$cache/mpy-cross-$MICROPY_GIT_TAG/mpy-cross"
    [ -x "$MICROPY_MPYCROSS" ] || quietly "$cache/mpy-cross-$MICROPY_GIT_TAG.log" \
        make -C "$tree/mpy-cross" -j"$jobs" USER_C_MODULES= BUILD="$cache/mpy-cross-$MICROPY_GIT_TAG"
fi

configure() {
    rm -rf "$objects"
    mkdir -p "$objects"
    quietly "$objects/configure.log" cmake -G Ninja -S "$tree/ports/rp2" -B "$objects" \
        -DMICROPY_BOARD="$family" \
        ${variant:+-DMICROPY_BOARD_VARIANT="$variant"} \
        -DMICROPY_BOARD_DIR="$boards/$family" \
        -DUSER_C_MODULES="$root/modhttp/micropython.cmake" \
        -DPICO_SDK_PATH_OVERRIDE="$tree/lib/pico-sdk"
    echo "$settings" >"$objects/settings"
}

# What no file depends on: a change starts over.
settings="$tree $CFLAGS $SOURCE_DATE_EPOCH $(cksum <"$0")"
if [ ! -f "$objects/build.ninja" ] || [ "$(cat "$objects/settings" 2>/dev/null)" != "$settings" ]; then
    configure
fi
[ -z "${4:-}" ] || exit 0
quietly "$objects/build.log" ninja --quiet -C "$objects" -j"$jobs"

if [ ! "$out/$board.uf2" -nt "$objects/firmware.elf" ]; then
    arm-none-eabi-objcopy -O binary "$objects/firmware.elf" "$objects/firmware.bin"
    quietly "$objects/uf2.log" python3 "$tree/tools/uf2conv.py" -f 0xe48bff56 -b 0x10000000 -c \
        -o "$out/$board.uf2.new" "$objects/firmware.bin"
    cp "$objects/firmware.elf" "$out/$board.elf"
    mv "$out/$board.uf2.new" "$out/$board.uf2"
fi
echo "$out/$board.uf2"
