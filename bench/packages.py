"""Sources of others that the bench needs: source packages from the package index, kept in the cache."""

import re
import tarfile

import need
from common import Refusal, cache_directory, locked


def source(package, version):
    """The directory of that package's sources. Raises Refusal."""
    kept = cache_directory() / "bench" / f"{package}-{version}"
    with locked(kept.with_suffix(".lock"), "waiting for another run that is fetching sources"):
        if not kept.is_dir():
            download(package, version, kept)
    return kept


def download(package, version, kept):
    fresh = kept.with_suffix(".new")
    pip = [need.venv_directory() / "bin/python", "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    reason = need.run([*pip, "--no-deps", "--no-binary", ":all:", "-d", fresh, f"{package}=={version}"])
    if reason:
        raise Refusal(f"cannot fetch {package} {version}: {reason}")
    with tarfile.open(next(fresh.glob("*.tar.gz"))) as tar:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.2 lacks it
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(fresh)
    (fresh / f"{re.sub('[-_.]+', '_', package)}-{version}").rename(kept)
