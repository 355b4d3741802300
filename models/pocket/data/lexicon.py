"""Open word lists: first names, surnames, places and nouns. Each word is owned by one split (see
splits).
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.split()))


FIRST_NAMES = _words("""
Anna Ben Clara David Emma Felix Grace Hugo Ines Jonas Karin Leo Mia Noah Olga Paul Rosa Sam Tina
Victor Wendy Xavier Yara Zoe Alice Bruno Carla Dennis Elena Frank Gloria Henry Iris James Kate Liam
Maria Nina Oscar Petra Quentin Ruth Simon Teresa Ursula Vera Walter Adam Bella Cyrus Diana Edgar
Fiona George Helen Ivan Julia Kevin Laura Martin Nadia Omar Pablo Rita Stefan Thea Uma Viola Wilma
Aisha Boris Celia Dario Erik Farid Greta Hana Igor Jana Kofi Lena Marco Nils Olivia Priya Ravi Sara
Tom Amir Beth Chloe Derek Esther Fred Gina Harold Isaac Joan Kim Lucas Mona Nathan Peter Rachel
Sophie Tariq Vincent Yusuf Agnes Arthur Barbara Carlos Doris Eric Flora Gabriel Hannah Jack Katrin
Louis Megan Nora Otto Philip Robert Silvia Tobias Valerie William Amelia Bernard Cecil Daphne
Elliot Freya Gareth Hilda Imran Jasper Kira Lorenzo Mabel Nelson Ophelia Percy Rowan Selma Theo
Ulrich Winston Yasmin Zara Alan Brenda Colin Donna
""")

SURNAMES = _words("""
Smith Jones Brown Taylor Wilson Davies Evans Thomas Johnson Roberts Walker Wright Robinson Thompson
White Hughes Green Hall Wood Harris Martin Jackson Clarke Turner Hill Moore Cooper Ward Morris King
Watson Baker Harrison Morgan Patel Young Allen Mitchell Kelly Cook Carter Parker Bennett Shaw
Murphy Miller Cox Simpson Marshall Collins Bell Gray Price Weber Schmidt Fischer Meyer Wagner
Becker Hoffmann Koch Richter Klein Wolf Keller Lang Dubois Laurent Moreau Girard Bonnet Lambert
Fontaine Rossi Ricci Marino Greco Conti Garcia Lopez Torres Ramos Vega Castro Ortiz Silva Costa
Novak Kowalski Horvat Nagy Larsen Hansen Nilsson Berg Tanaka Sato Suzuki Chen Wang Kim Park Nguyen
Singh Kumar Khan Ali Okafor Mensah Diallo Cohen Levi Haddad Petrov Ivanova Sokolov Popescu Jansen
Visser Bakker Peeters Murray Stone Fox
""")

PLACES = _words("""
London Paris Berlin Madrid Rome Vienna Prague Warsaw Lisbon Dublin Oslo Stockholm Helsinki Athens
Budapest Brussels Amsterdam Copenhagen Zurich Geneva Munich Hamburg Cologne Lyon Marseille Nice
Bordeaux Milan Turin Naples Venice Florence Barcelona Seville Valencia Porto Krakow Tokyo Osaka
Kyoto Seoul Beijing Shanghai Delhi Mumbai Bangkok Hanoi Jakarta Manila Sydney Melbourne Perth
Auckland Cairo Tunis Lagos Nairobi Accra Toronto Montreal Vancouver Boston Chicago Denver Seattle
Austin Dallas Houston Miami Atlanta Phoenix Portland Detroit Lima Bogota Quito Santiago Havana
Leeds York Bristol Oxford Cambridge Glasgow Cardiff Belfast Norwich Exeter Dover Bath Salzburg Graz
Bonn Bremen Kiel Dresden Leipzig Lille Nantes Rennes Toulouse Verona Bologna Genoa Palermo Malaga
Bilbao Granada Tallinn Riga Vilnius Sofia Bucharest Zagreb Belgrade Ankara Izmir Dubai Doha Kuwait
Muscat Tehran Baghdad Kabul Lahore Dhaka Colombo
""")

NOUNS = _words("""
weather ticket invoice recipe flight train hotel room table meeting event reminder note message
email contact order package parcel payment account balance price stock exchange currency map route
taxi bus car bike parking garage alarm timer clock calendar task list project report document file
folder photo picture video song playlist album movie book article page website link password user
customer client employee team office desk printer computer phone laptop tablet screen camera light
lamp heater fan door window lock sensor robot drone engine machine tool battery charger cable
router server database backup network channel station radio newspaper magazine library museum
gallery theatre concert festival party wedding birthday holiday vacation trip tour visa passport
luggage beach mountain river lake forest park garden plant flower tree seed harvest farm tractor
horse cow sheep goat chicken dog cat bird fish turtle rabbit restaurant menu meal breakfast lunch
dinner pizza soup salad sandwich burger cake cookie bread cheese butter milk coffee tea juice water
wine beer fridge oven kitchen bathroom bedroom sofa chair carpet curtain mirror shelf cupboard
closet jacket coat shirt dress skirt shoe boot hat scarf glove sock ring necklace watch bag wallet
purse key coin loan mortgage insurance tax salary budget discount coupon voucher receipt refund
delivery shipment warehouse factory supplier contract license permit certificate exam course lesson
lecture class school college teacher student grade homework essay dictionary translation language
word sentence poem story chapter quiz game puzzle score match league player coach stadium race
medal trophy gym workout exercise diet calorie doctor nurse hospital clinic appointment
prescription medicine vaccine allergy symptom patient dentist surgery ambulance pharmacy
temperature humidity wind storm forecast rainfall sunrise moon planet star rocket satellite
telescope microscope experiment sample formula molecule crystal metal fuel oil gas electricity
solar turbine bridge tunnel tower castle palace church temple harbor ship boat ferry anchor sail
canal pipeline valve pump filter tank bucket ladder hammer drill saw nail screw paint brush canvas
sculpture guitar piano violin drum trumpet flute choir band orchestra studio microphone speaker
podcast survey poll vote election law court judge lawyer police crime permit fine complaint
feedback review rating badge subscription membership newsletter campaign advert banner logo brand
product catalogue category inventory barcode
""")
