"""The pool and its pictures: read, squared, augmented, balanced, shifted."""
