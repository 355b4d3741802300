"""Skill 1: the fields of a sentence as JSON."""

import json
from typing import Any

from models.pocket.data.example import Check, Example, assistant, user
from models.pocket.data.facts import NOISE
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.records import CLAUSES, FIELDS, LABELLED, MIDDLES, OPENINGS, RECORDS
from models.pocket.data.words import Words

_ASK = Grammar(
    core={
        "start": lines("""
            <ask?> <verb> {keys} <of> <this> <sep> <text>
            <ask?> <verb> {keys} <of> <this> <json> <sep> <text>
            <ask?> <verb> {keys} <json> <of> <this> <sep> <text>
            <ask?> <verb> {keys} <of> <sep> <text>
            <ask?> <verb> {keys} <json> <sep> <text>
            <ask?> <verb> {keys} <json> <of> <sep> <text>
            <ask?> <verb> {keys} <of> <this> <sep> <text>¶<answer>.
            <ask?> <verb> {keys} <of> <text> <answer>.
            <text>¶<ask?> <verb> {keys} <json>.
            <text>¶¶<ask?> <verb> {keys} <json>.
            <text> <ask?> <verb> {keys} <json>.
            <text>¶<ask?> <verb> {keys}. <answer>.
            <text>¶¶<ask?> <verb> {keys}. <answer>.
            <text>¶¶<ask?> <verb> {keys} <of> <this>.
            <text>¶{keys} <json>, <bye>
            <label>: {text}¶<fields>: {keys}¶json:
            <label>: {text}¶<fields>: {keys}
            <label>: {text}¶¶<fields>: {keys}¶¶<answer>.
            <fields>: {keys}¶<label>: {text}
            <fields>: {keys}¶<label>: {text}¶json:
            <fields>: {keys}¶¶<label>: {text}¶¶<answer>.
            <ask?> <verb> a JSON object with {keys} <of> <this> <sep> <text>
            <ask?> <verb> <object> <with> {keys} for <sep> <text>
            <ask?> <verb> <object> <with> {keys} <of> <this> <sep> <text>
            <object> <with> {keys} <sep> <text>
            <object> <with> {keys}, <bye> <sep> <text>
            <ask?> <turn> <this> into <object> <with> {keys} <sep> <text>
            <ask?> <turn> <text> into <object> <with> {keys}.
            <ask?> <turn> <this> <json> <with> {keys} <sep> <text>
            {keys} <json> <sep> <text>
            {keys} <of> <this> <json> <sep> <text>
            <ask?> read <this> and <verb> {keys} <json> <sep> <text>
            <ask?> read <text> and <verb> {keys} <json>.
            <text> <ask?> read <this> and <verb> {keys}. <answer>.
            here is <label>: {text} <verb> {keys} <json>.
            here is <label>:¶{text}¶now <verb> {keys} <json>.
            i need {keys} <of> <this> <json> <sep> <text>
            i need {keys} <of> <text> <answer>.
            what are {keys}? <answer>. <text>
            what are {keys} <of> <this>? <answer>.¶<text>
            <answer>. <ask?> <verb> {keys} <of> <this> <sep> <text>
            <answer>. <fields>: {keys}.¶<text>
            you get <label> and <verb> {keys} <json>.¶{text}
            from <this>, <verb> {keys} <json> <sep> <text>
            given <this>, <verb> {keys} <json> <sep> <text>
            {text} => json <with> {keys}
            what are {keys} in this text? Answer with json.¶{text}
            from the sentence below, write {keys} <json>.¶{text}
            <object>, please. it has {keys}. <label>: {text}
            which values have {keys} here? <answer>. <text>
            <text> i would like <object> of that <with> {keys}.
            as for <text> <ask?> <verb> {keys} <json>.
            parse <this> <with> {keys} <sep> <text>
            {keys}, as found in <this>, <json> <sep> <text>
            <text>¶¶make that <object> <with> {keys}.
            <ask?> go through <this> for {keys}. <answer>. <text>
        """),
        "verb": lines("""
            extract
            find
            get
            give me
            return
            write
            list
            pick out
            pull out
            collect
            note down
            tell me
            show me
            identify
            take
            read off
            report
            gather
            output
            select
            look for
            determine
            send me
            work out
            name
            grab
            write down
            fetch
            detect
            locate
            retrieve
            spell out
            capture
            single out
            provide
            lift
        """),
        "json": lines("""
            as JSON
            in JSON
            as a JSON object
            in JSON format
            as valid JSON
            in a JSON object
            as one JSON object
            in the form of JSON
            as json data
            as a json record
            using JSON
            as a small JSON object
            as a JSON dictionary
            and answer in JSON
            and use JSON
            formatted as JSON
            in JSON notation
            written as JSON
        """),
        "answer": lines("""
            answer in JSON
            answer only with JSON
            answer with JSON
            answer as JSON
            reply in JSON
            reply with JSON only
            use JSON
            JSON only
            json, please
            respond with a JSON object
            give the answer as JSON
            output JSON
            return JSON
            the answer must be JSON
            write JSON
            just the JSON
            say it in JSON
            i expect JSON
            format your reply as JSON
            nothing but JSON
        """),
    },
    sides={
        "of": lines("""
            from
            from
            of
            in
            out of
            found in
            for
            mentioned in
            given in
            contained in
            stated in
            that appear in
            named by
        """),
        "with": lines("""
            with
            with the keys
            with the fields
            with keys
            with fields
            that has
            that holds
            of
            having the keys
            containing
            whose keys are
            using the keys
            with exactly these keys:
            built from
            made of
        """),
        "object": lines("""
            JSON
            a JSON object
            a json
            one JSON object
            a JSON record
            a small JSON object
            valid JSON
            a JSON dictionary
            an object in JSON
            a dict in JSON
            a bit of JSON
            a piece of JSON
        """),
        "turn": lines("""
            turn
            convert
            change
            make
            transform
            bring
            put
            translate
            parse
            reformat
            rewrite
            cast
        """),
        "fields": lines("""
            fields
            keys
            the keys
            json keys
            wanted
            needed
            extract
            columns
            attributes
            properties
            the fields are
            slots
            entries
        """),
    },
)


def _person(words: Words) -> tuple[str, dict[str, Any]]:
    name = words.person()
    record: dict[str, Any] = {"name": name}
    clauses = []
    for key in words.rng.sample(sorted(FIELDS), words.rng.randint(1, 3)):
        kind, phrases = FIELDS[key]
        record[key] = words.value(kind)
        clauses.append(words.fragment(phrases).format(record[key]))
    last = clauses.pop()
    if clauses and words.chance(0.3):
        sentences = [f"{name} {clauses[0]}.", *(f"{name} {clause}." for clause in clauses[1:])]
        return " ".join([*sentences, f"{name} {last}."]), record
    text = f"{name} {', '.join(clauses)} and {last}." if clauses else f"{name} {last}."
    return text, record


def _record(words: Words) -> tuple[str, dict[str, Any]]:
    fields, sentences = words.rng.choice(RECORDS)
    record: dict[str, Any] = {key: words.value(kind) for key, kind in fields}
    return words.fragment(sentences).format(**record), record


def _labelled(words: Words) -> tuple[str, dict[str, Any]]:
    """Keys that are any nouns, named in the text, as a reader of forms meets them."""
    record: dict[str, Any] = {}
    for _ in range(words.rng.randint(2, 4)):
        key = words.noun() if words.chance(0.8) else f"{words.noun()}_{words.noun()}"
        record[key] = words.value(
            words.rng.choice(("integer", "large", "person", "city", "code", "phrase", "decimal"))
        )
    said = [
        words.fragment(LABELLED).format(key=key.replace("_", " "), value=value)
        for key, value in record.items()
    ]
    last = said.pop()
    text = words.rng.choice((", ", "; ", ", ")).join(said) + f" and {last}."
    return text[0].upper() + text[1:], record


def _composed(words: Words) -> tuple[str, dict[str, Any]]:
    """A sentence of clauses in any order; each key is told by the kind of its value alone."""
    record: dict[str, Any] = {}
    chosen = words.rng.sample(sorted(CLAUSES), words.rng.randint(1, 3))
    clauses = []
    for kind in chosen:
        keys, phrases = CLAUSES[kind]
        value = words.value(kind)
        record[words.rng.choice(keys)] = value
        clauses.append(words.fragment(phrases).format(value))
    who = words.person()
    middle = words.fragment(MIDDLES).format(noun=words.noun())
    record[words.rng.choice(("name", "person", "customer", "who", "guest", "client"))] = who
    parts = [who, middle, *clauses]
    if words.chance(0.3):
        parts = [clauses[0] + ",", who, middle, *clauses[1:]]
    text = " ".join(parts) + "."
    if words.chance(0.15):
        text = words.fragment(OPENINGS) + " " + text
    return text[0].upper() + text[1:], record


def _listed(words: Words, keys: list[str]) -> str:
    """The keys as a request may name them."""
    rng = words.rng
    comma = ", ".join(keys)
    style = rng.randrange(13)
    if style == 0:
        return json.dumps(dict.fromkeys(keys, rng.choice(("", "...", "string", "?", None))))
    if style == 1:
        return "\n" + "\n".join(f"{rng.choice(('-', '-', '*'))} {key}" for key in keys) + "\n"
    if style == 2:
        return json.dumps(keys)
    if style == 3:
        return ", ".join(f'"{key}"' for key in keys)
    if style in (4, 5):
        return "the " + comma if len(keys) == 1 else "the " + ", the ".join(keys)
    if len(keys) > 1 and style in (6, 7, 8):
        start = "the " if style == 7 else ""
        between = ", the " if style == 7 and words.chance(0.5) else ", "
        lead = "the " if between == ", the " else ""
        return start + between.join(keys[:-1]) + f" and {lead}{keys[-1]}"
    return "/".join(keys) if style == 9 else comma


def extract(words: Words) -> Example:
    """All or some of the record's fields, in the order asked for."""
    makers = (_person, _record, _labelled, _composed)
    text, record = words.rng.choices(makers, (4, 5, 4, 4))[0](words)
    if words.chance(0.15):
        noise = words.fragment(NOISE)
        text = f"{noise} {text}" if words.chance(0.5) else f"{text} {noise}"
    keys = list(record)
    if words.chance(0.5):
        words.rng.shuffle(keys)
    if len(keys) > 1 and words.chance(0.35):
        keys = keys[: words.rng.randint(1, len(keys) - 1)]
    answer = json.dumps({key: record[key] for key in keys}, ensure_ascii=False)
    ask = words.compose(_ASK).format(keys=_listed(words, keys), text=text)
    ask = ask.replace("\n\n\n", "\n\n").strip()
    return Example("fields of a sentence to JSON", [user(ask), assistant(answer)], Check("json"))
