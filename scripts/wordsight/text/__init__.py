"""Text: language models and word vectors that read class names, and corpora to learn words from."""
