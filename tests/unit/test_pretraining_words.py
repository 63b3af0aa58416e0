"""Words of captions: what a word is, which of them have a number, and how a caption becomes a row."""

import pytest

from wordsight.pretraining import vocabulary as module
from wordsight.pretraining.vocabulary import PADDING, UNKNOWN, Vocabulary, words


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("Cat's face, grinning", ["cat's", "face", "grinning"]),
        ("rock’n’roll", ["rock’n’roll"]),
        ("'quoted'", ["quoted"]),
        ("e-mail_address", ["e", "mail", "address"]),
        ("Straße, ÉTÉ, žluťoučký", ["straße", "été", "žluťoučký"]),
        ("笑い 泣き", ["笑い", "泣き"]),
        ("keycap 10 100%", ["keycap", "10", "100"]),
        ("  \t\n", []),
        ("🐶!?", []),
        ("", []),
    ],
)
def test_words_are_letters_and_digits_in_lower_case(caption, expected):
    assert words(caption) == expected


def test_words_of_two_captions_have_numbers_the_most_frequent_first():
    captions = ["a red dog", "a red cat", "a blue dog", "a zebu", "zzz zzz zzz"]
    vocabulary = Vocabulary.of(captions)
    assert vocabulary.index == {"a": 2, "dog": 3, "red": 4}
    assert vocabulary.size == 5
    assert vocabulary.longest == 3


def test_a_caption_of_several_images_counts_once():
    assert Vocabulary.of(["red dog", "red dog", "red cat"]).index == {"red": 2}


def test_captions_become_rows_padded_at_the_end():
    vocabulary = Vocabulary.of(["a red dog", "a red cat", "the dog"])
    rows = vocabulary.numbers(["A dog!", "the red red dog runs", "", "🐶"])
    assert vocabulary.index == {"a": 2, "dog": 3, "red": 4}
    assert rows.tolist() == [
        [2, 3, PADDING],
        [UNKNOWN, 4, 4],  # what is longer than all captions of training is cut
        [UNKNOWN, PADDING, PADDING],
        [UNKNOWN, PADDING, PADDING],
    ]


def test_numbers_and_length_have_limits(monkeypatch):
    monkeypatch.setattr(module, "MAX_WORDS", 2)
    long = " ".join(f"w{place}" for place in range(50))
    vocabulary = Vocabulary.of([long, f"{long} more", "w7 w9", "w7 more"])
    assert vocabulary.index == {"w7": 2, "w9": 3}
    assert vocabulary.longest == module.MAX_LENGTH
    assert vocabulary.numbers([long]).shape == (1, module.MAX_LENGTH)


def test_captions_without_a_word_leave_a_vocabulary_of_unknown_ones():
    for captions in ([], ["🐶", "🐱"], ["one", "two"]):
        vocabulary = Vocabulary.of(captions)
        assert vocabulary.index == {}
        assert vocabulary.numbers(["any"]).tolist() == [[UNKNOWN]]
