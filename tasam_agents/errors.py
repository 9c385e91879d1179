"""What a user can put right."""


class UserError(ValueError):
    """Bad input: a setting, a name or a file; the message names it, its value and what is allowed.

    The base of every refusal, so that a command catches this one class.
    """
