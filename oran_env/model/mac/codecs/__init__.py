"""What an action may mean: a codec, a file."""
