"""Pure: what can go wrong with what people do with a room's models at their own machine."""

from __future__ import annotations

from sleap_rtc.storage.errors import InputError, SleapRtcError


class AliasTaken(InputError):
    """The alias {alias} names model {holder}. Nothing was changed; `--move` takes it from there."""

    alias: str
    holder: str


class NoLossCurve(InputError):
    """Model {model_id} has no loss curve: {why}."""

    model_id: str
    why: str


class NotConfirmed(InputError):
    """Nothing was deleted. `--yes` says without a terminal that {what} may be deleted."""

    what: str


class PlotMissing(SleapRtcError):
    """Pictures need matplotlib, which is not installed here: pip install 'sleap-rtc[plot]'"""
