"""Downloads: ``fetching`` gives verified files by their addresses, ``hub`` those of the Hugging Face hub."""
