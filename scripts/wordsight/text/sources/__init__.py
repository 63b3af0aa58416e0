"""Sources of language models and word vectors: one file per source, with ``fetch(section, directory)``."""
