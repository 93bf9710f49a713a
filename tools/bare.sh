#!/bin/sh
# Run a command in a fresh clone of this checkout on a bare Debian machine, where only git, make, python3, CA
# certificates and root are there: the proof that a newcomer's first command works.
#
#   tools/bare.sh SUITE COMMAND...      e.g.  tools/bare.sh trixie make test
#                                             tools/bare.sh bookworm sh -c 'make run & sleep 240; curl localhost:8080'
#
# SUITE is bookworm or trixie. What is committed (HEAD) is what is cloned. Needs root and mmdebstrap
# (tools/need.py bare). The base system is made once per suite and kept in $MODHTTP_CACHE/bare; remove it there to
# have a newer one. The machine itself lives under ${TMPDIR:-/tmp} for the time of the command; BARE_KEEP=1 leaves it.
#
# The command runs as root, in a mount and a process namespace of its own: when it ends, so do all processes that
# it started and all mounts, and nothing is mounted any more when the directory is removed. The network, /dev (with
# /dev/net/tun) and the name resolution are those of the outer machine, as are its CA bundle and proxy settings.
set -eu

fail() { echo "modhttp: bare: $*" >&2; exit 2; }

[ $# -ge 2 ] || fail "usage: tools/bare.sh SUITE COMMAND..."
[ "$(id -u)" = 0 ] || fail "needs root, for chroot and mounts"
command -v mmdebstrap >/dev/null || fail "mmdebstrap is not there: run tools/need.py bare"

suite=$1
shift
top=$(cd "$(dirname "$0")/.." && pwd)
cache=${MODHTTP_CACHE:-$HOME/.cache/modhttp}/bare
base=$cache/$suite.tar
bare=git,make,python3,ca-certificates

if [ ! -s "$base" ]; then
    mirror=$(python3 "$top/micropython/fetch.py" --mirror)
    mkdir -p "$cache"
    echo "modhttp: bare: making a bare $suite" >&2
    # Made under its own name, so that an interrupted run leaves nothing that looks finished.
    mmdebstrap --quiet --format=tar --variant=apt --include="$bare" "$suite" "$base.$$" "$mirror" ||
        { rm -f "$base.$$"; fail "mmdebstrap could not make a bare $suite from $mirror"; }
    mv "$base.$$" "$base"
fi

machine=$(mktemp -d "${TMPDIR:-/tmp}/bare-$suite-XXXXXX")
remove() {
    if [ -n "${BARE_KEEP:-}" ]; then
        echo "modhttp: bare: kept $machine" >&2
    else
        rm -rf --one-file-system "$machine"
    fi
}
trap remove EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

tar -xf "$base" -C "$machine"
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
    if [ -e "$file" ]; then cp -L "$file" "$machine$file"; fi
done
git clone -q --no-hardlinks "$top" "$machine/srv/modhttp"

# A clean environment: only what tells tools how to reach the network, and which certificates to trust.
set -- HOME=/srv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" "$@"
network='(https?|ftp|all|no)_proxy|npm_config_(registry|cafile|.*proxy)|pip_(cert|proxy|index_url|default_timeout)'
certificates='.*_ca_(bundle|certs)|.*cainfo|ssl_cert_(file|dir)'
for name in $(env | sed -n 's/^\([A-Za-z_]*\)=.*/\1/p' | grep -E -x -i "$network|$certificates"); do
    set -- "$name=$(printenv "$name")" "$@"
done

# The inner shell stays, as process 1: Ctrl-C would not end a command in its place.
# shellcheck disable=SC2016 # the inner shell expands these
unshare --mount --propagation private --pid --fork --kill-child sh -c '
    machine=$1
    shift
    mount --bind "$machine" "$machine" || exit 2 # "ip netns exec" wants the root directory to be a mount point
    mount -t proc proc "$machine/proc" || exit 2
    mount --rbind /sys "$machine/sys" || exit 2
    mount --rbind /dev "$machine/dev" || exit 2
    chroot "$machine" env -i -C /srv/modhttp "$@"
    exit $?
' bare "$machine" "$@"
