# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 2: the sentiment and the topic of a sentence. The vocabulary is closed; sentences and
names are held out.
"""

from models.pocket.data.example import Check, Example, assistant, user
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
_OPINIONS = (
    "The {thing} was {adjective}.",
    "The {thing} in {city} was really {adjective}.",
    "{name} said the {thing} was {adjective}.",
    "What a {adjective} {thing}!",
    "I think the {thing} is {adjective}.",
    "We had a {adjective} {thing} in {city}.",
    "It was a {adjective} {thing}.",
    "The {thing} of {name} is so {adjective}!",
    "This {thing} is {adjective} and {second}.",
    "A very {adjective} {thing}, thanks to {name}.",
    "{name} found the {thing} {adjective} and {second}.",
    "Honestly, the {thing} was {adjective}.",
    "Everybody in {city} called the {thing} {adjective}.",
    "{name} had a {adjective} {thing}, so {second}.",
)
_REACTIONS = (
    "{name} {verb} the {thing}.",
    "In {city}, {name} {verb} the {thing}.",
    "{name} {verb} the {thing} in {city}.",
    "My friend {name} {verb} this {thing}.",
    "We know that {name} {verb} the {thing}.",
    "{name} from {city} {verb} the {thing}.",
)
_SENTIMENT_ASKS = (
    "Is this positive or negative? {text}",
    "Sentiment: {text}",
    "What is the sentiment of this sentence? {text}",
    "Classify the sentiment: {text}",
    "Positive or negative: {text}",
    'Is the sentence "{text}" positive or negative?',
    "{text}\nSentiment?",
    "Tell me the sentiment of: {text}",
    "Does this sound positive or negative? {text}",
    "Review: {text}\nLabel it positive or negative.",
    "{text} Is that positive or negative?",
    "Decide between positive and negative: {text}",
)
# topic -> (subjects, things that happen), any pair makes a sentence
_TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sports": (
        ("the striker", "the goalkeeper", "the team", "the coach", "the tennis player", "the runner", "the referee"),
        ("scored a goal", "won the match", "lost the final", "trained for the marathon", "broke the race record",
         "joined the football club", "played in the stadium", "won a medal"),
    ),
    "food": (
        ("the cook", "the baker", "the chef", "the kitchen", "the restaurant", "the recipe", "the pizza place"),
        ("served a hot soup", "baked fresh bread", "cooked pasta with cheese", "made a chocolate cake", "grilled the fish",
         "needs more salt and butter", "fried eggs for breakfast", "prepared a salad for dinner"),
    ),
    "weather": (
        ("the storm", "the rain", "the wind", "the snow", "the forecast", "the sun", "the fog"),
        ("brought cold air", "will last until night", "covered the hills", "came with thunder", "ended after the hot days",
         "makes the sky grey", "means clouds and showers", "dropped the temperature"),
    ),
    "travel": (
        ("the tourist", "the passenger", "the traveller", "the tour guide", "the airline", "the hotel guest", "the pilot"),
        ("boarded the plane", "packed a suitcase", "missed the flight", "booked a trip to the island", "lost a passport",
         "waited at the airport", "visited the old castle", "took the train across the border"),
    ),
    "music": (
        ("the singer", "the band", "the orchestra", "the pianist", "the drummer", "the choir", "the violinist"),
        ("recorded a new album", "played a concert", "sang a slow song", "wrote a melody", "tuned the guitar",
         "practised the chorus", "performed on the stage with a piano", "released a single"),
    ),
    "technology": (
        ("the programmer", "the computer", "the software", "the robot", "the laptop", "the server", "the new phone"),
        ("crashed after the update", "runs the code faster", "stores the data", "needs a new battery and chip",
         "was hacked over the network", "fixed a bug", "got a better processor", "connects to the internet"),
    ),
    "business": (
        ("the company", "the bank", "the manager", "the investor", "the shop owner", "the firm", "the stock market"),
        ("raised the prices", "sold the shares", "signed a contract", "lost money this year", "paid the taxes",
         "made a profit", "hired new workers", "cut the budget"),
    ),
    "health": (
        ("the doctor", "the nurse", "the patient", "the hospital", "the dentist", "the surgeon", "the pharmacist"),
        ("treated the fever", "prescribed a medicine", "healed the wound", "checked the heart", "needs a vaccine",
         "took the pills against the pain", "cured the illness", "examined the tooth"),
    ),
}  # fmt: skip
_FRAMES = (
    "{subject} {action}.",
    "{subject} in {city} {action}.",
    "yesterday {subject} {action}.",
    "{name} says that {subject} {action}.",
    "{subject} {action}, says {name}.",
    "on {day} {subject} {action}.",
    "as {name} told us, {subject} {action}.",
)
_TOPIC_ASKS = (
    "What is the topic? {text}",
    "Topic: {text}",
    "Name the topic of this sentence: {text}",
    "Classify the topic: {text}",
    "What is this sentence about? {text}",
    "{text}\nTopic?",
    'Give the topic of "{text}"',
    "Which topic does this belong to? {text}",
    "Tell me the topic of: {text}",
    "In one word, what is the topic of this text? {text}",
    "{text} What is the topic of that?",
    "Sort this sentence by topic: {text}",
)


def sentiment(words: Words) -> Example:
    """Positive or negative; a quarter is turned round by 'not'."""
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
        text = words.phrase(_REACTIONS).format(verb=verb, **fill)
    else:
        text = words.phrase(_OPINIONS)
        plain = " was {adjective}." in text or " is {adjective}." in text
        if plain and words.chance(0.4):
            positive = not positive
            text = text.replace(
                "{adjective}", rng.choice(("not {adjective}", "not {adjective} at all"))
            )
        text = text.format(**fill)
    ask = words.phrase(_SENTIMENT_ASKS).format(text=text)
    return Example(
        "sentiment of a sentence", [user(ask), assistant("positive" if positive else "negative")]
    )


def topic(words: Words) -> Example:
    """One of eight topics."""
    name = words.rng.choice(sorted(_TOPICS))
    subjects, actions = _TOPICS[name]
    while True:
        subject, action = words.rng.choice(subjects), words.rng.choice(actions)
        # Validation owns too few of the 56 pairs of a topic to be drawn quickly from every one; it
        # borrows train's.
        owner = split_of(f"{subject} {action}")
        if (owner == "test") == (words.split == "test"):
            break
    day = words.value("weekday")
    text = words.phrase(_FRAMES).format(
        subject=subject, action=action, city=words.city(), name=words.person(), day=day
    )
    ask = words.phrase(_TOPIC_ASKS).format(text=text[0].upper() + text[1:])
    return Example("topic of a sentence", [user(ask), assistant(name)], Check("exact"))
