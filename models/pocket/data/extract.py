# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 1: the fields of a sentence as JSON."""

import json
from typing import Any

from models.pocket.data.example import Check, Example, assistant, user
from models.pocket.data.words import Words

# field -> (kind of value, clauses); a clause is joined with others, the first clause of a sentence
# names the subject
_FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "age": ("age", ("is {} years old", "turned {} last week", "is aged {}", "is {}")),
    "city": (
        "city",
        ("lives in {}", "comes from {}", "moved to {}", "has a flat in {}", "was born in {}"),
    ),
    "job": ("job", ("works as a {}", "is a {}", "earns a living as a {}", "has a job as a {}")),
    "email": (
        "email",
        (
            "uses the address {}",
            "can be reached at {}",
            "writes from {}",
            "answers mail sent to {}",
        ),
    ),
    "company": (
        "title",
        ("works for {}", "was hired by {}", "runs the company {}", "is employed at {}"),
    ),
    "colour": (
        "colour",
        ("likes the colour {}", "prefers {}", "always wears {}", "chose {} as a colour"),
    ),
    "friend": (
        "first_name",
        ("has a friend called {}", "is a friend of {}", "knows {} well", "often meets {}"),
    ),
    "pet": (
        "first_name",
        ("has a dog called {}", "owns a cat named {}", "walks a dog named {}", "keeps a pet, {}"),
    ),
    "phone": (
        "code",
        ("has the phone number {}", "can be called on {}", "has extension {}", "answers on {}"),
    ),
}
# record -> (fields with kinds, sentences)
_RECORDS: tuple[tuple[tuple[tuple[str, str], ...], tuple[str, ...]], ...] = (
    ((("product", "phrase"), ("price", "decimal"), ("shop", "title")),
     ("The {product} costs {price} euros at {shop}.", "{shop} sells the {product} for {price} euros.",
      "You can buy a {product} for {price} dollars from {shop}.", "At {shop}, a {product} is {price} euros.",
      "For {price} dollars {shop} will sell you the {product}.")),
    ((("event", "title"), ("date", "date"), ("city", "city")),
     ("{event} takes place on {date} in {city}.", "On {date}, {city} hosts {event}.", "Join us for {event} in {city} on {date}.",
      "{city} welcomes {event} on {date}.", "Come to {city} on {date} for {event}.")),
    ((("customer", "person"), ("quantity", "integer"), ("item", "phrase"), ("date", "date")),
     ("{customer} ordered {quantity} pieces of {item} on {date}.", "On {date} we got an order from {customer} for {quantity} x {item}.",
      "{quantity} units of {item} were bought by {customer} on {date}.", "An order of {quantity} {item} by {customer} arrived on {date}.",
      "{customer} wants {quantity} pieces of {item} by {date}.")),
    ((("origin", "city"), ("destination", "city"), ("time", "time")),
     ("The train from {origin} to {destination} leaves at {time}.", "At {time} a bus leaves {origin} for {destination}.",
      "A flight goes from {origin} to {destination} at {time}.", "Departure from {origin} at {time}, arrival in {destination}.",
      "You leave {origin} at {time} and travel to {destination}.")),
    ((("name", "person"), ("guests", "age"), ("date", "date"), ("time", "time")),
     ("Table for {guests} on {date} at {time}, under the name {name}.", "{name} booked a table for {guests} people on {date} at {time}.",
      "Please reserve {guests} seats for {name} at {time} on {date}.", "A booking by {name}: {guests} guests, {date}, {time}.",
      "On {date} at {time} we expect {name} with {guests} guests.")),
    ((("title", "title"), ("author", "person"), ("year", "integer")),
     ("{title} was written by {author} in {year}.", "In {year}, {author} published {title}.", "{author} is the author of {title} ({year}).",
      "The book {title} by {author} came out in {year}.", "{author} wrote {title} in the year {year}.")),
    ((("invoice", "code"), ("amount", "decimal"), ("customer", "person")),
     ("Invoice {invoice} over {amount} euros was sent to {customer}.", "{customer} paid {amount} euros for invoice {invoice}.",
      "We billed {customer} {amount} dollars with invoice {invoice}.", "The invoice {invoice} of {customer} is {amount} euros.",
      "{customer} owes {amount} dollars, see invoice {invoice}.")),
    ((("winner", "person"), ("loser", "person"), ("score", "integer")),
     ("{winner} beat {loser} with {score} points.", "With {score} points {winner} won against {loser}.",
      "{loser} lost to {winner}, who scored {score} points.", "{winner} defeated {loser}, scoring {score} points.",
      "It was {winner} who beat {loser}, with a score of {score}.")),
    ((("device", "phrase"), ("room", "noun"), ("error", "code")),
     ("The {device} in the {room} reports error {error}.", "Error {error} was shown by the {device} in the {room}.",
      "In the {room} the {device} failed with {error}.", "The {device} of the {room} stopped: error {error}.",
      "We saw {error} on the {device} in the {room}.")),
)  # fmt: skip
_ASKS = (
    "extract {keys} as json: {text}",
    'Extract {keys} from: "{text}"',
    "{text}\n\nExtract {keys}. Answer in JSON.",
    "Extract {keys} as JSON: {text}",
    "Extract {keys} from this sentence as JSON.\n{text}",
    "{text}\nGive me {keys} as JSON.",
    "Return a JSON object with {keys} for: {text}",
    "JSON with {keys}: {text}",
    "Turn this into JSON with the keys {keys}: {text}",
    'Read the text "{text}" and return {keys} as JSON.',
    "Text: {text}\nFields: {keys}\nJSON:",
    "Fill a JSON object ({keys}) from the sentence: {text}",
    "Find {keys} in the following text and answer in JSON.\n\n{text}",
    "{text} Return {keys} in JSON.",
    "Please extract {keys} from: {text} Answer only with JSON.",
    "What are {keys} in this text? Answer with JSON.\n{text}",
    "From the sentence below, write {keys} as a JSON object.\n{text}",
)
_GENERIC = (
    "The {key} is {value}",
    "the {key} was {value}",
    "it has {value} as its {key}",
    "its {key} is {value}",
    "with the {key} {value}",
    "the {key} is now {value}",
)


def _person(words: Words) -> tuple[str, dict[str, Any]]:
    name = words.person()
    record: dict[str, Any] = {"name": name}
    clauses = []
    for key in words.rng.sample(sorted(_FIELDS), words.rng.randint(1, 3)):
        kind, phrases = _FIELDS[key]
        record[key] = words.value(kind)
        clauses.append(words.phrase(phrases).format(record[key]))
    last = clauses.pop()
    text = f"{name} {', '.join(clauses)} and {last}." if clauses else f"{name} {last}."
    return text, record


def _record(words: Words) -> tuple[str, dict[str, Any]]:
    fields, sentences = words.rng.choice(_RECORDS)
    record: dict[str, Any] = {key: words.value(kind) for key, kind in fields}
    return words.phrase(sentences).format(**record), record


def _labelled(words: Words) -> tuple[str, dict[str, Any]]:
    """Keys that are any nouns, named in the text, as a reader of forms meets them."""
    record: dict[str, Any] = {}
    for _ in range(words.rng.randint(2, 4)):
        record[words.noun()] = words.value(
            words.rng.choice(("integer", "person", "city", "code", "phrase", "decimal"))
        )
    said = [words.phrase(_GENERIC).format(key=key, value=value) for key, value in record.items()]
    text = ", ".join(said[:-1]) + " and " + said[-1] + "."
    return text[0].upper() + text[1:], record


def extract(words: Words) -> Example:
    """All or some of the record's fields, in the order asked for."""
    text, record = words.rng.choices((_person, _record, _labelled), (4, 5, 4))[0](words)
    keys = list(record)
    if words.chance(0.4):
        words.rng.shuffle(keys)
    if len(keys) > 1 and words.chance(0.35):
        keys = keys[: words.rng.randint(1, len(keys) - 1)]
    style = words.rng.randrange(3)
    listed = ", ".join(keys)
    if style == 0 and len(keys) > 1:
        listed = ", ".join(keys[:-1]) + " and " + keys[-1]
    if words.chance(0.15):
        listed = json.dumps(dict.fromkeys(keys, words.rng.choice(("", "...", "string"))))
    elif style == 1:
        listed = "the " + listed if len(keys) == 1 else listed
    answer = json.dumps({key: record[key] for key in keys}, ensure_ascii=False)
    ask = words.phrase(_ASKS).format(keys=listed, text=text)
    return Example("fields of a sentence to JSON", [user(ask), assistant(answer)], Check("json"))
