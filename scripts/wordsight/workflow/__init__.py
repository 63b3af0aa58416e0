"""What the Snakefile asks: the files of a configuration, and what each step reads and depends on."""
