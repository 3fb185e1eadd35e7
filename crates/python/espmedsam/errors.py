"""What can go wrong. Each kind has the name of the HTTP API's problem, where that has the same, as its `code`."""


class EspmedsamError(Exception):
    """The base of all kinds; its text says what happened this time."""

    code = "internal"


class BadArgumentError(EspmedsamError, ValueError):
    """An argument says what cannot be."""

    code = "bad-argument"


class PictureError(EspmedsamError, ValueError):
    """The picture is refused: empty, damaged, of no known kind, too large, too small, without the page or the region."""


class UnknownNameError(EspmedsamError, LookupError):
    """No such modality or model."""


class ModalityMismatchError(EspmedsamError):
    """The picture does not look like its modality: there is no mask."""

    code = "modality-mismatch"


class BusyError(EspmedsamError):
    """All places are taken, or nothing is ready yet: try again."""


class ModelUnusableError(EspmedsamError):
    """The models folder is missing, damaged or of another kind."""

    code = "model-unusable"


class TimedOutError(EspmedsamError, TimeoutError):
    """It took longer than it was given."""

    code = "timed-out"


class InternalError(EspmedsamError, RuntimeError):
    """A fault of this library."""


KINDS: dict[str, type[EspmedsamError]] = {
    "bad-argument": BadArgumentError,
    "empty-picture": PictureError,
    "not-a-picture": PictureError,
    "unsupported-picture": PictureError,
    "damaged-picture": PictureError,
    "picture-too-large": PictureError,
    "picture-too-small": PictureError,
    "too-much-work": PictureError,
    "no-such-page": PictureError,
    "bad-region": PictureError,
    "unknown-modality": UnknownNameError,
    "unknown-model": UnknownNameError,
    "no-guard": UnknownNameError,
    "modality-mismatch": ModalityMismatchError,
    "queue-full": BusyError,
    "too-many-sources": BusyError,
    "not-ready": BusyError,
    "model-unusable": ModelUnusableError,
    "engine-stuck": InternalError,
    "timed-out": TimedOutError,
    "stale": TimedOutError,
    "no-mask": BusyError,
    "too-long-for-jpeg": PictureError,
    "stopped": InternalError,
    "internal": InternalError,
}


def of(code: str, message: str) -> EspmedsamError:
    """The exception of a kind of fault; its `code` is that kind's."""
    error = KINDS.get(code, EspmedsamError)(message)
    error.code = code
    return error
