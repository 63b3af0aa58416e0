"""A dump becomes one line of prose an article, whatever is in it, and a file of something else is refused."""

import bz2
import gzip
import time

import pytest

from fixtures import text as published
from fixtures.text import ARTICLE, PAGES, PLAIN, SITE, page
from wordsight.config.text import WikipediaCorpus
from wordsight.errors import WordsightError
from wordsight.files import cards
from wordsight.files.hashing import sha256
from wordsight.text import wikipedia
from wordsight.text.card import CorpusCard
from wordsight.text.wikitext import plain


def section(path, **keys):
    return WikipediaCorpus(source="wikipedia", path=str(path), **keys)


def articles(directory):
    return gzip.decompress((directory / "articles.txt.gz").read_bytes()).decode("utf-8").splitlines()


def error_of(path, directory):
    with pytest.raises(WordsightError) as error:
        wikipedia.prepare(section(path), "enwiki", directory)
    assert not directory.exists() or not list(directory.iterdir())
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["enwiki-latest-pages-articles.xml.bz2", "enwiki.xml"])
def test_articles_are_kept_and_other_pages_are_counted(name, tmp_path, monkeypatch):
    monkeypatch.setattr(wikipedia, "CHUNK", 100)  # a page in many parts
    published.write_wikipedia(tmp_path / name)
    card = wikipedia.prepare(section(tmp_path / name, licence="CC BY-SA 4.0"), "enwiki", tmp_path / "out")
    lines = articles(tmp_path / "out")
    assert lines == [PLAIN, "Čeština < 猫 & dogs. It is spoken.", "Zero is a number."]
    assert (card.articles, card.redirects, card.other_pages, card.empty) == (3, 1, 2, 1)
    assert card.characters == sum(map(len, lines))
    assert card.sha256 == sha256(tmp_path / name)
    assert card.text_sha256 == sha256(tmp_path / "out/articles.txt.gz")
    assert cards.read(tmp_path / "out/card.json", CorpusCard, "a card") == card


def test_the_same_dump_gives_the_same_bytes(tmp_path):
    published.write_wikipedia(tmp_path / "dump.xml.bz2")
    for folder in "ab":
        wikipedia.prepare(section(tmp_path / "dump.xml.bz2"), "enwiki", tmp_path / folder)
    for name in ("articles.txt.gz", "card.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_limit_keeps_the_first_articles_and_reads_no_further(tmp_path, monkeypatch):
    many = [page(number, f"P{number}", f"Text {number}.") for number in range(1, 40)]
    published.write_wikipedia(tmp_path / "dump.xml.bz2", many)
    content = (tmp_path / "dump.xml.bz2").read_bytes()
    (tmp_path / "dump.xml.bz2").write_bytes(content[: len(content) // 2])
    monkeypatch.setattr(wikipedia, "CHUNK", 500)
    card = wikipedia.prepare(section(tmp_path / "dump.xml.bz2", limit=2), "enwiki", tmp_path / "out")
    assert articles(tmp_path / "out") == ["Text 1.", "Text 2."]
    assert card.articles == 2


BOMB = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected a dump of Wikipedia, but this is an empty file"),
        (b"<!DOCTYPE html><html></html>", "expected a dump of Wikipedia, but this is an HTML page"),
        (b"PK\x03\x04....", "expected a dump of Wikipedia, but this is a zip file"),
        (b"<rss></rss>", "expected a dump of Wikipedia, found XML with the root 'rss'"),
        (b'<mediawiki xmlns="http://example.org/"></mediawiki>', "found XML with the root 'http://example.org/ mediawiki'"),
        (b"just text", "truncated or damaged XML (syntax error"),
        ((BOMB + SITE + "</mediawiki>").encode(), "expected a dump of Wikipedia, but it declares a document type"),
        ((SITE + PAGES[1]).encode(), "truncated or damaged XML (no element found"),
        (bz2.compress((SITE + PAGES[1]).encode()), "truncated or damaged XML (no element found"),
        (bz2.compress((SITE + "".join(PAGES)).encode())[:-50], "truncated or damaged (Compressed file ended before"),
        (b"BZh9" + bytes(100), "truncated or damaged (Invalid data stream)"),
        ((SITE + PAGES[0] + PAGES[2] + "</mediawiki>").encode(), "expected articles in the dump, found none"),
    ],
)  # fmt: skip
def test_a_file_of_something_else_is_named_in_one_line_and_leaves_nothing(content, words, tmp_path):
    path = tmp_path / "dump"
    path.write_bytes(content)
    line = error_of(path, tmp_path / "out")
    assert line.startswith(f"{path}: ")
    assert words in line


def test_a_dump_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none.xml.bz2"
    assert (
        error_of(path, tmp_path / "out") == f"{path}: expected a dump of Wikipedia, but there is no such file"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[[a|b]], [[c]]s, [[ d#e ]], [[f|g|h]]", "b, cs, d#e, h"),
        ("[[File:x.jpg|thumb|a [[b|c]] d]] e [[image:y.png]]", "e"),
        ("[[Category:x]][[:Category:y]] [[fr:z]] [[zh-min-nan:z]]", "Category:y"),
        ("{{a|{{b|{{c}}}}|}} d {{e", "d e"),
        ("a }} b ]] c |} d", "a b c |} d"),
        ("{|\n! h\n|-\n| a {{b}}\n|}\nc", "c"),
        (":{| class=x\n| {{!}} y\n{|\n|z\n|}\n|}\nc", "c"),
        ("a {{b|c\n|}} d", "a d"),
        ("<ref>a</ref>b<ref name=x/>c<REF name='y'>d</Ref >e", "bce"),
        ("a <ref>b", "a b"),
        ("a<!-- b -->c<!-- d", "ac"),
        ("<math>\\frac{{a}}{b}</math>c <sup>2</sup>", "c 2"),
        ("a<nowiki>[[b]] {{c}}</nowiki>d", "ab cd"),
        ("'''a''' ''b'' '''''c'''''s d'e", "a b cs d'e"),
        ("== a ==\nb\n=== c ===\n* d\n:# e\n----\nf", "a. b c. d e f"),
        ("[https://x.org a b] [//y.org c] [mailto:a@b.c d] [http://z.org] [sic]", "a b c d [sic]"),
        ("a&nbsp;b &amp; c &lt;d&gt;", "a b & c <d>"),
        ("a ({{b}}) c ({{d}}, e) f (g, {{h}})", "a c (e) f (g)"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("İİİ<REF>a</REF>b", "İİİb"),
        ("[[Wii: a|b]] [[de:c]] [[d: e]]", "b d: e"),
        ("=\n= a\n==b==", "= = a b."),
        ("a\u2028b&#xD800;c", "a b\ufffdc"),
        ("", ""),
    ],
)
def test_markup_is_taken_off(text, shown):
    assert plain(text) == shown


def test_an_article_in_full():
    assert plain(ARTICLE) == PLAIN


HOSTILE = (
    """{{ [[ {| <ref> <!-- [[a| [http:// ' (( <math> = ( , x : [[a- <a & _ -ab |} ]] __A [[a]] {{a}} <b>"""
)


@pytest.mark.slow
@pytest.mark.parametrize("part", [*HOSTILE.split(), " ", "\n", "{|\n", "[//a b] "])
@pytest.mark.parametrize("first", ["", "= ", "[http://", "[[ab", "<ref name=", "(", "{{"])
def test_time_is_linear_in_the_length_of_a_hostile_page(part, first):
    started = time.perf_counter()
    text = plain(first + part * (100_000 // len(part)) + "end")
    assert time.perf_counter() - started < 3
    assert "\n" not in text
