"""Where networks come from: one file a source, each with ``acquire(section) -> Pretrained``."""
