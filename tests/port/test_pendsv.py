"""modhttp/port/unix/pendsv.c: no input is forgotten, whenever the helper thread's signal comes."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODHTTP = HERE.parents[1] / "modhttp"

# Put before pendsv.c: what pendsv_races.c does behind an atomic exchange.
EXCHANGE = """
#include <stdatomic.h>
void after_exchange(void);
#undef atomic_exchange
#define atomic_exchange(object, value) __extension__ ({ \\
    __typeof__(value) exchanged = atomic_exchange_explicit(object, value, memory_order_seq_cst); \\
    after_exchange(); \\
    exchanged; \\
})
"""


@pytest.fixture(scope="module", params=[0, 1], ids=["at any instruction", "at safe points"])
def races(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pendsv")
    (directory / "exchange.h").write_text(EXCHANGE)
    program = directory / "races"
    sources = [MODHTTP / "port/unix/pendsv.c", MODHTTP / "port/unix/events.c", HERE / "pendsv_races.c"]
    subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-pthread", f"-I{MODHTTP}",
                    f"-DMODHTTP_SAFE_POINTS={request.param}", "-include", directory / "exchange.h", *sources,
                    "-o", program], check=True)
    return program


@pytest.mark.parametrize("moment", ["exchange", "work"])
def test_input_that_comes_while_the_work_runs(races, moment):
    done = subprocess.run([races, moment], check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
