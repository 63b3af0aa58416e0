"""Downloads: ``fetching`` gets and verifies files by address, ``hub`` those of the Hugging Face hub."""
