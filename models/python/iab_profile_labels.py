"""Choices by hand that the training of the IAB profile rests on."""

import re

# CLINC150's intents as user intents.
INTENTS = {
    "manage an account or payment": "freeze_account pin_change bill_due pay_bill account_blocked transfer order_checks "
    "balance transactions report_fraud credit_limit_change redeem_rewards report_lost_card card_declined bill_balance",
    "find a recipe": "recipe ingredients_list ingredient_substitution cook_time meal_suggestion",
    "book a trip, table or ticket": "restaurant_reservation cancel_reservation book_flight book_hotel car_rental "
    "schedule_meeting confirm_reservation uber",
    "buy a product": "order",
    "track or return an order": "order_status",
    "find a place": "directions distance traffic current_location gas",
    "learn how to do something": "oil_change_how jump_start rollover_401k improve_credit_score",
    "learn about a topic": "definition calculator measurement_conversion fun_fact",
    "chat with someone": "greeting goodbye thank_you what_is_your_name how_old_are_you are_you_a_bot "
    "do_you_have_pets what_are_your_hobbies who_made_you tell_joke",
    "read reviews": "restaurant_reviews",
}
BANKING_INTENT = "manage an account or payment"

# Things that any intent may be about; cues of intents are trained beside them.
OBJECTS = (
    "headphones, laptop, phone, coffee machine, running shoes, winter jacket, mattress, bicycle, car, washing machine, "
    "camera, guitar, desk lamp, dress, sofa, printer, watch, toys, skin cream, dog food, tent, books, tablet, flowers, "
    "pizza, insurance, credit card, bank, hotel, rome, paris, airport, museum, restaurant, dentist, school, library, "
    "hospital, pharmacy, photosynthesis, inflation, world war, black holes, jazz, vaccines, climate change, chess, "
    "spanish, yoga, gardening, pasta, chicken, bread, potatoes, parliament, election, president, economy, storm, "
    "football, tennis, team, company, office, kitchen, garden, roof, bathroom, windows, software, app, website, router, "
    "email, computer, children, friend, dog, cat, wedding, birthday, tax, visa, passport, train, flight, concert, movie, "
    "game, music, house, apartment, city, berlin, london, new york, march, friday, tomorrow"
).split(", ")

# Articles about one person, place or work are no topic of others' texts.
TITLE_NOT_A_TOPIC = re.compile(
    r"(?:The |Lists?\b|Index\b|Outline\b|Timeline\b|(?:History|Geography|Economy|Politics|Demographics|Culture|Transport\w*"
    r"|Telecommunications|Military|Foreign relations|Armed Forces|Battle|Siege|Treaty|Flag|Government|Music|Religion"
    r"|Languages|Book|University|House) (?:of|in)\b)"
)
PERSON = re.compile(
    r"\([^()]{0,160}?(?:\bborn\b|\b\d{3,4}\s*[–—-]\s*(?:[A-Z][a-z]+ )?(?:\d{1,2} )?(?:[A-Z][a-z]+,? )?\d{3,4}|BC\s*[–-])"
)
PLACE = re.compile(
    r"\b(?:is|was|are) (?:an?|the|one of) (?:[\w'’-]+,? ){0,6}?(?:city|town|village|municipality|county|country|state"
    r"|province|river|islands?|capital|region|district|commune|suburb|mountain|lake|republic|neighbou?rhood|borough"
    r"|sovereign|peninsula|archipelago|nation|prefecture|territory|airport|university|college)\b"
)
WORK = re.compile(
    r"\b(?:is|was|are) (?:an?|the|one of) (?:[\w'’-]+,? ){0,8}?(?:\d{4}|(?:studio |debut )album|song|single|novel|sitcom"
    r"|television series|tv series|video game|band|rapper|singer|politician|actor|actress|footballer|writer|poet|player"
    r"|emperor|king|queen|pope|saint|philosopher|mathematician|physicist|composer|musician|general|president|comedian"
    r"|author|dynasty|asteroid|manga|anime|magazine|newspaper|fictional|character|surname|given name)\b"
)
# Titles that say nothing as a topic.
NOT_A_TOPIC = frozenset(
    "action method system process function object element unit point line set group class type form order value number "
    "result effect cause reason problem question answer example case fact event state condition rule standard level "
    "change access home page time day week month year hour minute place area side top end start name word letter "
    "section part piece item list table figure color colour size shape weight length speed force power right left "
    "version release update issue support hub route reciprocal sequence pattern structure center centre office "
    "stage scene source station channel volume feature option choice guide label sign mark note code key lock "
    "box bag cup ring ball block board card chain circle cross cut deck draft edge field frame gate grid head heel "
    "hook host husband wife kit knot lead leg lift load loop mail male female man woman boy girl people person "
    "master match media model monitor move nation nest net notice pack pair panel paper pass path peak pole pool "
    "port post press prime print proof race rank rate record relay report respect review root round row run sample "
    "scale screen script search season seat sense series share shift ship shot show sight site slope slot sound space "
    "span split spot square stack staff step stock stone stop store stream street stress strike string strip style "
    "surface switch tail target task team test text theme theory thread ticket title tone tool touch track trade "
    "transfer trial trick trip turn union use user view visit voice wall watch wave west east north south will window "
    "wing wire wish work world".split()
)
