//! Masks → pictures for people: overlay, mask PNG, patch-prompt map.
