"""Weight files: read and written, checked against the official network, fetched, averaged. Tensors alone: no network."""
