#!/usr/bin/env python3
"""Worst-case stack of interrupt-level code in an RP2040 firmware: what Python must leave free.

    tools/stack_depth.py build/firmware/MODHTTP_PICO.elf build/firmware/obj-MODHTTP_PICO [--limit BYTES] [--mdns]

Frame sizes are GCC's (-fstack-usage leaves a .su file beside each object), calls are read from the disassembly, and
calls through pointers from the table POINTERS below. PendSV runs lwIP and all that hangs on it; one ordinary interrupt
can come on top, because all of them have the same priority. Each adds the frame that the processor pushes.

Prints the deepest chains and the sum. With --limit, fails if the sum is above it.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

EXCEPTION_FRAME = 32 + 4  # eight registers, and a word to align them (ARMv6-M Architecture Reference Manual, B1.5.6)
ASSEMBLY_FRAME = 32  # functions without a .su file: the SDK's and libgcc's assembly, and the boot ROM behind it

# Callers through pointers, and what they can reach: regular expressions on symbol names.
POINTERS = {
    r"PendSV_Handler": r"modhttp_slip_run|soft_timer_handler|wiznet5k_poll|cyw43_poll|cyw43_poll_func",
    r"wiznet5k_poll|cyw43_cb_process_ethernet": r"ethernet_input",
    r"WIZCHIP_(READ|WRITE)\w*|wizchip_\w+": r"wiz_(spi|cs|cris)_\w+",
    r"wiz_spi_\w+": r"machine_spi_transfer",
    r"soft_timer_handler": r"mp_network_soft_timer_callback",
    r"modhttp_slip_deliver_packet|modhttp_slip_event|modhttp_slip_input|modhttp_slip_run": r"ip4?_input",
    r"ip4_output_if.*|ip6_output_if.*": r"modhttp_slip_output|etharp_output|ethip6_output",
    r"etharp_\w+|ethernet_output|ethip6_output": r"\w+_netif_output|netif_send_ethernet",
    r"sys_check_timeouts":
        r"lwip_cyclic_timer|tcpip_tcp_timer|mdns_(probe|send|multicast|conflict|unicast)\w*|mdns_\w+_timeout\w*",
    r"lwip_cyclic_timer":
        r"(ip_reass|etharp|dhcp_coarse|dhcp_fine|acd|igmp|dns|nd6|ip6_reass|mld6|dhcp6)_tmr",
    r"tcp_input|tcp_process|tcp_receive\w*": r"(_lwip_tcp|on)_(recv|sent|err|accept|connected)\w*",
    r"tcp_fasttmr|tcp_process_refused_data": r"(_lwip_tcp|on)_recv\w*",
    r"tcp_slowtmr": r"(_lwip_tcp|on)_(err|close_poll|poll)\w*",
    r"tcp_abandon": r"(_lwip_tcp|on)_err\w*",
    r"server_\w+": r"\w*wake_python\w*",
    r"native_begin": r"choose",
    r"native_go_on": r"go_on",
    r"start_(native|request)": r"is_usual",
    r"answer_known|take_head": r"answer_at_once",
    r"udp_input": r"_lwip_udp_incoming|dns_recv|dhcp_recv|dhcp6_recv|mdns_recv|mh_dns_recv",
    r"raw_input": r"_lwip_raw_incoming",
    r"pbuf_free": r"mdns_\w+_free_custom\w*",
    r"netif_\w*(set|do_set|issue|invoke)\w*": r"mdns_netif_\w*callback\w*",
}

# Not entered: Python's handlers of hard interrupts, which check the stack themselves, and the end of everything.
SKIPPED = r"mp_irq_handler|panic|nlr_jump_fail"

# The mDNS responder hangs on interfaces with multicast: not on SLIP, where mdns_recv finds no host and returns.
MDNS = r"mdns_\w+"

ROOT = r"PendSV_Handler"
INTERRUPTS = (
    r"modhttp_slip_irq|dcd_rp2040_irq|hardware_alarm_irq_handler|alarm_pool_irq_handler|soft_timer_hardware_callback"
    r"|gpio_irq|gpio_irq_handler|pio[01]_irq0|rp2_dma_irq_handler|dma_irq\w*|uart1_irq_handler|multicore_lockout_handler"
)


def read_frames(objects):
    """Returns the largest frame of each function name; static functions may share one."""
    frames, dynamic = {}, set()
    for file in objects.rglob("*.su"):
        for line in file.read_text().splitlines():
            place, size, kind = line.split("\t")
            name = place.rsplit(":", 1)[-1]
            frames[name] = max(frames.get(name, 0), int(size))
            if kind == "dynamic":
                dynamic.add(name)
    return frames, dynamic


def read_calls(elf, skipped):
    """Returns for each function the functions that it calls or jumps to, and those with a call through a pointer."""
    text = subprocess.run(
        ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", elf], check=True, capture_output=True, text=True
    ).stdout
    calls, indirect, function = {}, set(), None
    for line in text.splitlines():
        if match := re.match(r"[0-9a-f]+ <([^>]+)>:", line):
            function = match[1]
            calls.setdefault(function, set())
        elif match := re.search(r"\t(bl|b|b\w\w|b\.n|b\w\w\.n)\t[0-9a-f]+ <([^>+]+)>", line):
            callee = re.sub(r"^__(\w+)_veneer$", r"\1", match[2])
            if callee != function and not re.fullmatch(skipped, callee):
                calls[function].add(callee)
        elif re.search(r"\tblx\tr\d", line):
            indirect.add(function)
    return calls, indirect


def resolve_pointers(calls, indirect, skipped):
    """Adds the calls of POINTERS. Returns the functions that call through a pointer and are not listed there."""
    unlisted = set()
    for function in indirect:
        targets = [t for caller, t in POINTERS.items() if re.fullmatch(caller + r"(\.\w+\.\d+)*", function)]
        if not targets:
            unlisted.add(function)
        for target in targets:
            calls[function] |= {
                name for name in calls if re.fullmatch(target, name) and not re.fullmatch(skipped, name)
            }
    return unlisted


class Depths:
    """The deepest chain below each function; no chain holds a function twice."""

    def __init__(self, calls, frames):
        self.calls, self.frames = calls, frames
        self.known, self.reached, self.recursive = {}, {}, set()

    def below(self, function, active=frozenset()):
        """(bytes, chain) from the function down, when those in `active` have led to it."""
        # Of the active ones only those matter that the function could lead back to.
        key = function, active & self.reach(function)
        if key not in self.known:
            own = self.frames.get(function, ASSEMBLY_FRAME)
            again = self.calls.get(function, set()) & (active | {function})
            self.recursive |= {(function, callee) for callee in again}
            callees = sorted(self.calls.get(function, set()) - again)
            depth, chain = max((self.below(callee, active | {function}) for callee in callees), default=(0, ()))
            self.known[key] = own + depth, ((function, own), *chain)
        return self.known[key]

    def reach(self, function):
        """All functions that can follow, the function itself included."""
        if function not in self.reached:
            found, todo = set(), [function]
            while todo:
                name = todo.pop()
                if name not in found:
                    found.add(name)
                    todo += self.calls.get(name, ())
            self.reached[function] = frozenset(found)
        return self.reached[function]


def print_chain(title, depth, chain):
    print(f"{title}: {depth} bytes")
    for name, size in chain:
        print(f"  {size:5} {name}")


def main():
    parser = argparse.ArgumentParser(description="worst-case stack of interrupt-level code")
    parser.add_argument("elf", type=Path)
    parser.add_argument("objects", type=Path)
    parser.add_argument("--limit", type=int, help="fail above this many bytes")
    parser.add_argument("--mdns", action="store_true", help="follow the mDNS responder too: Ethernet and Wi-Fi boards")
    arguments = parser.parse_args()

    skipped = SKIPPED if arguments.mdns else f"{SKIPPED}|{MDNS}"
    frames, dynamic = read_frames(arguments.objects)
    calls, indirect = read_calls(arguments.elf, skipped)
    unlisted = resolve_pointers(calls, indirect, skipped)
    depths = Depths(calls, frames)

    pendsv, chain = depths.below(ROOT)
    print_chain("lwIP at PendSV", pendsv, chain)
    roots = [name for name in calls if re.fullmatch(INTERRUPTS, name)]
    interrupt, top = max(depths.below(name) for name in roots)
    print_chain("an interrupt on top", interrupt, top)
    total = pendsv + interrupt + 2 * EXCEPTION_FRAME
    print(f"with two exception frames of {EXCEPTION_FRAME} bytes: {total} bytes")

    reached = depths.reach(ROOT)
    for name in sorted(reached & unlisted):
        print(f"not followed: calls through pointers in {name}")
    for caller, callee in sorted(depths.recursive):
        print(f"counted once: {caller} may call {callee} again")
    for name in sorted(reached & dynamic):
        print(f"unbounded frame: {name}")
    if arguments.limit is not None and total > arguments.limit:
        sys.exit(f"stack_depth: {total} bytes are more than the reserve of {arguments.limit} in port/rp2/stack.h")


if __name__ == "__main__":
    main()
