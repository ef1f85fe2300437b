"""Choices by hand that the training of the IAB classifier rests on; nodes are those of Content 2.2."""

# Borders and rivers stand in many an article of Wikinews that is not about them.
GEOGRAPHY = "469"
# BANKING77 as a whole.
BANKING = "392"
# CLINC150's intents as concepts; those that are about nothing in the taxonomies teach what none is.
INTENTS = {
    "392": "freeze_account routing pin_change bill_due pay_bill account_blocked transfer order_checks balance "
    "spending_history transactions report_fraud interest_rate",
    "406": "replacement_card_duration damaged_card report_lost_card card_declined credit_limit_change apr "
    "redeem_rewards credit_limit rewards_balance new_card international_fees",
    "405": "improve_credit_score credit_score min_payment",
    "216": "recipe ingredients_list ingredient_substitution cook_time food_last meal_suggestion",
    "229": "calories nutrition_info",
    "218": "restaurant_reviews restaurant_reservation restaurant_suggestion cancel_reservation accept_reservations",
    "338": "play_music what_song next_song update_playlist",
    "473": "shopping_list shopping_list_update order order_status",
    "277": "smart_home",
    "34": "oil_change_when oil_change_how tire_pressure schedule_maintenance last_maintenance tire_change jump_start",
    "1": "mpg gas gas_type",
    "672": "flight_status book_flight carry_on lost_luggage",
    "668": "book_hotel",
    "663": "travel_suggestion travel_alert travel_notification plug_type international_visa",
    "41": "car_rental",
    "147": "translate",
    "390": "weather",
    "415": "taxes w2",
    "416": "rollover_401k",
    "55": "pto_request pto_balance pto_used pto_request_status",
    "": "meaning_of_life who_made_you what_is_your_name where_are_you_from goodbye thank_you greeting are_you_a_bot "
    "how_old_are_you what_can_i_ask_you fun_fact change_speed user_name whisper_mode yes no maybe repeat cancel "
    "change_volume change_accent change_ai_name reset_settings date alarm timer time flip_coin roll_dice "
    "definition spelling calculator reminder todo_list meeting_schedule",
}
# SIB-200's topics; its two others are each several nodes.
TOPICS = {"travel": "653", "sports": "483", "health": "286", "politics": "386", "geography": GEOGRAPHY}
# The same topics in other languages, where the terms of every tier 1 stand beside them.
FOREIGN_TOPICS = TOPICS | {"science/technology": "464"}
# Things that are sold, new in shops and used among people.
GOODS = (
    "601 617 630 632 633 634 635 636 637 278 283 275 551 566 573 582 589 561 565 243 42 482 431 681 559 558 492 677 616 "
    "604 615 46 263 338 324 601 617"
).split()
# Said where people sell used things; the offer outweighs what is offered.
SECOND_HAND = (
    "for sale, asking, best offer, obo, like new, mint, excellent condition, good condition, barely used, never used, "
    "must sell, moving sale, cash only, plus shipping, shipping included, buyer pays, wanted to buy, price is negotiable, "
    "original box, manuals, make offer, selling, forsale, highest bidder, sale, sell, offer, email offers, price, prices, "
    "pick up, postage, includes shipping, interested, condition"
).split(", ")
# Said in shops, of goods of all kinds.
SHOP = (
    "add to cart, in stock, free shipping, free returns, buy now, add to basket, customer reviews, free delivery, "
    "warranty, sizes, colours, ships, delivered, price, order, rating, checkout"
).split(", ")
# What an article of Wikinews is rather, or hardly, about; added to the logarithm of the probability.
NEWS_PRIOR = {
    "News and Politics": 1.5, "Sports": 0.5, "Business and Finance": 0.3, "Travel": -3, "Shopping": -3,
    "Style & Fashion": -2, "Hobbies & Interests": -2, "Personal Finance": -1, "Home & Garden": -3,
    "Books and Literature": -1, "Education": -0.5, "Events and Attractions": -1, "Fine Art": -1,
    "Family and Relationships": -1, "Pets": -1, "Healthy Living": -1, "Pop Culture": -0.5, "Careers": -1,
    "Technology & Computing": 0.5, "Science": 0.5,
}  # fmt: skip
STOPWORDS = frozenset(
    "a about above after again against all also am an and any are aren't as at be because been before being below "
    "between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each "
    "else ever few for from further get gets got had hadn't has hasn't have haven't having he he'd he'll her here "
    "here's hers herself him himself his how how's however i i'd i'll i'm i've if in into is isn't it it's its "
    "itself just let let's may me might more most mustn't my myself no nor not now of off on once one only or "
    "other our ours ourselves out over own per same shall she she'd she'll should shouldn't since so some still "
    "such than that that's the their theirs them themselves then there there's these they they'd they'll they're "
    "they've this those through thus to too two under until up upon us very via was wasn't we we'd we'll we're "
    "we've were weren't what what's when when's where where's which while who who's whom why why's will with "
    "won't would wouldn't yet you you'd you'll you're you've your yours yourself yourselves re etc ie eg com org "
    "edu gov www http https".split()
)
