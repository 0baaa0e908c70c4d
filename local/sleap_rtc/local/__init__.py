"""The whole product on one machine: embedded engines, `sleap-rtc up` and `sleap-rtc demo`."""
