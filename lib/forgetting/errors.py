"""The exceptions for what a user can mend."""


class Refused(Exception):
    """A user's mistake or a missing thing, told in one line: the value, what is allowed, the mend.

    The command line prints it and exits with code 2; no traceback is shown.
    """


class Absent(Refused):
    """Optional data are not here; the line says what to put where. Pages go on without them."""
