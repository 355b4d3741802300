"""What a bento installs is what was tested, and all of it."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.lock import locked, needed

ROOT = Path(__file__).parents[2]


def pins(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        canonicalize_name(package): version
        for package, version in re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE)
    }


def test_each_version_is_the_one_that_is_tested():
    tested = pins("constraints.txt")
    for name, version in pins("requirements.lock").items():
        assert tested.get(name) == version, f"{name}: run `python -m deploy.lock`"


def test_nothing_is_missing_that_is_required_in_turn():
    assert locked(needed()).items() <= pins("requirements.lock").items()


def test_an_extra_brings_its_own():
    alone = locked([Requirement("transformers")])
    assert locked([Requirement("transformers[serving]")]).keys() > alone.keys()
