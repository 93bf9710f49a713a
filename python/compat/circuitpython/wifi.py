"""CircuitPython's wifi, as far as programs that serve need it: `radio` is the network interface that the board has."""

import time

import network


class Radio:
    """The serial link, where the firmware has one, or else Wi-Fi as a station; addresses are str."""

    def __init__(self):
        self._nic = network.SLIP() if hasattr(network, "SLIP") else network.WLAN(network.STA_IF)

    @property
    def enabled(self):
        return self._nic.active()

    @enabled.setter
    def enabled(self, value):
        self._nic.active(value)

    @property
    def connected(self):
        return self._nic.isconnected()

    def connect(self, ssid, password="", *, channel=0, bssid=None, timeout=10):
        """Join a network, where there is one to join. Raises OSError where that takes more than `timeout` seconds."""
        if self.connected:
            return
        self.enabled = True
        if hasattr(self._nic, "connect"):
            self._nic.connect(ssid, password)
        end = time.ticks_add(time.ticks_ms(), int((timeout or 10) * 1000))
        while not self.connected:
            if time.ticks_diff(end, time.ticks_ms()) <= 0:
                raise OSError("no connection to " + str(ssid))
            time.sleep_ms(50)

    def _address(self, index):
        return self._nic.ifconfig()[index] if self.connected else None

    @property
    def ipv4_address(self):
        return self._address(0)

    @property
    def ipv4_subnet(self):
        return self._address(1)

    @property
    def ipv4_gateway(self):
        return self._address(2)

    @property
    def ipv4_dns(self):
        return self._address(3)

    @property
    def hostname(self):
        return network.hostname()

    @hostname.setter
    def hostname(self, name):
        network.hostname(name)


radio = Radio()
