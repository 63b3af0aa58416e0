"""Where images come from: one file a source, each with ``load(section) -> Source``."""
