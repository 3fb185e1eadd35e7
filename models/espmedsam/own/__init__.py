"""A folder of one's own pictures and masks -> checked; a controller trained over the shipped base, exported, measured."""
