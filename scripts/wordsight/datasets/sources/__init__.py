"""Where images come from: one module per source, each with ``load(section) -> Source``."""
