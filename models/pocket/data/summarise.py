# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 3: a report of three to five sentences to the one sentence that says what happened."""

from models.pocket.data.example import Example, assistant, user
from models.pocket.data.words import Words

# (first sentences, last sentences, summary); the facts are spread over both
_REPORTS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("The final of the {title} was played in {city}.", "{city} was the place of the {title} final.",
      "People came to {city} for the final of the {title}.", "In {city} the final of the {title} took place."),
     ("After two hours {person} won.", "In the end the winner was {person}.", "{person} won the final.",
      "It was {person} who won at last."), "{person} won the {title} in {city}."),
    (("The company {title} is from {city}.", "{title} is a company in {city}.", "In {city} you find the company {title}.",
      "{city} is the home of the company {title}."),
     ("On {weekday} it showed a new {noun}.", "A new {noun} was shown on {weekday}.", "It presented a new {noun} on {weekday}.",
      "On {weekday} people saw its new {noun}."), "{title} from {city} showed a new {noun} on {weekday}."),
    (("A storm reached {city} on {weekday}.", "On {weekday} a storm came to {city}.", "{city} was hit by a storm on {weekday}.",
      "The storm in {city} began on {weekday}."),
     ("It damaged {integer} houses.", "In all, {integer} houses were damaged.", "{integer} houses were damaged by it.",
      "The damage: {integer} houses."), "A storm damaged {integer} houses in {city} on {weekday}."),
    (("{person} has opened a new {noun} shop.", "A new {noun} shop was opened by {person}.", "{person} is the owner of a new {noun} shop.",
      "The {noun} shop of {person} is new."),
     ("It is in {city}.", "You find it in {city}.", "The shop stands in {city}.", "Its address is in {city}."),
     "{person} opened a {noun} shop in {city}."),
    (("A {noun} was lost in {city}.", "Somebody lost a {noun} in {city}.", "In {city} a {noun} went missing.",
      "There was a lost {noun} in {city}."),
     ("{person} found it on {weekday}.", "On {weekday} it was found by {person}.", "It was {person} who found it on {weekday}.",
      "On {weekday} {person} came upon it."), "{person} found a lost {noun} in {city} on {weekday}."),
    (("{person} is a {job} in {city}.", "The {job} {person} is from {city}.", "{city} has a {job} called {person}.",
      "In {city} there is a {job}, {person}."),
     ("The book about a {noun} is out now.", "Now there is a book about a {noun}.", "This week the book about a {noun} came out.",
      "The new book tells of a {noun}."), "The {job} {person} from {city} wrote a book about a {noun}."),
    (("There was a meeting in {city}.", "A meeting was held in {city}.", "People met in {city}.", "{city} had a meeting."),
     ("{person} was chosen as the new head of {title}.", "They made {person} the new head of {title}.",
      "The new head of {title} is {person}.", "{title} has a new head now: {person}."),
     "{person} is the new head of {title}."),
)  # fmt: skip
_FILLERS = (
    "Many people were there.",
    "The weather was fine.",
    "It was a long day.",
    "Nobody was hurt.",
    "The newspapers wrote about it.",
    "{other} took a photo.",
    "{other} said that this was a surprise.",
    "Some people waited for hours.",
    "The neighbours talked about it all week.",
    "There was music and coffee.",
    "{other} and {another} looked on.",
    "No one had expected it.",
    "It cost {number} euros.",
    "A crowd of {number} people came.",
    "{other} wants to write about it.",
    "Afterwards there was tea for everyone.",
)
_ASKS = (
    "Summarise in one sentence: {text}",
    "Summarise: {text}",
    "Summarize this report in one sentence.\n{text}",
    "{text}\nSummary in one sentence, please.",
    "Give a one-sentence summary: {text}",
    "Write a short summary of this text: {text}",
    "What happened? Answer in one sentence.\n{text}",
    "Report: {text}\nOne sentence:",
    "Shorten this to one sentence: {text}",
    "Please summarize: {text}",
    "Sum up the following report.\n\n{text}",
    "Make one sentence of this: {text}",
)


def summarise(words: Words) -> Example:
    """Facts in two sentences, noise around them; the summary keeps the facts."""
    first, last, summary = words.rng.choice(_REPORTS)
    kinds = ("title", "city", "person", "weekday", "noun", "integer", "job")
    fill = {kind: words.value(kind) for kind in kinds}
    noise = {"other": words.person(), "another": words.first_name(), "number": words.integer()}
    fillers = [words.phrase(_FILLERS).format(**noise) for _ in range(words.rng.randint(1, 3))]
    lines = [words.phrase(first).format(**fill), words.phrase(last).format(**fill)]
    for filler in dict.fromkeys(fillers):
        lines.insert(words.rng.randint(1, len(lines)), filler)
    text = " ".join(lines)
    return Example(
        "report to one sentence",
        [user(words.phrase(_ASKS).format(text=text)), assistant(summary.format(**fill))],
    )
