"""The wire of `make soak` carries frames between the server's TAP device and one of the kernel's, and loses some.

Loss is made here, because not every kernel has netem. `relay.py SERVER CLIENTS PERCENT SEED`: the names of the server's
device, which has to be there, and of the clients', which is made. SIGUSR1 ends the loss, SIGTERM the relay, which then
prints what it carried and lost in each direction.
"""

import fcntl
import json
import os
import random
import select
import signal
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
FRAME_MAX = 2048


def open_tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


def open_packets(name):
    """What the program behind a TAP device sends, and a way to send to it."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    packets.bind((name, 0))
    packets.setblocking(False)
    return packets


class Relay:
    def __init__(self, server, clients, percent, seed):
        self.clients = open_tap(clients)
        self.server = open_packets(server)
        self.loss = percent / 100
        self.chance = random.Random(seed)
        self.figures = {"to_server": 0, "lost_to_server": 0, "to_clients": 0, "lost_to_clients": 0}
        self.running = True
        signal.signal(signal.SIGUSR1, self.end_loss)
        signal.signal(signal.SIGTERM, self.end)

    def end_loss(self, *_):
        self.loss = 0

    def end(self, *_):
        self.running = False

    def carry(self, read, write, direction):
        """Move what is there. A full device loses it, as a wire would."""
        for _ in range(64):
            try:
                frame = read(FRAME_MAX)
            except BlockingIOError:
                return
            if self.chance.random() < self.loss:
                self.figures[f"lost_{direction}"] += 1
                continue
            try:
                write(frame)
                self.figures[direction] += 1
            except OSError:
                self.figures[f"lost_{direction}"] += 1

    def run(self):
        readable = select.poll()
        readable.register(self.clients, select.POLLIN)
        readable.register(self.server, select.POLLIN)
        while self.running:
            for number, _ in readable.poll(200):
                if number == self.clients:
                    self.carry(lambda size: os.read(self.clients, size), self.server.send, "to_server")
                else:
                    self.carry(self.server.recv, lambda frame: os.write(self.clients, frame), "to_clients")


def main():
    server, clients, percent, seed = sys.argv[1:]
    relay = Relay(server, clients, float(percent), int(seed))
    print("ready", flush=True)
    relay.run()
    print(json.dumps(relay.figures), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
