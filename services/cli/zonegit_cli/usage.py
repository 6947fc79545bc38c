"""The error of a wrong command line or configuration file."""

from zonegit.errors import Invalid


class Usage(Invalid):
    """A command line that cannot be parsed, or a configuration file with an error."""

    code = "usage"
