"""Where language models and word vectors come from: one file a source, with ``fetch(section, directory)``."""
