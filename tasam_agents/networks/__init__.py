"""Neural networks: policies and values."""
