"""What each command of `tasam` does, a file each."""
