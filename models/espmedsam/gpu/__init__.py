"""Minutes of one GPU as the whole training: the pool in one file, everything after that on the device."""
