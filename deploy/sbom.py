"""`python -m deploy.sbom`: write dist/sbom.json, what a bento is made of, in CycloneDX's form.

The packages of requirements.lock with their licences and who requires whom, and the bundled model
with its digest. Licences are what the packages say of themselves.
"""

import hashlib
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from deploy.lock import ROOT, locked, needed, required

SBOM = ROOT / "dist" / "sbom.json"
WEIGHTS = ROOT / "models" / "pocket" / "weights" / "model.safetensors"


def bill_of_materials() -> Bom:
    """Raises importlib.metadata.PackageNotFoundError for a package that is not installed."""
    versions = locked(needed())
    packages = {name: _package(name, version) for name, version in versions.items()}
    model = _model(WEIGHTS)
    service = Component(name="kamado", type=ComponentType.APPLICATION, bom_ref="kamado")
    bom = Bom(components=[*packages.values(), model])
    bom.metadata.component = service
    direct = [canonicalize_name(requirement.name) for requirement in needed()]
    bom.register_dependency(service, [*_those(packages, direct), model])
    for name, package in packages.items():
        inner = (canonicalize_name(each.name) for each in required(distribution(name)))
        bom.register_dependency(package, _those(packages, inner))
    return bom


def write() -> None:
    SBOM.parent.mkdir(exist_ok=True)
    text = JsonV1Dot6(bill_of_materials()).output_as_string(indent=2)
    SBOM.write_text(text + "\n", encoding="utf-8")


def _package(name: str, version: str) -> Component:
    licence = _licence(distribution(name))
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", name=name, version=version),
        bom_ref=f"{name}=={version}",
        licenses=[] if licence is None else [LicenseFactory().make_from_string(licence)],
    )


def _licence(package: Distribution) -> str | None:
    """An SPDX expression where there is one, else the name that is given."""
    told = package.metadata
    for field in ("License-Expression", "License"):
        if field in told and "\n" not in told[field]:
            return told[field]
    kinds = [kind for kind in told.get_all("Classifier", []) if kind.startswith("License ::")]
    return kinds[0].rpartition(" :: ")[2] if kinds else None


def _model(weights: Path) -> Component:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return Component(
        name="pocket",
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="pocket",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )


def _those(packages: dict[str, Component], names: Iterable[str]) -> list[Component]:
    return [packages[name] for name in names if name in packages]


if __name__ == "__main__":
    write()
