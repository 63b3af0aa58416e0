"""Which concepts are near copies of each other, such as clock faces: they differ only in a detail.

A *group* is a concept with its near copies. The split keeps a group together, so that no unseen concept has a
near copy in training. Most smileys are groups of their own, and so are signs of one shape with different
words or pictures: there the detail is the concept. So some unseen concepts still resemble a seen one.
"""

import re

from wordsight.datasets.sources.emoji.variants import concept

# Groups: concepts ("a..b" is a range, "+" a joiner), then after "|" what they are and what tells them apart.
# They show one thing in another colour, number, degree, side or direction, or they correlate above 0.9 as
# 24 x 24 grey pixels, averaged over the three styles.
NEAR_COPIES = """
1F9D1..1F9D4 1F9D1+1F9B0..1F9B3 1F471 1F476 1F64D 1F64E 1F934 1FAC5 | heads: age, hair, mood, crown
1F46A 1F9D1+1F9D2 1F9D1+1F9D2+1F9D2 1F9D1+1F9D1+1F9D2 1F9D1+1F9D1+1F9D2+1F9D2 | families: members
1F48F 1F491 1F9D1+2764+1F9D1 1F9D1+2764+1F48B+1F9D1 | couples with a heart: kiss
1F46B 1F9D1+1F91D+1F9D1 | couples holding hands
1F464 1F465 | busts: number
1F930 1FAC3 1FAC4 | pregnancy: gender
1F931 1F9D1+1F37C | feeding a baby: breast, bottle
1F385 1F9D1+1F384 | Father and Mx Claus
1F9B8 1F9B9 | people in capes: hero, villain
1F6B6 1F9D1+1F9AF | walking: with a cane
1F9D1+1F9BC 1F9D1+1F9BD | people in wheelchairs: motor
1F9BC 1F9BD | wheelchairs: motor
1F6B4 1F6B5 | bicyclists: ground
1F6CC 1F6CF | beds: with a sleeper
261D 1F446..1F449 1F595 | hands with one finger up: direction, side, finger
270B 1F91A 1F590 1F596 | raised hands: side, spread
1F44D 1F44E | thumbs: direction
1F91B 1F91C | fists: direction
1FAF1 1FAF2 | flat hands: direction
1FAF3 1FAF4 | palms: direction
1FAF7 1FAF8 | pushing hands: direction
1F91D 1FAF1+1FAF2 | handshakes: skin tones
1F918 1F91F | hands with two fingers up: thumb
1F442 1F9BB | ears: hearing aid
1F4AA 1F9BE | arms: mechanical
1F9B5 1F9BF | legs: mechanical
1F441 1F441+1F5E8 | eyes: in a bubble
1F60A 1F610 1F611 1F615 1F617 1F619 1F61A 1F636 1F641..1F643 1F642+2194 1F642+2195
1F972 1FAE4 2639 263A | faces with a small mouth: its bend, eyes
1F600..1F606 | grins: eyes, drops
1F61B..1F61D 1F92A | tongues: eyes
1F626..1F628 | open frowns: brows
1F62E 1F62F 1F632 | open mouths: brows
1F620 1F621 1F922 | angry and sick faces: colour
1F61F 1F622 | troubled faces: tear
1F629 1F62B | weary faces: eyes
1F979 1F97A | pleading eyes: tears
1F47F 1F608 | devils: mood
1F480 2620 | skulls: bones
1F635 1F635+1F4AB | dizzy faces: eyes
1F638..1F63A 1F63D | cats that smile: eyes, tears
1F4AC 1F5E8 | speech bubbles: side
1F499..1F49C 1F5A4 1F90D 1F90E 1F9E1 1FA75..1FA77 2764 2665 | hearts: colour
1F493 1F496 1F497 | hearts that beat, sparkle or grow
1F495 1F49E | two hearts: motion
1F4A7 1FA78 | drops: water, blood
1F408 1F408+2B1B | cats: colour
1F415 1F415+1F9BA 1F9AE | dogs: harness
1F426 1F426+2B1B | birds: colour
1F423..1F425 | chicks: side, shell
1F42A 1F42B | camels: humps
1F40B 1F433 | whales: spout
1F400 1F401 | rat, mouse: colour
1F402..1F404 | cattle: colour
1F405 1F406 | big cats: pattern
1F43B 1F43B+2744 | bears: colour
1F34E 1F34F | apples: colour
1F34B 1F34B+1F7E9 | lemon, lime: colour
1F344 1F344+1F7EB | mushrooms: colour
1F37A 1F37B | mugs of beer: number
1F374 1F37D | fork and knife: plate
1FAB9 1FABA | nests: eggs
2618 1F340 | clover: leaves
1F311..1F31D 1F534 1F535 1F7E0..1F7E4 26AA 26AB | discs: phase of the moon, face, colour
2601 26C5 26C8 1F324..1F329 | clouds: sun, rain, snow, lightning
2602 2614 | umbrellas: rain
2603 26C4 | snowmen: snow
2B50 1F31F | stars: glow
2600 1F31E | suns: face
1F505 1F506 | brightness: degree
1F30D..1F30F | globes: side
1F3D4 1F5FB 26F0 | mountains: snow
1F303 1F306 1F307 1F3D9 | cities: time of day
1F304 1F305 | sunrise: over mountains, water
1F3D8 1F3DA 1F3E0 1F3E1 | houses: number, state, garden
1F3E8 1F3E9 | hotels: heart
1F550..1F567 | clock faces: hour
231B 23F3 | hourglasses: sand
1F684 1F685 | high-speed trains: nose
1F686 1F687 1F689 1F68A | fronts of trains: kind
1F683 1F68B 1F69E | railway carriages: kind
1F68C 1F68E | buses: trolley
1F693 1F695 1F697 | cars: use
1F694 1F696 1F698 | cars from the front: use
1F690 1F691 | vans: use
1F69A 1F69B | trucks: trailer
1F6A0 1F6A1 | cable cars: mountain
1F6EB 1F6EC | aeroplanes: departure, arrival
1F6A5 1F6A6 | traffic lights: direction
1F6B9..1F6BB | toilets: gender
1F6C2 1F6C3 | officers: passports, customs
1F6C4 1F6C5 | luggage: claim, locker
1F52F 2721 | six-pointed stars: dot
1F520 1F521 1F524 | letters: case
2753 2754 | question marks: colour
2755 2757 | exclamation marks: colour
2B05..2B07 27A1 2194..2199 | straight arrows: direction
21A9 21AA 2934 2935 | bent arrows: direction
1F503 1F504 | round arrows: direction
1F519..1F51D | arrows with a word: word, direction
25B6 25C0 1F53C 1F53D | triangular buttons: direction
23E9..23EC | buttons with two triangles: direction
23ED 23EE | buttons that skip: direction
1F501 1F502 | repeat: once
1F53A 1F53B | red triangles: direction
1F7E5..1F7EB 25AA 25AB 25FB..25FE 2B1B 2B1C 1F532 1F533 | squares: colour, size
1F536..1F539 | diamonds: colour, size
2611 2705 2714 | check marks: box
274C 274E 2716 | crosses: box, colour
2733 2734 2747 | asterisks: rays
27B0 27BF | loops: number
00A9 00AE | letters in a circle: letter
0023-20E3 002A-20E3 0030-20E3 0031-20E3 0032-20E3 0033-20E3 0034-20E3 0035-20E3 0036-20E3
0037-20E3 0038-20E3 0039-20E3 1F51F | keycaps: character
1F50F 1F510 1F512 1F513 | locks: state, pen, key
1F511 1F5DD | keys: age
1F4F1 1F4F2 | mobile phones: arrow
1F4E4 1F4E5 | trays: direction
2709 1F4E7..1F4E9 1F48C | envelopes: letter, arrow, heart
1F4EA..1F4ED | mailboxes: flag, lid
1F4C1 1F4C2 | folders: state
1F4C5 1F4C6 1F5D3 | calendars: binding
1F4C8 1F4C9 1F4B9 | charts: direction, sign
1F4CC 1F4CD | pins: shape
1F4CE 1F587 | paper clips: number
1F4D2..1F4D5 1F4D7..1F4D9 | closed books: colour
1F4C3 1F4C4 1F4D1 | pages: curl, tabs
1F58A 1F58B 2712 | pens: nib
1F4F7 1F4F8 | cameras: flash
1F50D 1F50E | magnifying glasses: direction
1F507..1F50A | loudspeakers: volume
1F514 1F515 | bells: stroke
1F4E2 1F4E3 | megaphones: kind
1F4BF 1F4C0 | discs: colour
1F50B 1FAAB | batteries: charge
1F3B5 1F3B6 | musical notes: number
1F4B4..1F4B7 | banknotes: currency
1F947..1F949 1F3C5 | medals: rank
1F453 1F576 | glasses: dark
26BE 1F94E | baseball, softball: colour
1F3C8 1F3C9 | oval balls: colour
26D3 26D3+1F4A5 | chains: broken
1F39F 1F3AB | tickets: number
"""


def group(unified: str) -> str:
    """Concept that stands for all near copies of an emoji."""
    same = concept(unified)
    return GROUPS.get(same, same)


def _groups(table: str) -> dict[str, str]:
    """First concept of the group of each concept in ``NEAR_COPIES``."""
    groups = {}
    for points in re.findall(r"([^|]+)\|.*\n", table):
        members = [member for word in points.split() for member in _expand(word.replace("+", "-200D-"))]
        groups.update(dict.fromkeys(members, members[0]))
    return groups


def _expand(word: str) -> list[str]:
    """Concepts of ``a..b``, where a can begin with what the whole range has in common."""
    first, _, last = word.partition("..")
    shared, _, start = first.rpartition("-")
    points = range(int(start, 16), int(last or start, 16) + 1)
    return [f"{shared}-{point:04X}".lstrip("-") for point in points]


GROUPS = _groups(NEAR_COPIES)
