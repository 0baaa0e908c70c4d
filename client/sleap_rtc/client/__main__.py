"""Adapter: `python -m sleap_rtc.client` is the command `sleap-rtc`."""

from sleap_rtc.client.root import main

if __name__ == "__main__":
    main()
