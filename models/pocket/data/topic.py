# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 2: the topic of a sentence, one of eight. The vocabulary is closed; sentences and names are held out."""

from models.pocket.data.example import Example, assistant, user
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.splits import split_of
from models.pocket.data.words import Words

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
_FRAMES = lines("""
    {subject} {action}.
    {subject} in {city} {action}.
    yesterday {subject} {action}.
    {name} says that {subject} {action}.
    {subject} {action}, says {name}.
    today {subject} {action}
    last week {subject} {action}.
    in {city} {subject} {action}.
    {subject} {action} on {day}.
    we heard that {subject} {action}.
    {subject} {action} again.
    it is said that {subject} {action}.
    at last {subject} {action}.
    {subject} {action}, and {name} was there.
    in the news: {subject} {action}.
    {name} wrote that {subject} {action} in {city}.
    on {day} {subject} {action}.
    as {name} told us, {subject} {action}.
    nobody in {city} knew that {subject} {action}.
    believe it or not, {subject} {action}.
""")
_TOPIC_ASK = Grammar(
    core={
        "start": lines("""
            what is the <topic>? <text>
            what is the <topic> of <this>? <text>
            what is the <topic> of <this> <sep> <text>
            <topic> <sep> {text}
            <topic>? {text}
            <ask?> <name> the <topic> of <this> <sep> <text>
            <ask?> <name> the <topic> <sep> <text>
            <ask?> <name> the <topic> of <text>
            <ask?> <name> <this> by <topic> <sep> <text>
            <ask?> <name> a <topic> for <this> <sep> <text>
            what is <this> about? <text>
            what is <text> about?
            what is it about? <text>
            what does <this> talk about? <text>
            {text}¶<topic>?
            {text}¶<topic>:
            {text}¶¶<topic>?
            {text}¶what is the <topic>?
            {text} what is the <topic> of that?
            {text} what is that about?
            {text}¶what is it about?
            {text}¶<ask?> <name> the <topic>.
            {text} <ask?> <name> the <topic> of <this>.
            which <topic> does this belong to? <text>
            which <topic> does <this> belong to <sep> <text>
            which <topic> fits <this>? <text>
            which <topic> is it? <text>
            which <topic> has <text>?
            in one word, what is the <topic> of <this>? <text>
            in one word, what is <text> about?
            in one word, the <topic> <sep> {text}
            <label>: {text}¶<topic>:
            <label>: {text}¶what is the <topic>?
            <label>: {text}¶<ask?> <name> the <topic>.
            <topic> of <text>, <bye>
            to which <topic> does <text> belong?
            somebody wrote <text>. what is the <topic>?
            where does <this> belong, by <topic>? <text>
            {text}¶one word for the <topic>, <bye>
            {text} What is the <topic> of that?
            sort <this> by <topic> <sep> <text>
            put <this> under a <topic> <sep> <text>
            of which <topic> does <this> speak? <text>
            under which <topic> would you file <text>?
            {text}¶pick a <topic> for it.
            {text} - that falls under which <topic>?
            guess the <topic> <sep> <text>
            the <topic> behind <text> is?
        """),
        "topic": lines("""
            topic
            topic
            topic
            subject
            theme
            category
            field
            topic label
            main topic
            subject area
            main theme
            general topic
            subject matter
            area
            domain
            topical category
        """),
        "name": lines("""
            name
            classify
            give
            tell me
            find
            determine
            state
            label
            say
            identify
            choose
            write
            show
            detect
            assign
            recognise
            spot
        """),
    },
)


def report(words: Words) -> tuple[str, str]:
    """A sentence and its topic, one of eight."""
    name = words.rng.choice(sorted(_TOPICS))
    subjects, actions = _TOPICS[name]
    while True:
        subject, action = words.rng.choice(subjects), words.rng.choice(actions)
        # Validation owns too few of the 56 pairs of a topic to be drawn quickly from every one; it
        # borrows train's.
        owner = split_of(f"{subject} {action}")
        if (owner == "test") == (words.split == "test"):
            break
    fill = {"city": words.city(), "name": words.person(), "day": words.value("weekday")}
    text = words.fragment(_FRAMES).format(subject=subject, action=action, **fill)
    return text[0].upper() + text[1:], name


def topic(words: Words) -> Example:
    """The topic of a sentence in one word."""
    text, name = report(words)
    ask = words.compose(_TOPIC_ASK).format(text=text)
    return Example("topic of a sentence", [user(ask), assistant(name)])
