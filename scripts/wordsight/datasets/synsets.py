"""The 1,000 classes of ILSVRC 2012 in the order of their labels, which is the order of their synset ids.

Their names are WordNet's, from tables in timm.
"""

from collections import Counter

from wordsight.files.packages import package_folder


def synsets() -> list[str]:
    """WordNet ids of the classes, such as ``n01440764``."""
    return _table("imagenet_synsets.txt").split()


def lemmas() -> list[str]:
    """All names of each class, such as ``tench, Tinca tinca``; not all are distinct."""
    known = dict(row.split("\t", 1) for row in _table("imagenet_synset_to_lemma.txt").splitlines())
    return [known[synset] for synset in synsets()]


def class_names() -> list[str]:
    """One plain name for each class, all distinct.

    It is the first of the class's names. If another class has the same first name, it is all names instead,
    or the first one with the synset if another class has all of them too.
    """
    full = lemmas()
    first = [names.split(", ")[0] for names in full]
    uses, full_uses = Counter(first), Counter(full)

    def name(short: str, names: str, synset: str) -> str:
        if uses[short] == 1:
            return short
        return names if full_uses[names] == 1 else f"{short} ({synset})"

    return [name(*row) for row in zip(first, full, synsets(), strict=True)]


def _table(name: str) -> str:
    return (package_folder("timm") / "data" / "_info" / name).read_text(encoding="utf-8")
