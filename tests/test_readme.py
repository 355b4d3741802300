"""The front door tells the truth: its settings, its tree and its make targets are those that
exist."""

import re
from pathlib import Path

from api.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_listed_with_its_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? \|", README, re.MULTILINE))
    defaults = {
        name: "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert {name: value.lower() for name, value in rows.items()} == {
        name: value.lower() for name, value in defaults.items()
    }


def test_every_path_of_the_tree_exists():
    tree = README.partition("## The tree")[2].split("```")[1]
    folder = ROOT
    for line in tree.strip().splitlines():
        name = line.split()[0]
        parent = folder if line.startswith("  ") else ROOT
        assert list(parent.glob(name.rstrip("/"))), f"the tree names {name}"
        if not line.startswith("  ") and name.endswith("/"):
            folder = ROOT / name


def test_every_make_target_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_every_requirement_is_explained():
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for name in re.findall(r"^([a-z][a-z-]*)", requirements, re.MULTILINE):
        assert name in README.partition("## Dependencies")[2]
