"""Tree: the state of files, and the way from one state to another."""
