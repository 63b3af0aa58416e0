"""Where networks come from: one file per source, each with ``acquire(section) -> Pretrained``."""
