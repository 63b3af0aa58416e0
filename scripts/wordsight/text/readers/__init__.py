"""How prepared language models and word vectors are read: one file a source, each with ``read``."""
