"""Check that a wheel and a source archive hold what they are to hold: `check_wheel.py WHEEL SDIST`.

Run by .ci/package, with cyclonedx-python-lib at hand.
"""

import json
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parent.parent
IN_THE_SDIST = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "csrc/build_native.py",
    "pyproject.toml",
    "setup.py",
    "tests/conftest.py",
)


def check_wheel(path: str) -> None:
    """Compare the wheel with the package folder; read what it says about itself."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
        metadata = BytesParser().parsebytes(wheel.read(f"{info}/METADATA"))
        bill = wheel.read(f"{info}/sboms/otrfast.cdx.json").decode()
    package = ROOT / "otrfast"
    wanted = {
        file.relative_to(ROOT).as_posix()
        for pattern in ("*.py", "*.pyi", "py.typed")
        for file in package.rglob(pattern)
    }
    missing = wanted - names
    assert not missing, f"missing in the wheel: {sorted(missing)}"
    strange = {
        name for name in names - wanted if not name.startswith(f"{info}/") and ".so" not in name
    }
    assert not strange, f"not of the package, but in the wheel: {sorted(strange)}"
    assert f"{info}/licenses/LICENSE" in names, "the licence is missing in the wheel"
    assert "](docs/" not in metadata.get_payload(), "a link that PyPI cannot follow"

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill)
    assert error is None, f"the SBOM is not CycloneDX 1.6: {error}"
    about = json.loads(bill)["metadata"]["component"]
    assert about["version"] == metadata["Version"], about


def check_sdist(path: str) -> None:
    """Look for what packagers build and test with."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    missing = set(IN_THE_SDIST) - names
    assert not missing, f"missing in the source archive: {sorted(missing)}"


if __name__ == "__main__":
    check_wheel(sys.argv[1])
    check_sdist(sys.argv[2])
