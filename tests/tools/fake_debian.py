"""A Debian mirror of a few kilobytes and a machine that uses it, so that the tools are tested whole and offline."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = ("micropython/fetch.py", "micropython/private_apt.py", "tools/common.py", "tools/need.py")

MPCONFIG = "#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR {}\n#define MICROPY_VERSION_MICRO 0\n"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Mirror:
    """A suite `trixie` on disk: each package added is in the lists once `publish` has run."""

    def __init__(self, directory):
        self.directory = directory
        self.sources, self.packages = [], []
        self.pool = directory / "pool"
        self.pool.mkdir(parents=True)
        self.architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()

    def add_source(self, package, version, tarball, files):
        """Add a source package of one upstream tarball; `files` maps the names in it to their texts."""
        with tarfile.open(self.pool / tarball, "w:xz") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
        description = f"{package}_{version}.dsc"
        (self.pool / description).write_text(f"Format: 3.0 (quilt)\nSource: {package}\nVersion: {version}\n")
        shipped = [((self.pool / name).read_bytes(), name) for name in (description, tarball)]
        self.sources.append("\n".join([
            f"Package: {package}", f"Version: {version}", "Format: 3.0 (quilt)", "Directory: pool",
            "Files:", *(f" {hashlib.md5(data).hexdigest()} {len(data)} {name}" for data, name in shipped),
            "Checksums-Sha256:", *(f" {sha256(data)} {len(data)} {name}" for data, name in shipped),
        ]))
        return sha256(shipped[1][0])

    def add_deb(self, package, version, files):
        """Add a binary package for all architectures."""
        root = self.directory / "deb"
        (root / "DEBIAN").mkdir(parents=True)
        control = f"Package: {package}\nVersion: {version}\nArchitecture: all\nMaintainer: none <none@invalid>\n"
        (root / "DEBIAN/control").write_text(f"{control}Description: test\n")
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        deb = self.pool / f"{package}_{version}_all.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, deb], check=True, capture_output=True)
        shutil.rmtree(root)
        data = deb.read_bytes()
        self.packages.append(f"{control}Filename: pool/{deb.name}\nSize: {len(data)}\nSHA256: {sha256(data)}\n"
                             "Description: test")
        return sha256(data)

    def publish(self):
        suite = self.directory / "dists/trixie"
        lists = {"main/source/Sources": self.sources, f"main/binary-{self.architecture}/Packages": self.packages}
        checksums = []
        for name, stanzas in lists.items():
            (suite / name).parent.mkdir(parents=True, exist_ok=True)
            data = "".join(stanza + "\n\n" for stanza in stanzas).encode()
            (suite / name).write_bytes(data)
            checksums.append(f" {sha256(data)} {len(data)} {name}")
        head = f"Origin: Debian\nCodename: trixie\nArchitectures: {self.architecture}\nComponents: main\n"
        (suite / "Release").write_text(f"{head}SHA256:\n" + "\n".join(checksums) + "\n")


class Machine:
    """A copy of the project's scripts, with a cache and an apt configuration of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.cache = directory / "cache"
        self.apt = directory / "machine-apt"
        self.hook = directory / "hook-ran"
        for script in SCRIPTS:
            (directory / script).parent.mkdir(exist_ok=True)
            shutil.copy(PROJECT / script, directory / script)
        for name in ("lists/partial", "cache/archives/partial"):
            (self.apt / name).mkdir(parents=True)
        (self.apt / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{self.apt}/sources.list";\nDir::Etc::sourceparts "{self.apt}/sources.list.d";\n'
            f'Dir::Etc::parts "/dev/null";\nDir::State::lists "{self.apt}/lists/";\nDir::Cache "{self.apt}/cache/";\n'
            f'APT::Update::Post-Invoke {{ "touch {self.hook}"; }};\n')
        self.use_mirror(directory / "mirror")

    def use_mirror(self, mirror):
        (self.apt / "sources.list").write_text(f"deb [trusted=yes] copy:{mirror} bookworm main\n")

    def pin(self, parts):
        (self.directory / "micropython/sources.json").write_text(
            json.dumps({"micropython": "1.25.0", "suite": "trixie", "parts": parts}))

    def environment(self, **more):
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {"MODHTTP_CACHE": str(self.cache), "APT_CONFIG": str(self.apt / "apt.conf")} | more

    def start(self, script, *arguments, **environment):
        return subprocess.Popen([sys.executable, self.directory / script, *arguments], text=True, cwd=self.directory,
                                env=self.environment(**environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, script, *arguments, **environment):
        process = self.start(script, *arguments, **environment)
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(script, process.returncode, stdout, stderr)
