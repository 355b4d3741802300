"""The bill of materials lists what is in a bento, and how it hangs together."""

import hashlib
import json

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.output.json import JsonV1Dot6

from deploy.lock import locked, needed
from deploy.sbom import WEIGHTS, bill_of_materials


@pytest.fixture(scope="module")
def written():
    return json.loads(JsonV1Dot6(bill_of_materials()).output_as_string())


@pytest.fixture
def components(written):
    return {component["name"]: component for component in written["components"]}


def test_each_locked_package_is_listed_with_its_version(components):
    packages = {
        name: component["version"]
        for name, component in components.items()
        if component["type"] == "library"
    }
    assert packages == locked(needed())
    assert components["torch"]["purl"] == f"pkg:pypi/torch@{packages['torch']}"


def test_nearly_each_package_says_its_licence(components):
    silent = [c["name"] for c in components.values() if not c.get("licenses")]
    assert len(silent) <= len(components) // 20 + 1, silent
    assert components["numpy"]["licenses"]


def test_the_model_is_listed_with_its_digest(components):
    model = components["pocket"]
    assert model["type"] == "machine-learning-model"
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert model["hashes"] == [{"alg": "SHA-256", "content": digest}]


def test_everything_is_there_because_something_requires_it(written):
    requires = {each["ref"]: each.get("dependsOn", []) for each in written["dependencies"]}
    reached, ahead = set(), ["kamado"]
    while ahead:
        ref = ahead.pop()
        if ref not in reached:
            reached.add(ref)
            ahead += requires[ref]
    assert reached - {"kamado"} == {component["bom-ref"] for component in written["components"]}


def test_others_can_read_it(written):
    read = Bom.from_json(written)
    assert {component.name for component in read.components} == {
        component["name"] for component in written["components"]
    }
