"""Answers for the Snakefile: which files a configuration makes, and what each step reads and depends on."""
