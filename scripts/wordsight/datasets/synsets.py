"""The 1,000 classes of ILSVRC 2012 in the order of their labels, which is that of their synsets.

Names are WordNet's, from the tables of timm.
"""

from collections import Counter

from wordsight.files.packages import package_folder

SPACE = "imagenet-1k"


def synsets() -> list[str]:
    """WordNet ids of the classes, such as ``n01440764``."""
    return _table("imagenet_synsets.txt").split()


def lemmas() -> list[str]:
    """All names of each class, such as ``tench, Tinca tinca``; not all are distinct."""
    known = dict(row.split("\t", 1) for row in _table("imagenet_synset_to_lemma.txt").splitlines())
    return [known[synset] for synset in synsets()]


def class_names() -> list[str]:
    """One plain name of each class, all distinct: its first one, and all or the synset where it is shared."""
    full = lemmas()
    first = [names.split(", ")[0] for names in full]
    uses, full_uses = Counter(first), Counter(full)

    def name(short: str, names: str, synset: str) -> str:
        if uses[short] == 1:
            return short
        return names if full_uses[names] == 1 else f"{short} ({synset})"

    return [name(*given) for given in zip(first, full, synsets(), strict=True)]


def _table(name: str) -> str:
    return (package_folder("timm") / "data" / "_info" / name).read_text(encoding="utf-8")
