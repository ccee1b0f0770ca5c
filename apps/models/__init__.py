"""The models page: what is loaded, what is on the disk, and what could be fetched."""
