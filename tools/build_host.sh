#!/bin/sh
# Builds the host targets, incrementally, from a MicroPython source tree that is only read:
#
#   tools/build_host.sh MPDIR [SANITIZE=1] [FAULTS=1] [BOARD_SIZES=1|2] [PROMPT_SOCKETS=1] [CC=clang] [BUILD=DIR] [JOBS=N]
#
# makes BUILD/modhttp (MicroPython with modhttp, on lwIP) and BUILD/slipgate. BUILD is build/host, or
# build/host-sanitize with SANITIZE=1, which means FAULTS=1 too: tests can make allocations fail. mpy-cross, which freezing needs, is built once per tree under
# $MODHTTP_CACHE (default ~/.cache/modhttp).
set -eu

repo=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -lt 1 ] || [ ! -e "$1/ports/unix/Makefile" ] || [ ! -e "$1/lib/lwip/src/core/tcp.c" ]; then
    echo "build_host.sh: MPDIR must be a MicroPython source tree with lib/lwip filled (micropython/fetch.py prints one)" >&2
    exit 2
fi
mpdir=$(cd "$1" && pwd)
shift

SANITIZE=0 FAULTS='' BOARD_SIZES=0 PROMPT_SOCKETS=0 CC=gcc BUILD='' JOBS=$(nproc)
for setting in "$@"; do
    case $setting in
        SANITIZE=* | FAULTS=* | BOARD_SIZES=* | PROMPT_SOCKETS=* | CC=* | BUILD=* | JOBS=*) eval "${setting%%=*}=\${setting#*=}" ;;
        *) echo "build_host.sh: unknown setting $setting" >&2; exit 2 ;;
    esac
done
FAULTS=${FAULTS:-$SANITIZE}
if [ -z "$BUILD" ]; then
    BUILD=build/host
    if [ "$SANITIZE" = 1 ]; then BUILD=build/host-sanitize; fi
fi
case $BUILD in
    /*) ;;
    *) BUILD=$repo/$BUILD ;;
esac
mkdir -p "$BUILD/obj/no-lib"
# The port's Makefile wants to see micropython-lib, of which nothing is used.
: > "$BUILD/obj/no-lib/README.md"

# The tree's own directory name carries its checksum, so one mpy-cross serves one tree.
cross_dir=${MODHTTP_CACHE:-$HOME/.cache/modhttp}/mpy-cross/$(printf %s "$mpdir" | cksum | cut -d' ' -f1)
cross=$cross_dir/mpy-cross
if [ ! -x "$cross" ]; then
    make -s -C "$mpdir/mpy-cross" -j"$JOBS" BUILD="$cross_dir" PROG=mpy-cross STRIP= >&2
fi

# Flags are no prerequisites of make's: a change of settings, or of the files that hold flags, starts over.
version=$(grep '^__version__' "$repo/python/modhttp/__init__.py")
flags=$(cat "$repo"/modhttp/micropython.mk "$repo"/modhttp/port/unix/*.mk "$repo"/micropython/unix/*.mk | cksum)
settings="$version $mpdir $SANITIZE $FAULTS $BOARD_SIZES $PROMPT_SOCKETS $CC $flags"
if [ "$(cat "$BUILD/obj/settings" 2>/dev/null)" != "$settings" ]; then
    rm -rf "$BUILD/obj/unix" "$BUILD/obj/slipgate"
    printf '%s\n' "$settings" > "$BUILD/obj/settings"
fi

make -s -C "$mpdir/ports/unix" -j"$JOBS" \
    VARIANT_DIR="$repo/micropython/unix" USER_C_MODULES="$repo" BUILD="$BUILD/obj/unix" \
    MPY_LIB_DIR="$BUILD/obj/no-lib" MICROPY_MPYCROSS="$cross" SIZE=: \
    CC="$CC" SANITIZE="$SANITIZE" FAULTS="$FAULTS" BOARD_SIZES="$BOARD_SIZES" PROMPT_SOCKETS="$PROMPT_SOCKETS" >&2
ln -f "$BUILD/obj/unix/micropython" "$BUILD/modhttp"

make -s -C "$repo/modhttp/port/unix" -f slipgate.mk -j"$JOBS" \
    MPDIR="$mpdir" OBJ="$BUILD/obj/slipgate" OUT="$BUILD/slipgate" CC="$CC" SANITIZE="$SANITIZE" >&2
