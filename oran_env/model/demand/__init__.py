"""What the UEs want to send, and how long it waits."""
