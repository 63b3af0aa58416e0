"""What a file is by its first bytes, whatever its name says."""

import re

# What lies under another name when a download or a copy went wrong.
SIGNATURES = {
    rb"(\xef\xbb\xbf)?\s*(?i:<!doctype html|<html)": "an HTML page",
    rb"version https://git-lfs": "a Git LFS pointer, for which `git lfs pull` fetches the file",
    rb"\x1f\x8b\x08": "a file compressed with gzip",
    rb"BZh[1-9]1AY&SY": "a file compressed with bzip2",
    rb"\xfd7zXZ\0": "a file compressed with xz",
    rb"\x28\xb5\x2f\xfd": "a file compressed with zstd",
    rb"PK\x03\x04": "a zip file",
    rb"\Z": "an empty file",
}


def describe_start(start: bytes) -> str:
    """Say what a file is that is not what it should be, by its first bytes; empty when they do not tell."""
    found = [words for signature, words in SIGNATURES.items() if re.match(signature, start)]
    return found[0] if found else ""
