# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Tools as people really offer them, asked for in words that their names only hint at.

A kind is one entity: it belongs to one split, so the test set's kinds were never trained.
"""

from dataclasses import dataclass

from models.pocket.data.grammar import lines


@dataclass(frozen=True, slots=True)
class EverydayTool:
    """Names and descriptions it may have, its parameters, and requests with {0}, {1} for values.

    A parameter is its possible names, its JSON type and the kind of its values; one that some
    request leaves out is optional.
    """

    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    parameters: tuple[tuple[tuple[str, ...], str, str], ...]
    requests: tuple[str, ...]


def _tools(text: str) -> tuple[EverydayTool, ...]:
    """Blocks of names, descriptions, parameters, then requests up to the next empty line."""
    tools = []
    for block in text.strip().split("\n\n"):
        names, descriptions, parameters, *requests = lines(block)
        fields = (parameter.split() for parameter in parameters.split(","))
        tools.append(
            EverydayTool(
                tuple(names.split()),
                tuple(part.strip() for part in descriptions.split("/")),
                tuple((tuple(name.split("|")), type_, kind) for name, type_, kind in fields),
                tuple(requests),
            )
        )
    return tuple(tools)


EVERYDAY_TOOLS = _tools("""
search_products product_search find_products catalogue_search
Search the product catalogue / Finds products of a shop / Look for articles to buy
query|q|product|keywords string phrase,max_price|price|limit number integer
Find {0} under {1} euros
I am looking for {0} for at most {1} dollars.
Do you have {0}?
show me {0} below {1}
search the shop for {0}
I want to buy {0}, not more than {1} euros
which {0} do you sell?
{0} up to {1} euros

book_room reserve_meeting_room meeting_room room_booking
Book a meeting room / Reserves a room for a meeting
room|name|location string title,date|day|when string date,people|persons|seats integer age
Book the room {0} for {1}
Book {0} for {1}, {2} people
I need {0} on {1} for {2} people.
We meet in {0} on {1}.
Is {0} free on {1}? Then book it.
reserve {0} for {1}, we are {2}
Can we have {0} on {1}?
room {0}, {1}

cancel_order stop_order order_cancel undo_order
Cancel an order / Stops an order before it is sent
order_id|id|order|number string code
Cancel order {0}
I do not want {0} any more.
Stop my order {0}, please.
Please cancel {0}
forget order {0}
I ordered {0} by mistake.
take back {0}
order {0} should not be sent

log_expense add_expense expense record_expense
Record an expense / Adds money that was spent
amount|value|sum number integer,category|for|purpose string noun
I spent {0} euros on {1}
Note {0} dollars for the {1}
{0} euros for {1}
I paid {0} for a {1} today.
add {0} euros to my expenses
The {1} was {0} euros, please record it.
expense: {0}, {1}
write down that I spent {0}

set_volume volume change_volume sound_level
Set the volume / Change the sound level in percent
level|volume|percent|value integer age
Set the volume to {0}
Make it louder, {0} percent.
volume {0}
Turn it down to {0}
I want it at {0} percent.
sound to {0}, please
please put the volume on {0}

get_definition define dictionary word_meaning
Look up a word in the dictionary / The meaning of a word
word|term|text string noun
What does {0} mean?
define {0}
What is the meaning of {0}?
look {0} up in the dictionary
I don't know the word {0}.
meaning of {0}
explain the word {0}

lookup_customer find_customer get_customer customer_info
Find a customer / Customer data by name / Look up a client
name|customer|client string person
Who is the customer {0}?
Find the data of {0}
Show me customer {0}
customer {0}
I need the file of {0}.
What do we know about our client {0}?
is {0} a customer?

create_user add_user new_user register_user
Create a user account / Register a user with an email
name|user|username string person,email|address|mail string email
Create an account for {0} with {1}
New user: {0}, {1}
register {0}, {1}
{0} needs an account, the mail is {1}.
Please add the user {0} ({1}).
sign up {0} with the address {1}
add {0}

find_restaurant restaurants restaurant_search places_to_eat
Find restaurants / Search for a place to eat
city|location|place string city,cuisine|food|kind string noun
Where can I eat in {0}?
Find a {1} restaurant in {0}
I am hungry and in {0}.
restaurants in {0}
Where do they serve {1} in {0}?
good place for {1} in {0}?
We want to have dinner in {0}.

buy_ticket get_ticket tickets ticket_order
Buy tickets for an event / Orders tickets
event|show|title|name string title,count|quantity|number integer age
Buy {1} tickets for {0}
I want to see {0}
Get me {1} seats for {0}.
{1} tickets for {0}, please
We are {1} and want to go to {0}.
tickets for {0}
a ticket for {0}

turn_off_device switch_off device_off power_off
Turn off a device / Switches a machine off
device|name|machine string noun
Turn off the {0}
The {0} should be off.
switch the {0} off
I don't need the {0} any more, switch it off.
power down the {0}
stop the {0} please
no more {0} for today, turn it off

lock_door lock close_door door_lock
Lock a door / Locks the door of a room
door|room|name string noun
Lock the {0}
Is the {0} locked? Lock it.
close the {0} door
Nobody should get into the {0}.
Please lock the door of the {0}.
lock up the {0}
shut the {0}

count_words word_count count_text
Count the words of a text / How many words a text has
text|content|sentence string phrase
How many words are in "{0}"?
Count the words of {0}
word count: {0}
"{0}" - how many words is that?
count "{0}"
Tell me how many words "{0}" has.

report_problem report_bug open_ticket create_ticket
Report a problem / Open a support ticket
problem|issue|description|text string phrase,priority|urgency string level
Report that {0} with {1} priority
I have a problem: {0}
Open a ticket: {0}, {1}
There is something wrong with {0}, priority {1}.
ticket for {0}
{0} does not work
please report {0}

search_files find_file file_search open_file
Search files / Find a file by its name
name|file|query|filename string phrase
Find the file {0}
Where is my file {0}?
I can't find {0} on my computer.
search my files for {0}
look for the document {0}
open {0}
file: {0}

change_address update_address move_customer new_address
Change the address of a customer / Update where somebody lives
name|customer|person string person,city|place|town string city
{0} moved to {1}
Change the address of {0} to {1}
{0} lives in {1} now, please update it.
new address for {0}: {1}
Set the city of {0} to {1}.
update {0}: {1}

set_reminder add_reminder create_reminder reminder remind_me
Set a reminder / Create a reminder / Remind the user of a task / Adds a reminder for a day
text|task|message|what string task,date|day|when string date
remind me to {0} on {1}
Remind me to {0}
please remind me to {0} on {1}
set a reminder to {0} on {1}
I must not forget to {0} on {1}.
Can you remind me to {0}?
on {1} I have to {0}, remind me please
Don't let me forget to {0} on {1}!
reminder for {1}: {0}
make sure that I {0} on {1}

add sum_numbers add_numbers addition plus sum
Add two numbers / Adds a and b / The sum of two numbers / Calculates a plus b
a|x|first|number1 number integer,b|y|second|number2 number integer
Add {0} and {1}
add {0} and {1} please
What is {0} plus {1}?
{0} + {1}
what's {0} + {1}?
Sum {0} and {1}.
How much is {0} and {1}?
Compute {0} plus {1}
I need the sum of {0} and {1}.
Use the tool to add {0} and {1}.

get_weather weather current_weather fetch_weather weather_in check_weather
Get the weather / Current weather of a city / Weather for a place / Returns the weather in a city
city|location|place|town string city,date|day string date
What's the weather in {0}?
What is the weather like in {0}?
weather {0}
How is the weather in {0} on {1}?
Is it warm in {0}?
Will it rain in {0} on {1}?
Do I need an umbrella in {0}?
Tell me the weather in {0}.
how's the weather in {0} right now
Is it raining in {0} today?

send_email email send_mail mail_to write_email
Send an email / Sends a mail to somebody / Write an email to an address
to|recipient|address|email string email,body|text|message|content string phrase
Send an email to {0} saying {1}
Email {0}: {1}
Write to {0} that {1}
mail {1} to {0}
Please send {0} a mail with the text "{1}".
Can you write an email to {0} that says "{1}"?
Let {0} know by mail: {1}
tell {0} by email: {1}
send "{1}" to {0}
I want to write {0} a mail: "{1}"

play_music play_song play music_player
Play music / Plays a song / Play a song by an artist
song|title|track string title,artist|singer|by string person
Play {0}
Play {0} by {1}
I want to hear {0}
Put on {0} by {1}, please.
Can you play {0}?
I would like to listen to {0} by {1}.
let's hear {0}
play me the song {0} from {1}
music! {0} by {1}
Turn on {0}.

set_timer timer start_timer countdown
Start a timer / Set a timer for some minutes / Timer in minutes
minutes|duration|length|time integer age
Set a timer for {0} minutes
timer {0} minutes
Start a timer of {0} minutes, please.
Wake me in {0} minutes
{0} minutes timer
Tell me when {0} minutes are over.
Count down {0} minutes.
I need a timer for {0} minutes
Let me know in {0} minutes.
can you time {0} minutes for me?

set_alarm alarm create_alarm wake_up
Set an alarm / An alarm at a time / Wakes the user at a time
time|at|hour string time
Set an alarm for {0}
Wake me at {0}
Wake me up at {0}, please.
I have to get up at {0}.
alarm at {0}
Please ring at {0}.
I want to sleep until {0}.
can you wake me at {0}?

convert_currency exchange currency_converter convert_money
Convert money / Convert an amount between currencies / Exchanges currencies
amount|value|sum number integer,from|source|from_currency string currency,to|target|to_currency string currency
Convert {0} {1} to {2}
How much is {0} {1} in {2}?
{0} {1} in {2}
change {0} {1} into {2} please
What are {0} {1} worth in {2}?
I have {0} {1}. How many {2} is that?
exchange {0} {1} for {2}
How many {2} do I get for {0} {1}?

web_search search search_web google find_online
Search the web / Searches the internet / Look something up online
query|q|text|keywords string phrase
Search for {0}
search the web for {0}
Look up {0} online
google {0}
Find something about {0} on the internet.
What does the web say about {0}?
Can you search {0}?
I want to read about {0}. Search it.
find {0} online

send_message message text_message send_text sms
Send a message / Send a text message to a person / Messages a contact
to|recipient|person|contact string person,text|message|body|content string phrase
Tell {0} that {1}
Send {0} a message: {1}
text {0} "{1}"
Message {0} saying {1}.
Write {0}: {1}
Let {0} know: {1}
Say "{1}" to {0}
send a text to {0} with "{1}"

translate translate_text translation translator
Translate a text / Translates text into a language
text|sentence|content string phrase,language|target|to string foreign
Translate {0} to {1}
translate "{0}" into {1}
How do you say {0} in {1}?
What is "{0}" in {1}?
say {0} in {1}
I need {0} in {1}.
the {1} for "{0}", please

create_event add_event calendar_add schedule_event new_event
Create a calendar event / Adds an event to the calendar / Schedule something
title|name|event string title,date|day|when string date
Add {0} to my calendar on {1}
Put {0} on {1} in my calendar.
schedule {0} for {1}
I have {0} on {1}, please write it down.
{0} is on {1}. Put it into the calendar.
create an event {0} on {1}
Plan {0} for {1}.
calendar: {0}, {1}

list_events get_calendar agenda show_calendar my_events
Show the calendar of a day / Events of a day / What is planned on a day
date|day|when string date
What do I have on {0}?
What is on my calendar on {0}?
show me {0}
Am I free on {0}?
Is there anything planned on {0}?
my plans for {0}?
What happens on {0}?
events on {0}

turn_on_light light_on switch_on lights
Turn on a light / Switch the light of a room on
room|place|where string noun
Turn on the light in the {0}
It is dark in the {0}.
light in the {0}, please
switch on the {0} light
Make it bright in the {0}.
I can't see anything in the {0}!
Turn the {0} lights on.
lights on in the {0}

set_temperature thermostat set_heating heating
Set the heating / Set the temperature of a room in degrees
degrees|temperature|value integer age,room|place string noun
Set the temperature to {0} degrees
Make it {0} degrees in the {1}
I want {0} degrees in the {1}.
heat the {1} to {0} degrees
{0} degrees, please
Put the {1} on {0} degrees.
It should be {0} degrees in the {1}.
set the heating to {0}

stock_price get_stock share_price quote
Get the price of a share / Stock price of a company
company|symbol|name|ticker string title
What is the stock price of {0}?
How much is a share of {0}?
price of {0} stock
How does {0} trade today?
What are {0} shares worth?
Show me the stock of {0}.
quote for {0}

order_food order_meal food_order order
Order food / Order a meal for delivery / Orders dishes
dish|meal|item|food string phrase,quantity|count|number integer age
Order {1} {0}
I want to eat {0}
get me {1} {0}
I am hungry, order {0}
We need {1} {0}.
Can I have {1} {0}?
{1} times {0}, please
bring us {1} {0}
I'd like {0}

book_table reserve_table table_reservation reservation
Book a table / Reserve a table in a restaurant
people|guests|seats|persons integer age,time|at|hour string time
Book a table for {0} at {1}
table for {0}, {1}
We are {0} people and come at {1}.
A table for {0} people at {1}, please.
reserve {0} seats for {1}
Can we eat at {1}? We are {0}.
I need a table for {0} at {1}

find_route directions navigate get_directions route
Find a route / Directions between two places / Navigates from one place to another
from|origin|start string city,to|destination|end string city
How do I get from {0} to {1}?
directions from {0} to {1}
Show me the way from {0} to {1}.
I am in {0} and want to go to {1}.
navigate from {0} to {1}
Which way is it from {0} to {1}?
Take me from {0} to {1}.
I need to drive to {1} from {0}.

find_flight search_flights flights book_flight
Find flights / Flights from one city to another
from|origin|departure string city,to|destination|arrival string city,date|day|when string date
Find a flight from {0} to {1} on {2}
I want to fly from {0} to {1}
flights {0} to {1} on {2}
Is there a plane from {0} to {1} on {2}?
Fly me from {0} to {1}.
I have to be in {1} on {2}, I start in {0}.
When can I fly from {0} to {1}?

create_note note save_note take_note add_note
Save a note / Write down a note
text|note|content|body string phrase
Note: {0}
Write down {0}
take a note: {0}
Make a note that says {0}
Please note {0}.
save this: {0}
I want to note down {0}
keep a note saying "{0}"

add_to_list shopping_list add_item buy_list
Add something to the shopping list / Adds an item to a list
item|product|thing|name string noun
Add {0} to the list
Put {0} on my shopping list
We need {0}
I have to buy {0}
We are out of {0}.
shopping list: {0}
don't let me forget the {0} in the shop
{0} must go on the list

call_contact call phone dial make_call
Call a person / Make a phone call / Phones a contact
person|name|contact|who string person
Call {0}
phone {0}
I want to talk to {0}
Ring {0}, please.
Give {0} a call.
dial {0}
Can you call {0} for me?
get {0} on the phone

track_order order_status track_package parcel_status
Track an order / Status of an order / Where a parcel is
order_id|id|code|number string code
Where is my order {0}?
Track {0}
What is the status of {0}?
When does {0} arrive?
order {0}, where is it?
Has {0} been sent?
is {0} on its way?
Has my parcel {0} left?

invite_people invite send_invitation invite_guests
Invite people / Invites guests to an event
guests|people|names|persons array names,event|title|to string title
Invite {0} to {1}
Ask {0} to come to {1}
I want {0} at {1}.
{0} should come to {1}
Send an invitation for {1} to {0}.
Please invite {0} to {1}.
{1} is coming. Invite {0}!

create_group make_group new_team add_members
Create a group of people / Make a team with members
members|people|names|persons array names
Make a group with {0}
Create a team of {0}
put {0} into one group
{0} are a team now.
I want a group for {0}
a new group: {0}
team up {0}

multiply multiply_numbers times product
Multiply two numbers / The product of two numbers
a|x|first|number1 number integer,b|y|second|number2 number integer
Multiply {0} by {1}
What is {0} times {1}?
{0} * {1}
what's {0} x {1}
{0} times {1}
Calculate {0} * {1}.
the product of {0} and {1}
how much is {0} times {1}?

subtract minus difference subtract_numbers
Subtract two numbers / a minus b / The difference of two numbers
a|x|first|number1 number integer,b|y|second|number2 number integer
What is {0} minus {1}?
{0} - {1}
Subtract {1} from {0}
take {1} from {0}
{0} minus {1}
what is {0} - {1}?
Calculate {0} minus {1}.
The difference between {0} and {1}?

get_time current_time time_in clock world_clock
Get the time / Current time in a city / What time it is in a place
city|place|location|timezone string city
What time is it in {0}?
time in {0}
What's the time in {0}?
How late is it in {0}?
Tell me the time in {0}.
current time {0}
Is it late in {0}?
what does the clock say in {0}

divide divide_numbers quotient division
Divide two numbers / a divided by b
a|x|dividend|number1 number integer,b|y|divisor|number2 number integer
Divide {0} by {1}
What is {0} divided by {1}?
{0} / {1}
{0} divided by {1}
how often does {1} go into {0}?

rent_car car_rental hire_car
Rent a car / Hires a car in a city
city|place|location string city,days|duration|length integer age
Rent a car in {0} for {1} days
I need a car in {0}
car for {1} days in {0}
I want to drive a car in {0} for {1} days.
Hire me a car in {0}.

look_up_recipe find_recipe recipe recipes
Find a recipe / Recipe for a dish
dish|meal|name|food string noun
How do I cook {0}?
recipe for {0}
I want to make {0}, what do I need?
Find a recipe with {0}
what can I cook with {0}

book_hotel hotel reserve_room find_hotel
Book a hotel / Reserve a room in a city
city|place|location string city,nights|days|duration integer age
Book a hotel in {0} for {1} nights
I need a room in {0}
hotel in {0}, {1} nights
We want to sleep in {0} for {1} nights.
Find me a place to stay in {0}.

read_news news headlines get_news
Read the news / News about a topic
topic|about|subject string noun
What is the news about {0}?
news on {0}
Anything new about {0}?
Read me the headlines about {0}.
what happened with {0} lately

take_payment pay transfer_money send_money
Send money / Pay a person an amount
to|recipient|person string person,amount|value|sum number integer
Pay {0} {1} euros
send {1} euros to {0}
I owe {0} {1} euros, pay it.
transfer {1} to {0}
Give {0} {1} dollars.

measure_distance distance how_far distance_between
Distance between two cities / How far two places are apart
from|a|origin|start string city,to|b|destination|end string city
How far is it from {0} to {1}?
distance {0} {1}
How many kilometres are there between {0} and {1}?
is {1} far from {0}?
How far apart are {0} and {1}?

book_appointment appointment see_doctor make_appointment
Make an appointment / Book a visit at a doctor or office
with|person|doctor string person,date|day|when string date
I want to see {0} on {1}
Make an appointment with {0} on {1}
get me an appointment with {0}
Does {0} have time on {1}?
I need to meet {0} on {1}.
""")
