"""Draws names, places, nouns, invented words and simple values for one split, from one seeded
generator.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.pocket.data.fragments import fragments
from models.pocket.data.grammar import Grammar, fragment
from models.pocket.data.lexicon import FIRST_NAMES, NOUNS, PLACES, SURNAMES
from models.pocket.data.splits import Split, owned, phrasings, split_of

_ONSETS = [
    *"b c d f g h j k l m n p r s t v w x y z br cr dr fr gr pr tr bl cl fl gl pl sl st sk".split(),
    *"sp sn sm sw ch sh th qu str kn".split(),
    "",
    "",
]
_VOWELS = "a e i o u a e i o u a e i o u ai ea ee oa oo ou ia io y".split()
_CODAS = "n r l s t m d k x p g nd nt rt st ck sh ll ss rn lk mp ng th z b f".split() + [""] * 22
_ACCENTED = "á à â ä é è ê ë í î ï ó ô ö ú ü ñ ç ß å ø".split()
_ENDINGS = (
    "",
    "",
    "",
    "",
    "son",
    "ton",
    "ville",
    "berg",
    "ia",
    "ford",
    "er",
    "ing",
    "ly",
    "ed",
    "ov",
    "ez",
    "ini",
    "ko",
)

_WORD_OR_SLOT = re.compile(r"\{+[^}]*\}+|[A-Za-z]{2,}")
COLOURS = (
    "red",
    "blue",
    "green",
    "yellow",
    "black",
    "white",
    "orange",
    "purple",
    "brown",
    "pink",
    "grey",
    "silver",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January February March April May June July August September October November December"
).split()
JOBS = (
    "teacher nurse doctor baker farmer pilot lawyer painter driver engineer writer singer "
    "chef dentist plumber gardener judge waiter tailor librarian builder carpenter journalist "
    "electrician barber butcher fisherman programmer "
).split()
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF", "euros", "dollars", "pounds", "yen", "francs")
FOREIGN = ("French", "German", "Spanish", "Italian", "Dutch", "Polish", "Greek", "Swedish")
CHORES = (
    "wash the",
    "find the",
    "order the",
    "feed the",
    "pick up",
    "look for",
    "pack the",
    "return the",
    "ask about the",
    "write to",
    "buy",
    "call",
    "clean the",
    "fix the",
    "pay the",
    "visit",
    "meet",
    "sell the",
    "bring",
    "water the",
)
DOMAINS = ("com", "org", "net", "io", "de", "fr")


@dataclass(frozen=True, slots=True)
class Words:
    """A seeded source of entities that all belong to `split`, and of the wordings of `wording`.

    The two differ where new words in trained wordings are to be scored apart from new wordings.
    """

    rng: random.Random
    split: Split
    wording: Split | None = None

    @property
    def worded(self) -> Split:
        """The split whose wordings these words use."""
        return self.wording or self.split

    def phrasings(self, phrases: Sequence[str]) -> tuple[str, ...]:
        """The phrasings these words may use."""
        return phrasings(self.worded, phrases)

    def phrase(self, phrases: Sequence[str]) -> str:
        """A phrasing of this split alone; in training, at times disturbed."""
        return self._disturbed(self.rng.choice(self.phrasings(phrases)))

    def fragment(self, phrases: tuple[str, ...]) -> str:
        """A phrasing of training or, half of the time outside of it, of this split."""
        return self._disturbed(fragment(self.rng, self.worded, phrases)[0])

    def compose(self, grammar: Grammar) -> str:
        """A wording composed by a grammar; in training, at times disturbed."""
        return self._disturbed(grammar.compose(self.rng, self.worded))

    def _disturbed(self, chosen: str) -> str:
        """With an invented word more, a word replaced by one, or two letters swapped, so that no
        single word of a request becomes indispensable. Slots stay.
        """
        if self.split is not Split.TRAIN or not self.chance(0.12):
            return chosen
        if self.chance(0.3):
            # A word more instead of a word changed: before any word but the first, and never beside
            # a slot, whose value it would seem to be part of.
            gaps = [m.start() for m in re.finditer(r"(?<=[^\s}])(?= [^{\s])(?![^{]*\})", chosen)]
            if not gaps:
                return chosen
            gap = self.rng.choice(gaps)
            return f"{chosen[:gap]} {self.invented()}{chosen[gap:]}"
        # The word before a slot stays: without it nothing tells where the value begins.
        spots = [
            m
            for m in _WORD_OR_SLOT.finditer(chosen)
            if not m.group().startswith("{") and not chosen[m.end() :].lstrip(" ").startswith("{")
        ]
        if len(spots) < 3:
            return chosen
        spot = self.rng.choice(spots)
        word, old = self.invented(), spot.group()
        if len(old) > 3 and self.chance(0.5):
            cut = self.rng.randrange(1, len(old) - 1)
            word = old[:cut] + old[cut + 1] + old[cut] + old[cut + 2 :]
        word = word.capitalize() if old[0].isupper() else word
        return chosen[: spot.start()] + word + chosen[spot.end() :]

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def invented(self) -> str:
        """A pronounceable lower-case word that no list holds."""
        rng = self.rng
        while True:
            if fragments() and rng.random() < 0.4:
                word = "".join(rng.choice(fragments()) for _ in range(rng.choice((1, 2, 2, 3))))
                if 2 < len(word) < 16 and split_of(word) is self.split:
                    return word
                continue
            count = rng.choices((1, 2, 3), (3, 6, 2))[0]
            word = "".join(
                rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(count)
            )
            word += rng.choice(_ENDINGS)
            if rng.random() < 0.04:
                spot = rng.randrange(len(word) + 1)
                word = word[:spot] + rng.choice(_ACCENTED) + word[spot:]
            if len(word) > 2 and split_of(word) is self.split:
                return word

    def noun(self) -> str:
        """A common noun of this split; now and then an invented one."""
        return self.invented() if self.chance(0.25) else self.rng.choice(owned(self.split, NOUNS))

    def first_name(self) -> str:
        return (
            self.invented().capitalize()
            if self.chance(0.5)
            else self.rng.choice(owned(self.split, FIRST_NAMES))
        )

    def known_name(self) -> str:
        """A first name from the list, for text the model must find a name for by itself."""
        return self.rng.choice(owned(self.split, FIRST_NAMES))

    def surname(self) -> str:
        return (
            self.invented().capitalize()
            if self.chance(0.5)
            else self.rng.choice(owned(self.split, SURNAMES))
        )

    def person(self) -> str:
        """A first name, or a full name."""
        first = self.first_name()
        return f"{first} {self.surname()}" if self.chance(0.4) else first

    def city(self) -> str:
        if self.chance(0.06):
            head = self.rng.choice(("New", "San", "Port", "North", "Saint"))
            return f"{head} {self.invented().capitalize()}"
        return (
            self.invented().capitalize()
            if self.chance(0.5)
            else self.rng.choice(owned(self.split, PLACES))
        )

    def title(self) -> str:
        """Two or three words in the style of a book or company name."""
        head = self.rng.choice((self.invented, self.noun))().capitalize()
        tail = self.rng.choice((self.invented, self.noun))().capitalize()
        return self.rng.choice(
            (f"{head} {tail}", f"The {head} {tail}", f"{head} and {tail}", f"{head} of {tail}")
        )

    def code(self) -> str:
        letters = "".join(
            self.rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(self.rng.randint(1, 3))
        )
        digits = self.rng.randint(10, 9999)
        return self.rng.choice((f"{letters}{digits}", f"{letters}-{digits}"))

    def email(self) -> str:
        name = self.first_name().lower()
        return f"{name}@{self.invented()}.{self.rng.choice(DOMAINS)}"

    def date(self) -> str:
        rng = self.rng
        day, month = rng.randint(1, 28), rng.randrange(12)
        style, year = rng.randrange(5), rng.randint(2019, 2031)
        if style == 0:
            return f"{year}-{month + 1:02d}-{day:02d}"
        if style == 4:
            return rng.choice(
                (f"{MONTHS[month]} {day}, {year}", f"{day:02d}.{month + 1:02d}.{year}",
                 f"{day}/{month + 1}/{year}", f"{day} {MONTHS[month]} {year}")
            )  # fmt: skip
        if style == 1:
            return f"{MONTHS[month]} {day}"
        return f"{day} {MONTHS[month]}" if style == 2 else rng.choice(WEEKDAYS)

    def time(self) -> str:
        rng = self.rng
        hour, minute = rng.randint(0, 23), rng.choice((0, 0, 15, 30, 45, rng.randint(0, 59)))
        return (
            f"{hour % 12 + 1} {rng.choice(('am', 'pm'))}"
            if rng.random() < 0.25
            else f"{hour:{rng.choice(('02d', '02d', 'd'))}}:{minute:02d}"
        )

    def integer(self, high: int = 999) -> int:
        """1..high, every number of digits about equally often."""
        return self.rng.randint(1, min(high, 10 ** self.rng.randint(1, len(str(high)))))

    def decimal(self) -> float:
        return round(self.integer(500) + self.rng.randint(1, 99) / 100, self.rng.choice((1, 2)))

    def value(self, kind: str) -> str | int | float | bool:
        """A value of a named kind: the methods above, or a closed class such as colour."""
        match kind:
            case "colour":
                return self.rng.choice(COLOURS)
            case "weekday":
                return self.rng.choice(WEEKDAYS)
            case "currency":
                return self.rng.choice(CURRENCIES)
            case "level":
                return self.rng.choice(("low", "medium", "high", "normal", "urgent"))
            case "large":
                return self.rng.randint(1000, 99999)
            case "foreign":
                return self.rng.choice(FOREIGN)
            case "task":
                thing = self.rng.choice((self.noun, self.first_name, self.noun))()
                return f"{self.rng.choice(CHORES)} {thing}"
            case "job":
                return self.rng.choice(JOBS)
            case "integer":
                return self.integer()
            case "age":
                return self.rng.randint(2, 99)
            case "decimal":
                return self.decimal()
            case "phrase":
                words = [
                    self.rng.choice((self.invented, self.noun))()
                    for _ in range(self.rng.randint(1, 3))
                ]
                return " ".join(words)
            case _:
                return str(getattr(self, kind)())
