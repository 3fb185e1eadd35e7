"""What the whole project takes as given, each fact once: modalities, the network's shape, colours, the nodes and the signs
that the program shares (`contract`). Plain values; nothing of ours is imported here."""
