"""Performance: what is measured, why it is slow, what is worth doing, and whether it helped."""
