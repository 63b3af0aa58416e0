"""Files on disk: whole or not there, each kind with its reader and its writer."""
