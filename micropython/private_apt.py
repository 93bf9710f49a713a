"""apt under a configuration of its own: the machine's set-up is read, for its mirror, and never changed."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

DEBIAN_SUITES = {"oldstable", "stable", "testing", "unstable", "sid", "bookworm", "trixie", "forky", "duke"}


class AptError(Exception):
    """apt could not do it; the text is one line fit for a user."""


class Gone(AptError):
    """The mirror answers, but has nothing that fits the pin."""


class Mirror(NamedTuple):
    uri: str
    options: dict  # deb822 fields that say whom to trust: Signed-By, Trusted


def _run(command, **options):
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, **options)
    except FileNotFoundError:
        raise AptError(f"{command[0]} is not on this machine") from None


def _stanzas(text):
    """Yield the stanzas of a deb822 text as dicts with lower-case field names."""
    for block in re.split(r"\n[ \t]*\n", text):
        fields, name = {}, None
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and name:
                fields[name] += "\n" + line
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields:
            yield fields


def _deb822_mirrors(text):
    for fields in _stanzas(text):
        enabled = fields.get("enabled", "yes").lower() not in ("no", "false", "0")
        if enabled and "deb" in fields.get("types", "").split():
            trust = {name: fields[name.lower()] for name in ("Signed-By", "Trusted") if name.lower() in fields}
            for uri in fields.get("uris", "").split():
                yield Mirror(uri, trust), set(fields.get("suites", "").split())


def _one_line_mirrors(text):
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[(.*?)\]\s*)?(\S+)\s+(\S+)", line)
        if match:
            options = dict(option.split("=", 1) for option in (match[1] or "").split() if "=" in option)
            trust = {name: options[name.lower()] for name in ("Signed-By", "Trusted") if name.lower() in options}
            yield Mirror(match[2], trust), {match[3]}


def machine_mirror():
    """Return the first Debian mirror that the machine's own apt configuration names."""
    answer = _run(["apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d"])
    if answer.returncode:
        raise AptError(f"apt-config failed: {answer.stderr.strip().splitlines()[-1:]}")
    names = dict(word.split("=", 1) for word in shlex.split(answer.stdout))
    parts = Path(names.get("PARTS", "/nonexistent"))
    files = [Path(names["LIST"])] if "LIST" in names else []
    files += sorted(file for file in parts.glob("*") if file.suffix in (".list", ".sources"))
    for file in files:
        if not file.is_file():
            continue
        read = _deb822_mirrors if file.suffix == ".sources" else _one_line_mirrors
        for mirror, suites in read(file.read_text(errors="replace")):
            if suites & DEBIAN_SUITES:
                return mirror
    raise Gone("apt's configuration on this machine names no Debian mirror")


def _upstream(version):
    """2:1.0+ds-3 -> 1.0+ds"""
    return version.split(":", 1)[-1].rsplit("-", 1)[0]


class PrivateApt:
    """One suite of the machine's mirror, with every file that apt writes under `directory`."""

    def __init__(self, directory, mirror, suite, types):
        self._directory = Path(directory)
        self._suite = suite
        for name in ("lists/partial", "cache/archives/partial"):
            (self._directory / name).mkdir(parents=True, exist_ok=True)
        fields = {
            "Types": " ".join(sorted(types)),
            "URIs": mirror.uri,
            "Suites": suite,
            "Components": "main",
            "Targets": "Packages Sources",  # not what apt-file, appstream and others would add
        }
        stanza = "".join(f"{name}: {value}\n" for name, value in (fields | mirror.options).items())
        (self._directory / "suite.sources").write_text(stanza)
        self._config = self._directory / "apt.conf"
        self._config.write_text(self._configuration())

    def _configuration(self):
        # The machine's own configuration is read first, for its proxy and its keys. Its hooks are dropped:
        # Docker's, for one, empties the machine's package cache after every update.
        here = self._directory
        lines = [
            "#clear APT::Update::Pre-Invoke;",
            "#clear APT::Update::Post-Invoke;",
            "#clear APT::Update::Post-Invoke-Success;",
            'APT::Update::Error-Mode "any";',
            f'Dir::Etc::sourcelist "{here}/suite.sources";',
            'Dir::Etc::sourceparts "/dev/null";',
            'Dir::Etc::preferences "/dev/null";',
            'Dir::Etc::preferencesparts "/dev/null";',
            'Dir::State::status "/dev/null";',
            f'Dir::State::lists "{here}/lists/";',
            f'Dir::Cache "{here}/cache/";',
            'Dir::Cache::pkgcache "";',
            'Dir::Cache::srcpkgcache "";',
            'Acquire::PDiffs "false";',
            'Acquire::http::Timeout "30";',
            'Acquire::https::Timeout "30";',
        ]
        if os.geteuid() == 0:
            lines.append('APT::Sandbox::User "root";')  # the sandbox's user cannot read a cache in root's home
        return "\n".join(lines) + "\n"

    def _get(self, *arguments):
        answer = _run(["apt-get", "-q", "-c", str(self._config), *arguments], cwd=self._directory)
        if answer.returncode:
            errors = re.findall(r"^[EW]: (.+)", answer.stderr, re.MULTILINE) or answer.stderr.strip().splitlines()
            raise AptError(" ".join(errors[0].split()).rstrip(".") if errors else f"apt-get: {answer.returncode}")

    def _listed(self, *arguments):
        """The stanzas that the lists hold; none for a package that they do not know, which apt calls an error."""
        return _stanzas(_run(["apt-cache", "-q", "-c", str(self._config), *arguments]).stdout)

    def update(self):
        """Read the suite's lists, whose signature apt checks."""
        self._get("update")

    def fetch_tarball(self, package, file):
        """Download the upstream tarball `file` of a source package; any Debian revision that ships it will do."""
        for fields in self._listed("showsrc", "--only-source", package):
            if file in fields.get("checksums-sha256", "").split():
                wanted = f"{package}={fields['version']}"
                self._get("source", "--download-only", "--tar-only", wanted)
                return self._directory / file
        raise Gone(f"Debian {self._suite} does not have it any more")

    def fetch_deb(self, package, file):
        """Download `file`, or another Debian revision of the same upstream version."""
        pinned = file.split("_")[1]
        listed = self._listed("show", "--all-versions", package)
        found = [fields["version"] for fields in listed if fields.get("package") == package]
        same = [version for version in found if _upstream(version) == _upstream(pinned)]
        if not same:
            raise Gone(f"Debian {self._suite} does not have this version any more")
        version = pinned if pinned in same else same[0]
        self._get("download", f"{package}={version}")
        return next(self._directory.glob(f"{package}_*.deb"))
