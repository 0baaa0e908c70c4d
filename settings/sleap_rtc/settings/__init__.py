"""One typed settings model for every part: defaults, then `sleap-rtc.toml`, then `SLEAP_RTC_*`."""

from sleap_rtc.settings.errors import SettingsError
from sleap_rtc.settings.loading import load_settings
from sleap_rtc.settings.model import Settings

__all__ = ["Settings", "SettingsError", "load_settings"]
