"""Composes the wording of a request from fragments, every list of which is held out in part.

A few dozen frames, verbs, separators and courtesies make thousands of wordings, so that a model
learns to read a request rather than to recognise it. A composed template still has its `{slots}`
for the words of the example.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.pocket.data.splits import Split, phrasings

_RULE = re.compile(r"<(\w+)(\?)?>")
_SENTENCE_START = re.compile(r"(^|[.?!] |\n)([a-z])")
_I = re.compile(r"(?<![\w{])i(?![\w}])")
_OUTSIDE_SLOTS = re.compile(r"[^{}]+(?![^{}]*\})")


def lines(text: str) -> tuple[str, ...]:
    """The lines of a block, one fragment each; ¶ stands for a line break inside one."""
    stripped = (line.strip() for line in text.strip().splitlines())
    return tuple(line.replace("¶", "\n") for line in stripped if line)


ASIDES: Mapping[str, tuple[str, ...]] = {
    "ask": lines("""
        please
        can you
        could you
        can you please
        could you please
        i want you to
        i need you to
        i'd like you to
        i would like you to
        kindly
        now
        ok, now
        hey,
        hi,
        hello,
        hi, please
        go ahead and
        try to
        will you
        let's
        let us
        help me
        help me to
        your task is to
        your task:
        task:
        next,
        first,
        quickly
        just
        do me a favour and
        it would be great if you could
        i was wondering if you could
        we need to
        you should
        you have to
        so,
        well,
        here is your job:
        ok.
        sorry, can you
        thanks. now
        are you able to
        my request:
        would you
        you are asked to
        may i ask you to
        would you be so kind as to
        alright,
        it is your turn to
        be a dear and
        i hope you can
        make an effort to
    """),
    "sep": lines("""
        :
        :
        :
        :¶
        :¶
        :¶¶
        .¶
        .¶¶
        ¶
        ¶¶
        .
        -
        =>
        --
        ->
        ...
        :¶-
        |
    """),
    "text": lines("""
        {text}
        {text}
        {text}
        {text}
        {text}
        {text}
        "{text}"
        "{text}"
        '{text}'
        “{text}”
        ({text})
        "{text}".
        `{text}`
        * {text}
        [{text}]
        «{text}»
        > {text}
    """),
    "this": lines("""
        this
        this text
        the text
        this sentence
        the sentence
        the following
        the following text
        the following sentence
        the text below
        the sentence below
        these words
        this line
        this message
        my text
        this one
        what follows
        the next line
        the next sentence
        my sentence
        this short text
        this piece of text
        the words below
        the line below
        this passage
        my message
        the passage below
        what i wrote
        this snippet
        the following words
        the following line
    """),
    "label": lines("""
        text
        sentence
        input
        message
        the text
        here is the text
        the sentence
        note
        line
        content
        document
        data
        words
        passage
        source
        snippet
        my input
    """),
    "bye": lines("""
        please
        thanks
        thank you
        please, thanks
        thanks a lot
        ok
        will you
        can you
        if you can
        right now
        for me
        if possible
        cheers
        would you
        if you please
    """),
}


@dataclass(frozen=True, slots=True)
class Grammar:
    """Rules by name; `start` begins. `<rule>` is replaced, `<rule?>` is sometimes left out.

    The fragments of `core` carry the instruction: a wording of the validation or test set has at
    least one that training never sees. Those of `sides`, and the ASIDES that all grammars share,
    are dressing, held out as well.
    """

    core: Mapping[str, tuple[str, ...]]
    sides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def compose(self, rng: random.Random, wording: Split) -> str:
        """A template of the split's wordings, its `{slots}` open."""
        while True:
            template, held_out = self._expanded(rng, wording)
            if held_out or wording is Split.TRAIN:
                return _styled(rng, template)

    def _expanded(self, rng: random.Random, wording: Split) -> tuple[str, bool]:
        template, held_out = "<start>", False
        while match := _RULE.search(template):
            name, optional = match.groups()
            said = ""
            if not optional or rng.random() < 0.4:
                said, own = fragment(rng, wording, self._fragments(name))
                held_out |= own and name in self.core
            template = template[: match.start()] + said + template[match.end() :]
        return template, held_out

    def _fragments(self, name: str) -> tuple[str, ...]:
        return self.core.get(name) or self.sides.get(name) or ASIDES[name]


def fragment(rng: random.Random, wording: Split, pool: tuple[str, ...]) -> tuple[str, bool]:
    """A fragment, and whether it is held out from training; that is so half of the time outside
    of training.
    """
    own = wording is not Split.TRAIN and rng.random() < 0.5
    return rng.choice(phrasings(wording if own else Split.TRAIN, pool)), own


def _styled(rng: random.Random, template: str) -> str:
    """Spaces in order; sentences capitalised, or all in lower case as in a hurry."""
    template = re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", template))
    template = re.sub(r" +([.,?!:;])(?!\S)", r"\1", template).strip()
    if rng.random() < 0.8:
        template = _I.sub("I", template)
        return _SENTENCE_START.sub(lambda m: m[1] + m[2].upper(), template)
    return _OUTSIDE_SLOTS.sub(lambda m: m[0].lower(), template).rstrip(".!?")
