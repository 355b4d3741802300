"""The folders are layers: a file imports its own folder or a lower one. Walks every import to prove
it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = {"models": 1, "runners": 2, "api": 3, "runners.ray": 4, "service": 5}
"""runners/ray is a composition root of its own, beside service.py."""
ENGINE_KNOWS_NOTHING_OF = {
    "asyncio", "bentoml", "starlette", "transformers", "tokenizers", "pydantic", "httpx",
}  # fmt: skip


def sources():
    files = [ROOT / "service.py"]
    for folder in ("models", "runners", "api"):
        files += sorted((ROOT / folder).rglob("*.py"))
    return files


def layer(module):
    """Of the nearest folder that has one; 0 for what is not ours."""
    while module and module not in LAYERS:
        module = module.rpartition(".")[0]
    return LAYERS.get(module, 0)


def imports(path):
    """Top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downwards(path):
    own = layer(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert own
    for name in imports(path):
        assert layer(name) <= own, f"{path.relative_to(ROOT)} imports {name} from a higher layer"
        assert name.partition(".")[0] not in ("tests", "benchmarks", "langchain_kamado")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "runners" / "engine").glob("*.py")), ids=lambda path: path.name
)
def test_the_engine_knows_ids_only(path):
    used = {name.partition(".")[0] for name in imports(path)}
    assert not used & ENGINE_KNOWS_NOTHING_OF
    assert not any(name.startswith("runners.") and ".engine" not in name for name in imports(path))


def test_only_the_service_defines_a_bentoml_service():
    users = [path.name for path in sources() if "\n@bentoml.service" in path.read_text("utf-8")]
    assert users == ["service.py"]
