"""One typed settings model for every part: defaults, then `sleap-rtc.toml`, then `SLEAP_RTC_*`."""

from sleap_rtc.settings.model import Settings, SettingsError, load_settings

__all__ = ["Settings", "SettingsError", "load_settings"]
