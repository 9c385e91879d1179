"""A newcomer follows the pages word by word."""
