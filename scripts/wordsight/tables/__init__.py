"""The tables that people read: their columns, how they are put together, checked and written."""
