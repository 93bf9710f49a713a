"""Stands in for EuroPi's: the base class of its programs, which have a main()."""


class EuroPiScript:
    def main(self):
        raise NotImplementedError
