"""Commands that measure what the pages quote."""
