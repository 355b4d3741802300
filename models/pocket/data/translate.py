# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 3: templated sentences into French, German and Spanish. Vocabulary is closed; sentences and names are held out."""

from dataclasses import dataclass

from models.pocket.data.example import Example, assistant, user
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.splits import split_of
from models.pocket.data.words import Words

LANGUAGES = ("French", "German", "Spanish")


@dataclass(frozen=True, slots=True)
class _Noun:
    english: str
    forms: tuple[str, str, str]
    """The bare noun in French, German, Spanish."""
    genders: str
    """One letter per language: m, f or n."""


def _nouns(text: str) -> tuple[_Noun, ...]:
    rows = [line.split() for line in text.strip().splitlines()]
    return tuple(
        _Noun(r[0], (r[1][:-2], r[2][:-2], r[3][:-2]), r[1][-1] + r[2][-1] + r[3][-1]) for r in rows
    )


_EDIBLE = _nouns("""
apple pomme:f Apfel:m manzana:f
bread pain:m Brot:n pan:m
cheese fromage:m Käse:m queso:m
soup soupe:f Suppe:f sopa:f
cake gâteau:m Kuchen:m pastel:m
egg œuf:m Ei:n huevo:m
fish poisson:m Fisch:m pescado:m
banana banane:f Banane:f banana:f
salad salade:f Salat:m ensalada:f
rice riz:m Reis:m arroz:m
""")
_OBJECTS = _nouns("""
book livre:m Buch:n libro:m
table table:f Tisch:m mesa:f
house maison:f Haus:n casa:f
car voiture:f Auto:n coche:m
dog chien:m Hund:m perro:m
cat chat:m Katze:f gato:m
key clé:f Schlüssel:m llave:f
lamp lampe:f Lampe:f lámpara:f
door porte:f Tür:f puerta:f
window fenêtre:f Fenster:n ventana:f
bag sac:m Tasche:f bolsa:f
letter lettre:f Brief:m carta:f
chair chaise:f Stuhl:m silla:f
bicycle vélo:m Fahrrad:n bicicleta:f
garden jardin:m Garten:m jardín:m
flower fleur:f Blume:f flor:f
train train:m Zug:m tren:m
hat chapeau:m Hut:m sombrero:m
shirt chemise:f Hemd:n camisa:f
picture tableau:m Bild:n cuadro:m
""")
# English -> masculine and feminine French, German, masculine and feminine Spanish
_ADJECTIVES: dict[str, tuple[str, str, str, str, str]] = {
    "big": ("grand", "grande", "groß", "grande", "grande"),
    "small": ("petit", "petite", "klein", "pequeño", "pequeña"),
    "red": ("rouge", "rouge", "rot", "rojo", "roja"),
    "green": ("vert", "verte", "grün", "verde", "verde"),
    "black": ("noir", "noire", "schwarz", "negro", "negra"),
    "white": ("blanc", "blanche", "weiß", "blanco", "blanca"),
    "new": ("nouveau", "nouvelle", "neu", "nuevo", "nueva"),
    "old": ("vieux", "vieille", "alt", "viejo", "vieja"),
    "beautiful": ("beau", "belle", "schön", "hermoso", "hermosa"),
    "cold": ("froid", "froide", "kalt", "frío", "fría"),
    "good": ("bon", "bonne", "gut", "bueno", "buena"),
    "clean": ("propre", "propre", "sauber", "limpio", "limpia"),
}
_EATING = {
    "eats": ("mange", "isst", "come"),
    "wants": ("veut", "will", "quiere"),
    "buys": ("achète", "kauft", "compra"),
}
_USING = {
    "sees": ("voit", "sieht", "ve"),
    "buys": ("achète", "kauft", "compra"),
    "has": ("a", "hat", "tiene"),
    "sells": ("vend", "verkauft", "vende"),
    "loves": ("aime", "liebt", "ama"),
    "finds": ("trouve", "findet", "encuentra"),
    "paints": ("peint", "malt", "pinta"),
    "looks for": ("cherche", "sucht", "busca"),
}
_SUBJECTS = {
    "My brother": ("Mon frère", "Mein Bruder", "Mi hermano"),
    "My sister": ("Ma sœur", "Meine Schwester", "Mi hermana"),
    "The teacher": ("Le professeur", "Der Lehrer", "El profesor"),
    "The child": ("L'enfant", "Das Kind", "El niño"),
    "The woman": ("La femme", "Die Frau", "La mujer"),
    "The man": ("L'homme", "Der Mann", "El hombre"),
    "My mother": ("Ma mère", "Meine Mutter", "Mi madre"),
    "My father": ("Mon père", "Mein Vater", "Mi padre"),
    "My friend": ("Mon ami", "Mein Freund", "Mi amigo"),
}
_ASK = Grammar(
    core={
        "start": lines("""
            <ask?> <translate> <into> {language} <sep> <text>
            <ask?> <translate> <this> <into> {language} <sep> <text>
            <ask?> <translate> <text> <into> {language}
            <ask?> <translate> <into> {language} <sep> <text>
            how do you say this in {language}? <text>
            how do you say <text> in {language}?
            how do i say <text> in {language}?
            {language} <sep> {text}
            {language} please <sep> {text}
            english: {text}¶{language}:
            English to {language} <sep> {text}
            say <this> in {language} <sep> <text>
            say <text> in {language}.
            {text}¶in {language}, please.
            {text}¶<into> {language}
            {text}¶<ask?> <translate> that <into> {language}.
            {text}¶¶<translate> <into> {language}.
            {text} how is that in {language}?
            {text} what is that in {language}?
            what is that in {language}? <text>
            what is <text> in {language}?
            what does <text> mean in {language}?
            what is the {language} for <text>?
            <ask?> write <this> in {language} <sep> <text>
            i want to say <text> in {language}.
            i want to say this in {language} <sep> <text>
            <label>: {text}¶{language}:
            in {language} <sep> {text}
            give me the {language} for <sep> {text}
            give me the {language} translation <sep> <text>
            {language} translation <sep> <text>
            the {language} translation of <text>, <bye>
            <ask?> give a {language} translation of <this> <sep> <text>
            translate from English <into> {language} <sep> {text}
            my friend speaks {language}. <translate> <this> <sep> <text>
            <ask?> put this into {language} <sep> {text}
            i need this sentence in {language} <sep> {text}
            {text}¶how would one say that in {language}?
            how would a speaker of {language} put this? <text>
            what would <text> be in {language}?
            let me have <text> in {language}.
            {language} version <sep> <text>
            i am learning {language}. what is <text>?
        """),
        "translate": lines("""
            translate
            translate
            say
            write
            turn
            convert
            change
            express
            rewrite
            bring
            transfer
            render
            reword
        """),
    },
    sides={
        "into": lines("""
            into
            into
            to
            to
            in
            from English to
            from English into
            from english into
            over into
            across into
            over to
        """),
    },
)


def _the(noun: _Noun, language: int, accusative: bool = False) -> str:
    form, gender = noun.forms[language], noun.genders[language]
    if language == 0:
        return f"l'{form}" if form[0] in "aeiouœh" else f"{'le' if gender == 'm' else 'la'} {form}"
    if language == 1:
        return f"{'den' if accusative and gender == 'm' else {'m': 'der', 'f': 'die', 'n': 'das'}[gender]} {form}"
    return f"{'el' if gender == 'm' else 'la'} {form}"


def _a(noun: _Noun, language: int) -> str:
    form, gender = noun.forms[language], noun.genders[language]
    articles = (
        {"m": "un", "f": "une"},
        {"m": "einen", "f": "eine", "n": "ein"},
        {"m": "un", "f": "una"},
    )
    return f"{articles[language][gender]} {form}"


def _article(noun: _Noun) -> str:
    return f"{'an' if noun.english[0] in 'aeiou' else 'a'} {noun.english}"


def _adjective(word: str, noun: _Noun, language: int) -> str:
    masculine, feminine, german, spanish_m, spanish_f = _ADJECTIVES[word]
    female = noun.genders[language] == "f"
    return (feminine if female else masculine, german, spanish_f if female else spanish_m)[language]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _sentence(words: Words, language: int) -> tuple[str, str]:
    """An English sentence and its translation."""
    rng = words.rng
    noun, word = rng.choice(_EDIBLE + _OBJECTS), rng.choice(sorted(_ADJECTIVES))
    match rng.randrange(7):
        case 0:
            is_ = ("est", "ist", "es")[language]
            translated = f"{_the(noun, language)} {is_} {_adjective(word, noun, language)}."
            return f"The {noun.english} is {word}.", _capital(translated)
        case 1:
            have = ("J'ai", "Ich habe", "Tengo")[language]
            return f"I have {_article(noun)}.", f"{have} {_a(noun, language)}."
        case 2:
            where = ("Où est", "Wo ist", "¿Dónde está")[language]
            return f"Where is the {noun.english}?", f"{where} {_the(noun, language)}?"
        case 3:
            name, city = words.first_name(), words.city()
            return (
                f"{name} lives in {city}.",
                f"{name} {('habite à', 'wohnt in', 'vive en')[language]} {city}.",
            )
        case 4:
            name, other = words.first_name(), rng.choice(_EDIBLE + _OBJECTS)
            buys, and_ = ("achète", "kauft", "compra")[language], ("et", "und", "y")[language]
            translated = (
                f"{name} {buys} {_the(noun, language, True)} {and_} {_the(other, language, True)}."
            )
            return f"{name} buys the {noun.english} and the {other.english}.", translated
        case _:
            edible = words.chance(0.3)
            noun, verbs = (
                (rng.choice(_EDIBLE), _EATING) if edible else (rng.choice(_OBJECTS), _USING)
            )
            verb = rng.choice(sorted(verbs))
            who = rng.choice(sorted(_SUBJECTS))
            said = (who, _SUBJECTS[who][language])
            if words.chance(0.4):
                name = words.first_name()
                said = (name, name)
            return (
                f"{said[0]} {verb} the {noun.english}.",
                f"{said[1]} {verbs[verb][language]} {_the(noun, language, True)}.",
            )


def translate(words: Words) -> Example:
    """A sentence that only this split translates, into one of three languages."""
    language = words.rng.randrange(3)
    while True:
        english, foreign = _sentence(words, language)
        if split_of(english) is words.split:
            break
    ask = words.compose(_ASK).format(language=LANGUAGES[language], text=english)
    return Example(f"English to {LANGUAGES[language]}", [user(ask), assistant(foreign)])
