"""How prepared language models and word vectors are read: one file per source, each with ``load``."""
