"""Pure: the name and version of the reference trainer, a small pose model of our own that runs anywhere.

It takes the place of sleap-nn where there is no GPU and no torch: same command line, same configuration
fields, same progress messages, same output directory. It learns for real, on the frames that a SLEAP
package embeds, and says everywhere that it is the reference trainer and not SLEAP.

    python -m sleap_rtc.worker.reference_trainer train --config-name single_instance.yaml --config-dir .
"""

from typing import Final

TRAINER_NAME: Final = "reference trainer"
TRAINER_VERSION: Final = "1.0"
