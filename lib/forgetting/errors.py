"""The one exception for what a user can mend."""


class Refused(Exception):
    """A user's mistake or a missing thing, told in one line: the value, what is allowed, the mend.

    The command line prints it and exits with code 2; no traceback is shown.
    """
