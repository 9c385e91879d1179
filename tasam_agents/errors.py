"""What a user can put right."""


class UserError(ValueError):
    """Bad input: a setting, a name or a file; the message names it, its value and what is allowed.

    The base of every refusal, so that a command catches this one class.
    """


class Damaged(UserError):
    """A file is not what was written. Where many runs are read, this concerns one of them and the others count."""


class Note(UserWarning):
    """What a user should know and need not act on; a command prints it as one line."""
