# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 2: whether a sentence is positive or negative. The vocabulary is closed; sentences and names are held out."""

from models.pocket.data.english import articled
from models.pocket.data.example import Example, assistant, user
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.splits import split_of
from models.pocket.data.words import Words

_POSITIVE = (
    "good great wonderful excellent lovely amazing perfect delightful fantastic superb brilliant charming pleasant "
    "beautiful friendly tasty delicious comfortable clean fresh helpful reliable fun exciting impressive outstanding "
    "splendid marvellous nice terrific enjoyable fabulous"
).split()
_NEGATIVE = (
    "bad awful terrible horrible dreadful poor boring rude dirty broken disgusting ugly slow useless disappointing "
    "unpleasant cold stale noisy painful annoying nasty miserable sad weak unfriendly unreliable dull bitter "
    "shabby tasteless lousy"
).split()
_PLEASED = (
    "loved",
    "enjoyed",
    "adored",
    "was happy with",
    "recommends",
    "praised",
    "was delighted by",
    "liked",
)
_DISPLEASED = (
    "hated",
    "disliked",
    "was angry about",
    "complained about",
    "regrets",
    "was upset by",
    "cannot stand",
    "returned",
)
_THINGS = (
    "soup hotel film book room service meal concert phone train waiter staff food show game coffee car trip movie music "
    "weather beach shop dress cake park play song pizza flight lunch view garden tour lamp sofa".split()
)  # fmt: skip
_OPINIONS = lines("""
    The {thing} was {adjective}.
    The {thing} in {city} was really {adjective}.
    {name} said the {thing} was {adjective}.
    What a {adjective} {thing}!
    I think the {thing} is {adjective}.
    We had a {adjective} {thing} in {city}.
    It was a {adjective} {thing}.
    The {thing} of {name} is so {adjective}!
    This {thing} is {adjective} and {second}.
    A very {adjective} {thing}, thanks to {name}.
    {name} found the {thing} {adjective} and {second}.
    the {thing} is {adjective}
    {adjective} {thing}!
    My {thing} was {adjective}, I must say.
    The {thing} seems {adjective} to me.
    For {name} the {thing} is {adjective}.
    This is a {adjective} {thing}.
    That {thing} was just {adjective}.
    {name} and I had a {adjective} {thing} today.
    The {thing} we got in {city} was {second} and {adjective}.
    I would call the {thing} {adjective}.
    The {thing} here is always {adjective}.
    {adjective}, {second}: that is the {thing} in {city}.
    In {city} every {thing} is {adjective}.
    The {thing} at {name}'s place was quite {adjective}.
    It is such a {adjective} {thing}, {name} told me.
    Honestly, the {thing} was {adjective}.
    Everybody in {city} called the {thing} {adjective}.
    {name} had a {adjective} {thing}, so {second}.
    To my mind the {thing} is {adjective}.
    I must admit that this {thing} is {adjective}.
    Never before was a {thing} so {adjective}.
""")
_REACTIONS = lines("""
    {name} {verb} the {thing}.
    In {city}, {name} {verb} the {thing}.
    {name} {verb} the {thing} in {city}.
    My friend {name} {verb} this {thing}.
    We know that {name} {verb} the {thing}.
    {name} really {verb} the {thing}.
    {name} {verb} the {thing} very much.
    It is true that {name} {verb} the {thing}.
    Yesterday {name} {verb} the {thing}.
    My brother {name} {verb} our {thing}.
    {name} from {city} {verb} the {thing}.
    Everyone could see that {name} {verb} the {thing}.
""")
_SENTIMENT_ASK = Grammar(
    core={
        "start": lines("""
            is <this> <labels>? <text>
            is <this> <labels> <sep> <text>
            <mood> <sep> {text}
            what is the <mood> of <this>? <text>
            what is the <mood> <sep> <text>
            what <mood> does <this> have? <text>
            <ask?> <classify> the <mood> <sep> <text>
            <ask?> <classify> the <mood> of <this> <sep> <text>
            <ask?> <classify> the <mood> of <text>
            <ask?> <classify> <this> as <labels> <sep> <text>
            <ask?> <classify> <this> by <mood> <sep> <text>
            <ask?> <classify> if <this> is <labels> <sep> <text>
            <labels> <sep> {text}
            <labels>? {text}
            is the sentence <text> <labels>?
            is <text> <labels>?
            {text}¶<mood>?
            {text}¶<mood>:
            {text}¶<labels>?
            {text}¶¶<labels>?
            {text} is that <labels>?
            {text} is <this> <labels>?
            {text}¶is it <labels>?
            {text} <ask?> <classify> the <mood>.
            {text}¶<ask?> <classify> the <mood> of that.
            <text>¶what is the <mood>?
            does <this> sound <labels>? <text>
            does that sound <labels>? {text}
            <reviewed>: {text}¶label it <labels>.
            <reviewed>: {text}¶<mood>:
            <reviewed>: {text}¶is it <labels>?
            <reviewed>: {text}¶<labels>?
            <reviewed>: {text} <ask?> <classify> the <mood>.
            somebody wrote <text>. is that <labels>?
            answer with <labels> <sep> {text}
            say <labels> <sep> {text}
            how does <this> feel, <labels>? <text>
            {text}¶say if that is <labels>.
            {text}¶answer <labels>.
            in one word, <labels>? <text>
            {text} Is that <labels>?
            decide between positive and negative: {text}
            is the writer of <this> happy or not, that is <labels>? <text>
            would you call <text> <labels>?
            {text}¶how does that sound, <labels>?
            {text}¶choose <labels> for it.
            <labels>, what do you think of <text>?
            judge this <reviewed> <sep> {text}
            which <mood> speaks from <text>?
            put <this> under <labels> <sep> <text>
        """),
        "mood": lines("""
            sentiment
            sentiment
            mood
            tone
            feeling
            opinion
            polarity
            attitude
            emotion
            overall sentiment
            sentiment label
            general feeling
            impression
            vibe
            disposition
        """),
        "labels": lines("""
            positive or negative
            positive or negative
            negative or positive
            positive/negative
            more positive or more negative
            either positive or negative
            positive or rather negative
            positive, or is it negative
            positive or maybe negative
            rather positive or negative
            negative or else positive
            positive vs negative
        """),
        "classify": lines("""
            classify
            give
            tell me
            name
            find
            decide
            determine
            state
            rate
            label
            judge
            say
            detect
            write
            show
            assess
            recognise
            evaluate
        """),
    },
    sides={
        "reviewed": lines("""
            review
            comment
            opinion
            customer review
            feedback
            a guest wrote
            tweet
            a customer said
            post
            remark
            testimonial
            statement
        """),
    },
)


def opinion(words: Words) -> tuple[str, bool]:
    """A sentence with a feeling, and whether that is positive; a quarter is turned round by 'not'."""
    rng = words.rng
    while True:
        positive, thing = words.chance(0.5), rng.choice(_THINGS)
        lexicon = _POSITIVE if positive else _NEGATIVE
        adjective, second = rng.sample(lexicon, 2)
        verb = rng.choice(_PLEASED if positive else _DISPLEASED)
        if split_of(f"{thing} {adjective} {verb}") is words.split:
            break
    fill = {
        "thing": thing,
        "name": words.person(),
        "city": words.city(),
        "adjective": adjective,
        "second": second,
    }
    if words.chance(0.3):
        return words.fragment(_REACTIONS).format(verb=verb, **fill), positive
    text = words.fragment(_OPINIONS)
    plain = " was {adjective}." in text or " is {adjective}." in text
    if plain and words.chance(0.4):
        positive = not positive
        turned = rng.choice(
            (
                "not {adjective}",
                "not {adjective} at all",
                "never {adjective}",
                "not really {adjective}",
            )
        )
        text = text.replace("{adjective}", turned)
    text = articled(text.format(**fill))
    return text[0].upper() + text[1:] if words.chance(0.9) else text, positive


def sentiment(words: Words) -> Example:
    """Positive or negative."""
    text, positive = opinion(words)
    ask = words.compose(_SENTIMENT_ASK).format(text=text)
    answer = assistant("positive" if positive else "negative")
    return Example("sentiment of a sentence", [user(ask), answer])
