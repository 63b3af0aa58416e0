"""The tables that people read: their columns, and how they are joined, checked, written and read back."""
