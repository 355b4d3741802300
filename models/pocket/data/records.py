# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""The sentences that extraction reads: clauses about a person, records, labelled values."""

from models.pocket.data.grammar import lines


def _clauses(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("/"))


# field -> (kind of value, clauses); a clause is joined with others, the first clause of a sentence
# names the subject
FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "age": ("age", _clauses("is {} years old / turned {} last week / is aged {} / is {} years of age / turned {} / has turned {} / is now {} years old / will be {} this year / is almost {} / is {}")),
    "city": ("city", _clauses("lives in {} / comes from {} / moved to {} / has a flat in {} / has a house in {} / settled in {} / is from {} / stays in {} / is based in {} / grew up in {} / was born in {} / is at home in {}")),
    "job": ("job", _clauses("works as a {} / is a {} / earns a living as a {} / works in town as a {} / is employed as a {} / became a {} / wants to stay a {} / is known as a good {} / trained as a {} / has a job as a {} / serves as a {}")),
    "email": ("email", _clauses("uses the address {} / can be reached at {} / writes from {} / has the email {} / gave us {} as address / prefers mail to {} / is {} online / reads mail at {} / receives letters at {} / answers mail sent to {} / may be written to at {}")),
    "company": ("title", _clauses("works for {} / was hired by {} / runs the company {} / works at {} / joined {} / left the firm {} / owns {} / has a job with {} / is paid by {} / is employed at {} / is on the staff of {}")),
    "colour": ("colour", _clauses("likes the colour {} / prefers {} / always wears {} / likes {} best / painted the door {} / bought everything in {} / has a {} car / loves {} / dresses in {} / chose {} as a colour / is fond of {}")),
    "friend": ("first_name", _clauses("has a friend called {} / is a friend of {} / knows {} well / is close to {} / has a good friend, {} / travels with {} / plays with {} / trusts {} / shares a flat with {} / often meets {} / spends much time with {}")),
    "pet": ("first_name", _clauses("has a dog called {} / owns a cat named {} / walks a dog named {} / has a cat, {} / feeds a bird called {} / has a pet named {} / loves the dog {} / lives with the cat {} / rides a horse called {} / keeps a pet, {} / adopted a puppy named {}")),
    "phone": ("code", _clauses("has the phone number {} / can be called on {} / has extension {} / gave the number {} / has the phone {} / is on the phone at {} / left {} as a number / listens at {} / picks up at {} / answers on {} / may be phoned under {}")),
}  # fmt: skip
# record -> (fields with kinds, sentences)
_SENTENCES: tuple[tuple[str, str], ...] = (
    ("product phrase, price decimal, shop title", """
        The {product} costs {price} euros at {shop}.
        {shop} sells the {product} for {price} euros.
        You can buy a {product} for {price} dollars from {shop}.
        At {shop}, a {product} is {price} euros.
        {shop} has the {product} on sale: {price} euros.
        New at {shop}: {product}, only {price} dollars.
        I paid {price} euros for a {product} at {shop}.
        The price of the {product} at {shop} is {price}.
        Our {product} from {shop} was {price} euros.
        {product}, {price} EUR, sold by {shop}.
        For {price} dollars {shop} will sell you the {product}.
        A {product} was {price} pounds when I went to {shop}."""),
    ("event title, date date, city city", """
        {event} takes place on {date} in {city}.
        On {date}, {city} hosts {event}.
        Join us for {event} in {city} on {date}.
        {city} welcomes {event} on {date}.
        The next {event} is in {city} on {date}.
        In {city} they celebrate {event} on {date}.
        {event}: {date}, {city}.
        We go to {city} for {event} on {date}.
        {event} starts in {city} on {date}.
        On {date} you can see {event} in {city}.
        Come to {city} on {date} for {event}.
        Tickets for {event} in {city}, {date}, are here."""),
    ("customer person, quantity integer, item phrase, date date", """
        {customer} ordered {quantity} pieces of {item} on {date}.
        On {date} we got an order from {customer} for {quantity} x {item}.
        {quantity} units of {item} were bought by {customer} on {date}.
        An order of {quantity} {item} by {customer} arrived on {date}.
        {customer} bought {quantity} {item} on {date}.
        Send {quantity} {item} to {customer} on {date}.
        {date}: {customer} takes {quantity} of {item}.
        On {date} {customer} asked for {quantity} {item}.
        We sold {quantity} {item} to {customer} on {date}.
        {customer} will get {quantity} boxes of {item} on {date}.
        {customer} wants {quantity} pieces of {item} by {date}.
        By {date}, {quantity} {item} must reach {customer}."""),
    ("origin city, destination city, time time", """
        The train from {origin} to {destination} leaves at {time}.
        At {time} a bus leaves {origin} for {destination}.
        A flight goes from {origin} to {destination} at {time}.
        Departure from {origin} at {time}, arrival in {destination}.
        There is a bus from {origin} to {destination} at {time}.
        From {origin} you can go to {destination} at {time}.
        The {time} train goes from {origin} to {destination}.
        We start in {origin} at {time} and drive to {destination}.
        {origin} to {destination}, {time}.
        The ferry to {destination} leaves {origin} at {time}.
        You leave {origin} at {time} and travel to {destination}.
        Going to {destination}? Be in {origin} at {time}."""),
    ("name person, guests age, date date, time time", """
        Table for {guests} on {date} at {time}, under the name {name}.
        {name} booked a table for {guests} people on {date} at {time}.
        Please reserve {guests} seats for {name} at {time} on {date}.
        A booking by {name}: {guests} guests, {date}, {time}.
        {name} comes on {date} at {time} with {guests} people.
        Party of {guests}, {date} {time}, {name}.
        Keep {guests} seats for {name} on {date} from {time}.
        For {name} we need a table for {guests} at {time} on {date}.
        {date}, {time}: {name} plus company, {guests} in all.
        {guests} people will eat here at {time} on {date}, says {name}.
        On {date} at {time} we expect {name} with {guests} guests.
        {name} has asked for {guests} chairs at {time}, {date}."""),
    ("title title, author person, year integer", """
        {title} was written by {author} in {year}.
        In {year}, {author} published {title}.
        {author} is the author of {title} ({year}).
        The book {title} by {author} came out in {year}.
        {title}, by {author}, {year}.
        {author} finished {title} in {year}.
        The author of {title} is {author}; the year is {year}.
        {title} is a novel of {year} by {author}.
        It was in {year} that {author} wrote {title}.
        We read {title}, a book by {author} from {year}.
        {author} wrote {title} in the year {year}.
        First printed in {year}, {title} made {author} famous."""),
    ("invoice code, amount decimal, customer person", """
        Invoice {invoice} over {amount} euros was sent to {customer}.
        {customer} paid {amount} euros for invoice {invoice}.
        We billed {customer} {amount} dollars with invoice {invoice}.
        The invoice {invoice} of {customer} is {amount} euros.
        {customer} got invoice {invoice} for {amount} euros.
        Invoice {invoice}: {customer}, {amount} EUR.
        {amount} dollars are due from {customer} ({invoice}).
        Please charge {customer} {amount} euros on {invoice}.
        On {invoice} we find {amount} euros for {customer}.
        {customer} must still pay {amount} on invoice {invoice}.
        {customer} owes {amount} dollars, see invoice {invoice}.
        A sum of {amount} came in from {customer}, number {invoice}."""),
    ("winner person, loser person, score integer", """
        {winner} beat {loser} with {score} points.
        With {score} points {winner} won against {loser}.
        {loser} lost to {winner}, who scored {score} points.
        {winner} defeated {loser}, scoring {score} points.
        {winner} won with {score} points, {loser} lost.
        {loser} was beaten by {winner} with {score} points.
        {winner} won over {loser}: {score} points.
        {score} points were enough for {winner} to beat {loser}.
        Against {loser}, {winner} won with {score} points.
        The winner is {winner} with {score}, the loser {loser}.
        It was {winner} who beat {loser}, with a score of {score}.
        {loser} had no chance: {winner} got {score} points and won."""),
    ("device phrase, room noun, error code", """
        The {device} in the {room} reports error {error}.
        Error {error} was shown by the {device} in the {room}.
        In the {room} the {device} failed with {error}.
        The {device} of the {room} stopped: error {error}.
        {error} is the error of the {device} in the {room}.
        There is {error} on the {device} in the {room}.
        The {room} has a broken {device}, error {error}.
        {device} ({room}): {error}.
        Since today the {device} in the {room} says {error}.
        Our {device} broke in the {room} with code {error}.
        We saw {error} on the {device} in the {room}.
        Go to the {room}, the {device} blinks {error}."""),
    ("patient person, doctor surname, date date, time time", """
        {patient} sees Dr. {doctor} on {date} at {time}.
        Dr. {doctor} expects {patient} at {time} on {date}.
        On {date} at {time} {patient} has to be at Dr. {doctor}'s.
        Appointment: {patient}, Dr. {doctor}, {date}, {time}.
        {patient} has an appointment with Dr. {doctor} on {date}, {time}.
        Dr. {doctor} has time for {patient} on {date} at {time}.
        For {patient}: {date}, {time}, Dr. {doctor}.
        At {time} on {date} Dr. {doctor} will look at {patient}.
        {patient} goes to Dr. {doctor} at {time} on {date}.
        Come on {date} at {time}, {patient}. Dr. {doctor}
        Dr. {doctor} will receive {patient} at {time}, {date}.
        {date}, {time}: Dr. {doctor} examines {patient}."""),
    ("student first_name, course noun, grade age", """
        {student} got {grade} points in {course}.
        In {course}, {student} has {grade} points.
        {student} finished the {course} course with {grade}.
        The grade of {student} in {course} is {grade}.
        {grade} points in {course} for {student}.
        {student} took {course} and scored {grade}.
        {course}: {student}, {grade}.
        For {course} we gave {student} a {grade}.
        With {grade} points {student} passed {course}.
        A {grade} in {course} made {student} happy.
        {student} achieved {grade} in {course}.
        The {course} class gave {grade} points to {student}."""),
    ("sender first_name, receiver first_name, amount integer, currency currency", """
        {sender} sent {amount} {currency} to {receiver}.
        {receiver} got {amount} {currency} from {sender}.
        {sender} paid {receiver} {amount} {currency}.
        {amount} {currency} went from {sender} to {receiver}.
        A payment of {amount} {currency} by {sender} to {receiver}.
        Transfer: {sender} to {receiver}, {amount} {currency}.
        {sender} gave {receiver} {amount} {currency}.
        {receiver} received {amount} {currency} that {sender} sent.
        {sender} owes {receiver} {amount} {currency}.
        From {sender} for {receiver}: {amount} {currency}.
        {sender} lent {amount} {currency} to {receiver}.
        {sender} wired {receiver} {amount} {currency}."""),
)  # fmt: skip


def _record(fields: str, sentences: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    pairs = (field.split() for field in fields.split(", "))
    return tuple((key, kind) for key, kind in pairs), lines(sentences)


RECORDS = tuple(_record(fields, sentences) for fields, sentences in _SENTENCES)
LABELLED = lines("""
    The {key} is {value}
    the {key} was {value}
    it has {value} as its {key}
    its {key} is {value}
    {key}: {value}
    {key} = {value}
    {value} is the {key}
    the {key} will be {value}
    we have {value} as {key}
    with the {key} {value}
    a {key} of {value}
    for {key} take {value}
    {key} {value}
    {value} for the {key}
    i set the {key} to {value}
    note {value} as the {key}
    the {key} is now {value}
    the {key} stays {value}
    the {key} equals {value}
    {value} was chosen as {key}
""")
# kind of value -> (keys, clauses)
CLAUSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "city": (("city", "place", "location", "town", "where"), _clauses("in {} / near {} / at {} / from {} / not far from {} / in the city of {} / outside {} / just in {} / close to {} / around {} / over in {} / in downtown {}")),
    "date": (("date", "day", "when", "due"), _clauses("on {} / since {} / until {} / for {} / from {} on / by {} / before {} / dated {} / only on {} / not before {} / starting {} / as of {}")),
    "time": (("time", "hour", "start"), _clauses("at {} / from {} / until {} / around {} / shortly after {} / since {} / exactly at {} / by {} / before {} / about {} / towards {} / no later than {}")),
    "decimal": (("price", "amount", "cost", "total"), _clauses("for {} euros / worth {} dollars / at {} EUR / costing {} / paying {} euros / with a price of {} / for only {} dollars / for USD {} / at {} each / for {} pounds / priced {} / at a cost of {}")),
    "integer": (("quantity", "number", "count", "pieces"), _clauses("with {} pieces / {} times / in a group of {} / together with {} others / in {} boxes / and {} more / for {} people / on {} pages / using {} parts / with {} of them / along with {} units / by the {} items")),
    "code": (("code", "id", "reference", "order"), _clauses("under {} / with the code {} / as order {} / (id {}) / with number {} / as {} / using {} / for order {} / ref. {} / filed as {} / registered as {} / bearing {}")),
    "email": (("email", "address", "contact"), _clauses("by mail to {} / writing to {} / from {} / via {} / with {} / using the address {} / reachable at {} / with a mail to {} / at {} / through {} / contact {} / mailing {}")),
    "colour": (("colour", "color"), _clauses("in {} / painted {} / of {} colour / all in {} / with a {} cover / in bright {} / in dark {} / coloured {} / in the colour {} / in light {} / wrapped in {} / dyed {}")),
}  # fmt: skip
MIDDLES = lines("""
    bought the {noun}
    booked a {noun}
    sold a {noun}
    will need a {noun}
    asked for the {noun}
    lost a {noun}
    visits the {noun}
    has a {noun}
    will come with a {noun}
    is waiting for the {noun}
    ordered a {noun}
    pays for the {noun}
    wrote about the {noun}
    called about a {noun}
    keeps the {noun}
    met us
    starts work
    arrives
    travels
    stayed
    got the {noun}
    wants a {noun}
    left the {noun}
    repaired the {noun}
    sent a {noun}
    is expected
    returned the {noun}
    rented a {noun}
    collected a {noun}
    reserved the {noun}
    brought along a {noun}
    checked in
    picked up the {noun}
""")
OPENINGS = lines("""
    Hello,
    Note:
    Dear all,
    News:
    As you know,
    Today we heard that
    Just so you know,
    We can say that
    Good news:
    Memo:
    For the record,
    Update:
    It is confirmed that
    To whom it may concern,
""")
