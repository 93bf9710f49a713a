"""Stands in for EuroPi's, whose import starts the module's display, inputs and outputs."""


class Output:
    def __init__(self):
        self._volts = 0.0

    def voltage(self, volts=None):
        if volts is None:
            return self._volts
        self._volts = max(0.0, min(10.0, volts))


class Input:
    def read_voltage(self):
        return 1.5

    def value(self):
        return 1


NUM_CVS = 6
cvs = [Output() for _ in range(NUM_CVS)]
ain = Input()
din = Input()
