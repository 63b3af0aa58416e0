"""Reading and writing files of each kind; a file is written completely or not at all."""
