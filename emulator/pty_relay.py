"""A pseudo-terminal for the emulated board's USB serial port, since Node cannot make one.

Relays between standard input/output (the board) and the terminal's far end (mpremote, a terminal program).
On file descriptor 3 goes first the terminal's path, then "open" and "closed" as clients come and go.
Ends when standard input does. What the board prints while no client is there is lost, as on a real port.
"""

import os
import pty
import select
import tty

LOOK_FOR_CLIENT = 0.05  # seconds; a terminal that nobody has open reports hang-up all the time


def tell(text):
    os.write(3, f"{text}\n".encode())


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def make_terminal():
    master, slave = pty.openpty()
    tty.setraw(slave)
    tell(os.ttyname(slave))
    os.close(slave)
    os.set_blocking(master, False)
    return master


def has_client(master):
    poll = select.poll()
    poll.register(master, select.POLLIN)
    return not any(events & select.POLLHUP for _, events in poll.poll(0))


def from_board(master, client):
    """Returns False at the end of standard input."""
    data = os.read(0, 65536)
    if not data:
        return False
    try:
        while client and data:
            select.select([], [master], [], 1)
            data = data[os.write(master, data):]
    except OSError:
        pass  # the client left, or has stopped reading for a second
    return True


def from_client(master):
    """Returns False when there is no more: what a client has sent can still be read after it has gone."""
    try:
        data = os.read(master, 65536)
    except OSError:
        return False
    write_all(1, data)
    return bool(data)


def relay(master):
    client = False
    while True:
        if has_client(master) != client:
            client = not client
            while not client and from_client(master):
                pass
            tell("open" if client else "closed")
        ready, _, _ = select.select([0, master] if client else [0], [], [], None if client else LOOK_FOR_CLIENT)
        if master in ready and not from_client(master):
            continue  # hung up; noticed above
        if 0 in ready and not from_board(master, client):
            return


if __name__ == "__main__":
    relay(make_terminal())
