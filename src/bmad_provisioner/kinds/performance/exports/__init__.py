"""What is measured, in the forms that other programs read."""
