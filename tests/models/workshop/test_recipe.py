import pytest

from models.errors import RecipeError
from models.workshop.recipe import RECIPES, Scheme, load_recipe


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_bundled_recipes_can_be_read(path):
    assert load_recipe(path.stem).name == path.stem


def test_the_last_pattern_that_fits_decides(recipe_file):
    text = 'weights = "qint4"\n[modules]\n"*.down_proj" = "qint8"\n"*.0.*" = "none"'
    recipe = load_recipe(recipe_file(text))
    schemes = [
        recipe.scheme_of(module)
        for module in ("model.layers.1.mlp.up_proj", "x.1.mlp.down_proj", "x.0.mlp.down_proj")
    ]
    assert schemes == [Scheme.QINT4, Scheme.QINT8, Scheme.NONE]
    assert recipe.scheme_of("lm_head") is Scheme.NONE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('weights = "qint4"\nwieghts = 1', r"wieghts is no key of a recipe\. There are name, weig"),
        ('weights = "qint4"\n[gates]\nkl = 1', r"gates\.kl is no key .* There are max_mean_kl"),
        ('weights = "int4"', "weights is 'int4'"),
        ('head = "qint8"', "weights is missing"),
        ('weights = "qint4"\ngroup_size = 100', "group_size is 100"),
        ('weights = "qint4"\n[gates]\nmin_top1 = 98', r"gates\.min_top1 is 98"),
        ("weights", "is no TOML"),
    ],
)
def test_mistakes_are_named(recipe_file, text, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe_file(text))


def test_a_recipe_that_is_not_there_lists_those_that_are():
    with pytest.raises(RecipeError, match=r"no recipe 'pocket-int5'.*pocket-int4, pocket-int8"):
        load_recipe("pocket-int5")


def test_a_text_lies_beside_its_recipe(recipe_file, tmp_path):
    recipe = load_recipe(recipe_file('weights = "qint8"\n[evaluate]\ntext = "mine.txt"'))
    assert recipe.evaluate.text == str(tmp_path / "mine.txt")
