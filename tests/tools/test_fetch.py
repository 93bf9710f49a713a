"""micropython/fetch.py: from a Debian mirror to a tree, and each way in which that can fail."""

import os
import stat

import pytest
from fake_debian import MPCONFIG

TARBALL = "micropython_1.25.0+ds.orig.tar.xz"
DEB = "tinyusb-source_0.18.0+dfsg-1_all.deb"


def part(name, file, checksum, **more):
    return {"name": name, "version": "1", "package": file.split("_")[0], "file": file, "sha256": checksum} | more


@pytest.fixture
def stocked(mirror, machine):
    """A machine whose pins fit its mirror: MicroPython for the host, tinyusb too for the firmware."""
    source = {"mp/py/mpconfig.h": MPCONFIG.format(25), "mp/lib/README.md": ""}
    checksum = mirror.add_source("micropython", "1.25.0+ds-7", TARBALL, source)
    library = mirror.add_deb("tinyusb-source", "0.18.0+dfsg-1", {"usr/src/tinyusb/src/tusb.c": "int tusb;\n"})
    mirror.publish()
    machine.pins = [
        part("micropython", TARBALL, checksum, kind="source", root="mp", into=".", proof="py/mpconfig.h",
             **{"for": ["host", "firmware"]}),
        part("tinyusb", DEB, library, kind="binary", root="usr/src/tinyusb", into="lib/tinyusb", proof="src/tusb.c",
             **{"for": ["firmware"]}),
    ]
    machine.pin(machine.pins)
    return machine


def fetch(machine, *arguments, **environment):
    return machine.run("micropython/fetch.py", *arguments, **environment)


def tree_of(result):
    """The tree that a run printed, as its only line."""
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("\n") == 1
    return result.stdout.strip()


def refusal_of(result):
    """The one line with which a run ended."""
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    *progress, line = result.stderr.splitlines()
    assert line.startswith("modhttp: ")
    assert all(other.startswith(("modhttp: fetching", "modhttp: unpacking")) for other in progress)
    return line


def test_the_host_tree_is_filled_on_demand_for_the_firmware(stocked):
    tree = tree_of(fetch(stocked, "--only", "host"))
    assert os.listdir(f"{tree}/lib/micropython-lib") == ["README.md"]
    assert not os.path.exists(f"{tree}/lib/tinyusb")
    assert tree_of(fetch(stocked)) == tree
    assert os.path.isfile(f"{tree}/lib/tinyusb/src/tusb.c")


def test_a_second_run_needs_neither_mirror_nor_words(stocked):
    tree = tree_of(fetch(stocked))
    stocked.use_mirror("/nonexistent")
    again = fetch(stocked)
    assert tree_of(again) == tree
    assert again.stderr == ""


def test_a_lost_tree_comes_back_from_the_downloads(stocked):
    tree = tree_of(fetch(stocked))
    os.rename(tree, f"{tree}.lost")
    stocked.use_mirror("/nonexistent")
    assert tree_of(fetch(stocked)) == tree


def test_a_damaged_download_is_fetched_again(stocked):
    tree = tree_of(fetch(stocked))
    os.rename(tree, f"{tree}.lost")
    (stocked.cache / "downloads" / TARBALL).write_bytes(b"damaged")
    assert tree_of(fetch(stocked)) == tree


def test_what_a_killed_run_left_is_cleaned_up(stocked):
    left = stocked.cache / "src/.new-left"
    (left / "micropython").mkdir(parents=True)
    tree_of(fetch(stocked))
    assert not left.exists()


def test_two_runs_at_once_agree(stocked):
    runs = [stocked.start("micropython/fetch.py") for _ in range(3)]
    answers = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], answers
    assert len({stdout for stdout, _ in answers}) == 1
    assert sum("fetching micropython" in stderr for _, stderr in answers) == 1


def test_the_machines_apt_is_left_alone(stocked):
    def state():
        return {path: stat.S_ISREG(path.stat().st_mode) and path.read_bytes() for path in stocked.apt.rglob("*")}

    before = state()
    tree_of(fetch(stocked))
    assert state() == before
    assert not stocked.hook.exists()


def test_a_mirror_of_deb822_sources_is_found_behind_other_repositories(stocked):
    mirror = stocked.directory / "mirror"
    (stocked.apt / "sources.list").unlink()
    (stocked.apt / "sources.list.d").mkdir()
    (stocked.apt / "sources.list.d/a.sources").write_text(
        "Types: deb\nURIs: copy:/elsewhere\nSuites: nodistro\nComponents: main\n\n"
        "Types: deb\nURIs: copy:/disabled\nSuites: trixie\nComponents: main\nEnabled: no\n\n"
        f"# Debian\nTypes: deb\nURIs: copy:{mirror}\nSuites:\n trixie\n trixie-updates\nComponents: main\n"
        "Trusted: yes\n")
    assert fetch(stocked, "--mirror").stdout == f"copy:{mirror}\n"
    tree_of(fetch(stocked))


def test_an_unsigned_mirror_is_refused(stocked):
    (stocked.apt / "sources.list").write_text(f"deb copy:{stocked.directory}/mirror trixie main\n")
    assert "not signed" in refusal_of(fetch(stocked))


def test_a_wrong_checksum_names_the_file_and_is_not_used(stocked):
    stocked.pins[0]["sha256"] = "0" * 64
    stocked.pin(stocked.pins)
    line = refusal_of(fetch(stocked))
    assert TARBALL in line
    assert "SHA-256" in line
    assert "MICROPYTHON_DIR" in line
    assert not list(stocked.cache.glob("src/micropython*"))
    assert not (stocked.cache / "downloads" / TARBALL).exists()


def test_no_network_names_the_file_and_the_way_out(stocked):
    stocked.use_mirror("/nonexistent")
    line = refusal_of(fetch(stocked))
    assert TARBALL in line
    assert "check the network" in line
    assert "MICROPYTHON_DIR" in line


def test_no_debian_mirror(stocked):
    (stocked.apt / "sources.list").write_text("deb copy:/elsewhere noble main\n")
    assert "no Debian mirror" in refusal_of(fetch(stocked))


def test_another_debian_revision_of_a_deb_is_taken_with_a_notice(stocked, mirror):
    mirror.packages.clear()
    mirror.add_deb("tinyusb-source", "0.18.0+dfsg-2", {"usr/src/tinyusb/src/tusb.c": "int newer;\n"})
    mirror.publish()
    result = fetch(stocked)
    assert os.path.isfile(f"{tree_of(result)}/lib/tinyusb/src/tusb.c")
    assert "note: tinyusb-source_0.18.0+dfsg-2_all.deb is taken" in result.stderr


@pytest.mark.parametrize("version", ["0.19.0+dfsg-1", None])
def test_a_package_that_is_gone_names_the_file(stocked, mirror, version):
    mirror.packages.clear()
    if version:
        mirror.add_deb("tinyusb-source", version, {"usr/src/tinyusb/src/tusb.c": ""})
    mirror.publish()
    line = refusal_of(fetch(stocked))
    assert DEB in line
    assert "any more; set MICROPYTHON_DIR" in line
    tree_of(fetch(stocked, "--only", "host"))


def test_a_tarball_that_is_gone_names_the_file(stocked, mirror):
    mirror.sources.clear()
    mirror.add_source("micropython", "1.26.0+ds-1", "micropython_1.26.0+ds.orig.tar.xz", {})
    mirror.publish()
    assert TARBALL in refusal_of(fetch(stocked))


def test_a_cache_that_cannot_be_written_is_one_line(stocked):
    (stocked.directory / "file").write_text("")
    assert "file" in refusal_of(fetch(stocked, MODHTTP_CACHE=str(stocked.directory / "file")))


@pytest.fixture
def checkout(stocked, tmp_path):
    """An upstream checkout with what the pins ask for."""
    root = tmp_path / "checkout"
    for name, text in {"py/mpconfig.h": MPCONFIG.format(25), "lib/tinyusb/src/tusb.c": "",
                       "lib/micropython-lib/README.md": ""}.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
    stocked.use_mirror("/nonexistent")
    return root


def test_a_checkout_is_used_as_it_is(stocked, checkout):
    assert tree_of(fetch(stocked, MICROPYTHON_DIR=str(checkout))) == str(checkout)
    assert tree_of(fetch(stocked, MICROPYTHON_DIR="checkout")) == str(checkout)
    assert not stocked.cache.exists()


def test_a_checkout_without_a_submodule_says_which(stocked, checkout):
    (checkout / "lib/tinyusb/src/tusb.c").unlink()
    line = refusal_of(fetch(stocked, MICROPYTHON_DIR=str(checkout)))
    assert "git submodule update --init lib/tinyusb" in line
    tree_of(fetch(stocked, "--only", "host", MICROPYTHON_DIR=str(checkout)))


def test_a_checkout_of_another_version_says_which(stocked, checkout):
    (checkout / "py/mpconfig.h").write_text(MPCONFIG.format(24))
    line = refusal_of(fetch(stocked, MICROPYTHON_DIR=str(checkout)))
    assert "1.24.0" in line
    assert "v1.25.0" in line


def test_a_directory_that_is_no_checkout(stocked, tmp_path):
    assert "not a MicroPython checkout" in refusal_of(fetch(stocked, MICROPYTHON_DIR=str(tmp_path)))
