"""What the project's command-line tools share: the cache, one-line failures, a lock. Standard library only."""

import contextlib
import fcntl
import os
import sys
from pathlib import Path


class Refusal(Exception):
    """It cannot be done; the text is the one line that the user reads."""


def say(text):
    """Report progress, on stderr: stdout is for results."""
    print(f"modhttp: {text}", file=sys.stderr, flush=True)


def cache_directory():
    return Path(os.environ.get("MODHTTP_CACHE") or "~/.cache/modhttp").expanduser().absolute()


@contextlib.contextmanager
def locked(file, busy):
    """Hold `file`'s lock. When another process holds it, say `busy`, wait, and find that process's work done."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(busy)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run_command(main):
    """Run a tool's main(): print what it returns, and end with one clear line where it cannot go on."""
    try:
        if not hasattr(contextlib, "chdir"):  # new in Python 3.11, as are other things that the tools use
            raise Refusal(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}")
        result = main()
        if result is not None:
            print(result)
    except Refusal as refusal:
        sys.exit(f"modhttp: {refusal}")
    except OSError as error:
        sys.exit(f"modhttp: {error.filename or cache_directory()}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)
