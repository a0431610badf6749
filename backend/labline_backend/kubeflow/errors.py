"""What goes wrong with a target, in words."""

from __future__ import annotations

from labline_compiler.findings import Finding, finding

UNREACHABLE = "LL602"
NOT_LET_IN = "LL603"
NOT_KUBEFLOW = "LL604"
NAMESPACE = "LL605"
RIGHTS = "LL606"
NO_SECRET = "LL607"  # noqa: S105 - a code
OUT_OF_SIGHT = "LL608"
REFUSED = "LL609"
GONE = "LL610"
NOT_MIRRORED = "LL611"
LATER_RIGHTS = "LL616"
NOT_SIGNED_IN = "LL617"


class TargetError(Exception):
    """One sentence on what is wrong, with the finding's code and a fix.

    ``passing`` says that the same call may well succeed later; ``status`` is the HTTP status, if any.
    """

    def __init__(
        self, code: str, message: str, fix: str | None = None, *, passing: bool = False, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix
        self.passing = passing
        self.status = status

    @property
    def finding(self) -> Finding:
        """The same as a finding."""
        return finding(self.code, str(self), fix=self.fix)
