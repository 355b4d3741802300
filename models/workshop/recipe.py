"""A recipe: how each matrix of a model is stored, what is measured, and what it may cost.

Written in TOML; a key or value that does not exist is refused. Bundled ones lie in `recipes/`.

    weights = "qint4"            # the linear maps of all layers: qint8, qint4, qfloat8 or none
    head = "qint8"               # the matrix to logits; none leaves it as it is
    group_size = 64              # of qint4; left out, as optimum-quanto chooses it: 128 or less

    [modules]                    # by name, with * and ?; the last line that fits decides
    "*.down_proj" = "qint8"

    [evaluate]
    max_tokens = 2048

    [gates]
    max_mean_kl = 0.02

Query, key and value run as one matrix, and so do gate and up: where their schemes differ they run
as floats, in four bytes a number.
"""

import tomllib
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.architectures.linear_shapes import HEAD
from models.errors import RecipeError

RECIPES = Path(__file__).parent / "recipes"


class Scheme(StrEnum):
    """How a matrix is stored, by optimum-quanto's names."""

    QINT8 = "qint8"
    QINT4 = "qint4"
    QFLOAT8 = "qfloat8"
    NONE = "none"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evaluation(_Part):
    """What is measured, and on what."""

    text: str | None = Field(
        default=None, description="a UTF-8 file, relative to the recipe; None: the bundled text"
    )
    max_tokens: int = Field(default=2048, ge=16)
    sequence_length: int = Field(default=256, ge=8)
    skills_per_kind: int = Field(
        default=0, ge=0, description="held-out cases of each of pocket's skills, for pocket alone"
    )


class Gates(_Part):
    """Limits against the original; None: no limit."""

    max_mean_kl: float | None = Field(default=None, gt=0, description="nats per token")
    max_p99_kl: float | None = Field(default=None, gt=0, description="nats")
    min_top1: float | None = Field(
        default=None, ge=0, le=1, description="share of equal likeliest tokens"
    )
    max_perplexity_ratio: float | None = Field(default=None, gt=0)
    min_skills: float | None = Field(
        default=None, ge=0, le=1, description="right answers, as a share of the original's"
    )


class Recipe(_Part):
    name: str = Field(default="", pattern=r"^[a-z0-9_.-]*$")
    """Of the file; what the result is called unless told otherwise."""
    weights: Scheme
    head: Scheme = Scheme.NONE
    group_size: Literal[32, 64, 128] | None = None
    modules: dict[str, Scheme] = Field(default_factory=dict)
    evaluate: Evaluation = Evaluation()
    gates: Gates = Gates()

    def scheme_of(self, module: str) -> Scheme:
        chosen = self.head if module == HEAD else self.weights
        for pattern, scheme in self.modules.items():
            if fnmatchcase(module, pattern):
                chosen = scheme
        return chosen

    def check_patterns(self, modules: list[str]) -> None:
        """Raises RecipeError for a pattern that fits none of `modules`: it is a slip of the pen."""
        for pattern in self.modules:
            if not any(fnmatchcase(module, pattern) for module in modules):
                raise RecipeError(
                    f"recipe {self.name}: modules.{pattern!r} fits no matrix of this model. They "
                    f"are called {modules[0]} ... {modules[-1]}."
                )


def load_recipe(name: str) -> Recipe:
    """A bundled recipe by name, or a TOML file. Raises RecipeError."""
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        path = Path(name).expanduser()
    if not path.is_file():
        bundled = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
        raise RecipeError(f"there is no recipe {name!r}. Give a TOML file, or one of {bundled}.")
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe = Recipe(**{"name": path.stem.lower(), **fields})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is no TOML: {error}.") from error
    except ValidationError as error:
        raise RecipeError(f"{path}: {_first_fault(error)}") from error
    if recipe.evaluate.text is None:
        return recipe
    text = str((path.parent / recipe.evaluate.text).resolve())
    return recipe.model_copy(update={"evaluate": recipe.evaluate.model_copy(update={"text": text})})


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        parts: dict[str, type[BaseModel]] = {"evaluate": Evaluation, "gates": Gates}
        known = parts.get(str(fault["loc"][0]), Recipe).model_fields
        return f"{name} is no key of a recipe. There are {', '.join(known)}."
    if fault["type"] == "missing":
        return f"{name} is missing."
    return f"{name} is {fault['input']!r}: {fault['msg']}."
